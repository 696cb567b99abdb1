import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { type Milliseconds, milliseconds, SECOND_MS } from '../../../../core/units.ts';
import { type Told, type Trace, toldKey } from './trace.ts';

/** An event, and the span that tells it: of a query the one around its parts. */
export interface ToldEvent {
  readonly event: NervecenterEvent;
  readonly spanId: string;
}

/** What telling takes besides the spans. */
export interface Teller {
  /** Whether what is told for the first time counts: not where somebody else tells the same. */
  readonly counts: (told: ToldEvent) => boolean;
  /** In milliseconds since the epoch. */
  readonly now: () => Milliseconds;
}

/** What the spans that have come so far tell. */
export interface Wanted {
  readonly signal: NervecenterEvent['signal'];
  readonly spanId: string;
  /**
   * @param before what was told of it; returned itself where that is still so.
   * @returns `null` where there is nothing to tell after all.
   */
  readonly event: (before: Told | null) => NervecenterEvent | null;
}

/** Tells what was not told yet. */
export function tellFirst(trace: Trace, wanted: readonly Wanted[], teller: Teller): ToldEvent[] {
  return wanted.flatMap(({ signal, spanId, event }) => {
    const key = toldKey(signal, spanId);
    const made = trace.told.has(key) ? null : event(null);
    if (made === null) return [];
    const told = { event: made, spanId };
    const counted = !trace.toldByOthers.includes(signal) && teller.counts(told);
    trace.told.set(key, { event: made, atMs: teller.now(), counted, stored: false });
    return counted ? [told] : [];
  });
}

/**
 * Makes what was told of a trace what its spans tell: takes back what is no more so, and tells what is. A sender that repeats
 * itself, and spans that change nothing, make nothing.
 */
export function correct(trace: Trace, wanted: readonly Wanted[], teller: Teller): ToldEvent[] {
  const retracted: ToldEvent[] = [];
  const changed: ToldEvent[] = [];
  const stays = new Set<string>();
  for (const { signal, spanId, event } of wanted) {
    const key = toldKey(signal, spanId);
    stays.add(key);
    const told = trace.told.get(key);
    if (told === undefined || told.event === null) continue;
    const now = event(told);
    if (now === null || now === told.event) continue;
    if (told.counted) {
      retracted.push(...retraction(trace, spanId, told));
      changed.push({ event: now, spanId });
    }
    trace.told.set(key, { ...told, event: now, atMs: teller.now() });
  }
  for (const [key, told] of trace.told) {
    if (stays.has(key)) continue;
    trace.told.delete(key);
    if (told.counted) retracted.push(...retraction(trace, key.split(' ')[1] ?? '', told));
  }
  return [...retracted, ...changed, ...tellFirst(trace, wanted, teller)];
}

function retraction(trace: Trace, spanId: string, { event, atMs }: Told): ToldEvent[] {
  if (event === null) return [];
  trace.retracted ??= new Set();
  trace.retracted.add(event.id);
  // By the second, so that those of many are taken off together.
  const retractsMs = milliseconds(Math.floor(atMs / SECOND_MS) * SECOND_MS);
  return [{ event: { ...event, retractsMs }, spanId }];
}
