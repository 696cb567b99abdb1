import type { NervecenterEvent } from '../../../core/signals/index.ts';

/**
 * What was sent cannot be taken back from there. So of what takes the place of something as many go as there were: the
 * receiver has as many calls and queries of a trace as there are, some of them as they were told first. Each trace is
 * balanced by itself: it does not depend on which others are offered with it.
 */
export function sentOut(events: readonly NervecenterEvent[]): readonly NervecenterEvent[] {
  const retracted = events.filter(({ retractsMs }) => retractsMs !== undefined);
  if (retracted.length === 0) return events;
  const told = events.filter(({ retractsMs }) => retractsMs === undefined);
  const toldBefore = new Set(retracted.map(factOf));
  const left = new Map<string, number>();
  const add = (kind: string, count: number) => left.set(kind, (left.get(kind) ?? 0) + count);
  for (const event of retracted) add(kindOf(event), 1);
  for (const event of told) if (toldBefore.has(factOf(event))) add(kindOf(event), -1);
  return told.filter((event) => {
    if (toldBefore.has(factOf(event))) return false;
    const stands = left.get(kindOf(event)) ?? 0;
    add(kindOf(event), -1);
    return stands <= 0;
  });
}

/** A call and a query may be told by one span, under one id. */
const factOf = ({ signal, id }: NervecenterEvent): string => `${signal} ${id}`;

/** What can take each other's place. */
function kindOf(event: NervecenterEvent): string {
  return `${event.signal} ${'traceId' in event ? event.traceId : null}`;
}
