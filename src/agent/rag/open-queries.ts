import { type Agent, rootOf } from '../instrumentation.ts';

/** Queries that the end of the process gives a row; at the bound the oldest is forgotten: it may never come to an end. */
const OPEN_QUERIES_MAX = 1000;

const openQueries = new WeakMap<Agent, Set<() => void>>();

/**
 * Calls `end` when the process ends before the query does.
 *
 * @returns to be called when the query has ended.
 */
export function opened(variant: Agent, end: () => void): () => void {
  const agent = rootOf(variant);
  const open = openQueries.get(agent) ?? firstOf(agent);
  const [oldest] = open;
  if (open.size >= OPEN_QUERIES_MAX && oldest !== undefined) {
    open.delete(oldest);
    agent.gaveUp('queries_full');
  }
  open.add(end);
  return () => open.delete(end);
}

function firstOf(agent: Agent): Set<() => void> {
  const open = new Set<() => void>();
  openQueries.set(agent, open);
  agent.beforeEnd(() => {
    for (const end of open) end();
  });
  return open;
}
