import type { EventsMessage } from '../../core/frame.ts';
import { REQUEST_FIELDS } from '../../core/packed-requests.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Ended } from '../../link/farewell.ts';

/** What became of the last events of a process, for whoever started it; empty when they are kept and all is well. */
export function notKeptLine(
  lost: readonly EventsMessage[],
  { done, problem }: Ended,
  waitedMs: number,
): string {
  const counts = countsOf(lost);
  if (counts.size === 0) return problem;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const which = [...counts].map(([signal, count]) => `${count} ${signal}`).join(', ');
  const late = `to keep them took longer than ${waitedMs / SECOND_MS} s. Where the disk is slow, set NERVECENTER_DATA_DIR to a directory on another one`;
  const why = problem === '' && !done ? late : problem || 'the collector stopped before it had them';
  const are = total === 1 ? 'event of this process is' : 'events of this process are';
  return `the last ${are} not kept (${which}): ${why}`;
}

function countsOf(messages: readonly EventsMessage[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (signal: string, count: number) => counts.set(signal, (counts.get(signal) ?? 0) + count);
  for (const { requests = [], events } of messages) {
    if (requests.length > 0) add('request', requests.length / REQUEST_FIELDS);
    for (const { signal } of events) add(signal, 1);
  }
  return counts;
}
