import { spanIdOf } from '../event.ts';

/** What decides where an item of a trace belongs; times in milliseconds. */
export interface Nestable {
  readonly id: string;
  readonly kind: string;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly span_kind: string | null;
  readonly service: string | null;
  readonly startMs: number;
  readonly duration_ms: number;
}

export interface Place<T> {
  /** `null`: it is part of nothing that is known. */
  readonly parent: T | null;
  readonly by: 'span' | 'time' | null;
}

/** Two measurements of one thing differ by so much: events are measured around a call, spans inside or outside of that. */
const CLOSE_MS = 5;
/** … or by this share of it. */
const CLOSE_SHARE = 0.05;
/** Clocks of one process are read in whole milliseconds by some senders. */
const TOLERANCE_MS = 1;
/** As what kind of span an instrumentation sees what is an event to us. */
const SPAN_KINDS: Readonly<Record<string, string>> = {
  request: 'server',
  'ws-session': 'server',
  'llm-call': 'client',
  'rag-query': 'internal',
};

const OUTGOING: ReadonlySet<string | null> = new Set(['client', 'producer']);

/**
 * Where each item of a trace belongs. A span names its parent, which may be an event of our own agents. An event names none,
 * nor is every parent stored: such an item is part of the span that saw the same thing, else of the shortest item that ran
 * all the while, of its own service if there is one. No item is part of itself, whatever senders say.
 *
 * @returns the places in the order of the items.
 */
export function nest<T extends Nestable>(items: readonly T[]): Place<T>[] {
  const places = new Map<T, Place<T>>();
  const spans = new Map<string, T>();
  for (const item of items) {
    const spanId = item.span_id ?? spanIdOf(item.id);
    if (!spans.has(spanId)) spans.set(spanId, item);
  }
  const isWithin = (item: T | null, ancestor: T): boolean => {
    for (let one = item; one !== null; one = places.get(one)?.parent ?? null)
      if (one === ancestor) return true;
    return false;
  };
  for (const item of items) {
    const parent = item.parent_span_id === null ? undefined : spans.get(item.parent_span_id);
    if (parent !== undefined && !isWithin(parent, item)) places.set(item, { parent, by: 'span' });
  }
  for (const item of items) {
    const isRoot = item.span_id !== null && item.parent_span_id === null;
    if (places.has(item) || isRoot) continue;
    const parent = placeByTime(item, items, (one) => !isWithin(one, item));
    if (parent !== null) places.set(item, { parent, by: 'time' });
  }
  return items.map((item) => places.get(item) ?? { parent: null, by: null });
}

function placeByTime<T extends Nestable>(
  item: T,
  items: readonly T[],
  isFree: (candidate: T) => boolean,
): T | null {
  let best: T | null = null;
  for (const candidate of items) {
    if (candidate === item) continue;
    if (item.span_id === null && isTwin(candidate, item) && isFree(candidate)) return candidate;
    if (covers(candidate, item) && (best === null || isCloser(candidate, best, item)) && isFree(candidate))
      best = candidate;
  }
  return best;
}

/** Whether a span is what an instrumentation saw of what an event is of. */
function isTwin(span: Nestable, event: Nestable): boolean {
  if (span.kind !== 'span' || span.span_kind !== SPAN_KINDS[event.kind] || span.service !== event.service)
    return false;
  const close = Math.max(CLOSE_MS, CLOSE_SHARE * event.duration_ms);
  return Math.abs(span.startMs - event.startMs) <= close && Math.abs(endOf(span) - endOf(event)) <= close;
}

function covers(outer: Nestable, inner: Nestable): boolean {
  return (
    mayHold(outer, inner) &&
    outer.duration_ms > inner.duration_ms &&
    outer.startMs <= inner.startMs + TOLERANCE_MS &&
    endOf(outer) >= endOf(inner) - TOLERANCE_MS
  );
}

/** A model call holds nothing, and another call that goes out only what it causes elsewhere: calls run side by side. */
function mayHold(outer: Nestable, inner: Nestable): boolean {
  if (outer.kind === 'llm-call') return false;
  return !OUTGOING.has(outer.span_kind) || outer.service !== inner.service;
}

function isCloser(candidate: Nestable, best: Nestable, { service }: Nestable): boolean {
  const isOwn = candidate.service === service;
  if (isOwn !== (best.service === service)) return isOwn;
  return candidate.duration_ms < best.duration_ms;
}

const endOf = ({ startMs, duration_ms }: Nestable): number => startMs + duration_ms;
