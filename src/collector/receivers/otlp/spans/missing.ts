import type { StoredTrace } from '../../../../core/signals/span.ts';
import type { ToldEvent } from './decide.ts';
import type { Trace } from './trace.ts';

/** How a span that was told is marked, by the signal of its event. */
const TOLD_AS = { 'llm-call': 'call', 'rag-query': 'query' } as const;
const SIGNALS = Object.keys(TOLD_AS) as (keyof typeof TOLD_AS)[];

/**
 * What nobody has told yet of a trace that was decided from its stored spans. Of a signal that somebody has told otherwise,
 * an agent or a decision without some of the spans, nothing: the same work would be counted twice.
 *
 * @param here the trace as far as it came to this process and was decided by itself.
 * @param whole the trace, decided from all its spans, which were `events`.
 */
export function missingOf(
  { told }: Pick<StoredTrace, 'told'>,
  here: Trace,
  whole: Trace,
  events: readonly ToldEvent[],
): ToldEvent[] {
  return SIGNALS.flatMap((signal) => {
    const own = events.filter(({ event }) => event.signal === signal);
    const ids = new Set(own.map(({ event }) => event.id));
    if ([...told[signal]].some((id) => !ids.has(id)) || isToldOtherwise(here, whole, TOLD_AS[signal]))
      return [];
    return own.filter(({ event, spanId }) => {
      return !told[signal].has(event.id) && here.nodes.get(spanId)?.told !== TOLD_AS[signal];
    });
  });
}

function isToldOtherwise(here: Trace, whole: Trace, what: 'call' | 'query'): boolean {
  return [...here.nodes.values()].some(({ id, told }) => told === what && whole.nodes.get(id)?.told !== what);
}
