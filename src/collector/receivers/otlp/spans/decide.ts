import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import type { SpanEvent } from '../../../../core/signals/span.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { readSpan } from '../dialects/index.ts';
import type { OtlpSpan } from '../model.ts';
import { decideCalls } from './calls.ts';
import type { SpanEvents } from './events.ts';
import { keptSpan } from './kept-span.ts';
import { decideQueries } from './queries.ts';
import { Trace } from './trace.ts';

/** An event, and the span that tells it: of a query the one around its parts. */
export interface ToldEvent {
  readonly event: NervecenterEvent;
  readonly spanId: string;
}

/** What spans have become. */
export interface Decided {
  readonly events: readonly ToldEvent[];
  readonly spans: readonly SpanEvent[];
}

/** A request that takes so long is looked into: people give up waiting at some point, and averages do not show it. */
export const SLOW_ROOT_MS = 5 * SECOND_MS;
/** Of traces with nothing remarkable one in so many is kept, by its id, so that every collector keeps the same. */
export const SAMPLED_ONE_IN = 20;

const RANDOM_DIGITS = 14;
const RANDOM_MAX = 16 ** RANDOM_DIGITS;

/** As OpenTelemetry's samplers by ratio: the last 56 bits of a trace id are random. */
export function isSampled(traceId: string): boolean {
  return Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) < RANDOM_MAX / SAMPLED_ONE_IN;
}

/** Calls, queries and kept spans of what a trace holds; after that it holds nothing. Requests are told when they come. */
export function decideHeld(trace: Trace, make: SpanEvents, keepsSpans: boolean): Decided {
  const calls = decideCalls(trace).map((call) => ({ event: make.call(call), spanId: call.node.id }));
  const queries = decideQueries(trace).map((query) => ({
    event: make.query(trace.id, query),
    spanId: query.anchor.id,
  }));
  trace.kept ||= trace.hasParts || isSampled(trace.id) || isRemarkable(trace);
  const spans = keepsSpans ? keptOf(trace) : [];
  trace.release();
  return { events: [...calls, ...queries], spans };
}

/**
 * The held spans of a trace that is known to be kept, each once. Those around a call or a part of a query are told before they are
 * decided: once their rows are stored, a collector that starts after a kill can decide them.
 */
export function keptOf(trace: Trace): SpanEvent[] {
  if (!trace.kept && !trace.hasParts) return [];
  const kept: SpanEvent[] = [];
  for (; trace.heldKept < trace.held.length; trace.heldKept++) {
    const node = trace.held[trace.heldKept];
    if (node?.span) kept.push(keptSpan(node.span, node.reading));
  }
  return kept;
}

/** A span that failed, or one with nothing above it that took long. */
function isRemarkable({ held }: Trace): boolean {
  return held.some(({ span, parent }) => {
    if (span === null) return false;
    return span.status === 'error' || (parent?.state !== 'held' && span.endMs - span.startMs >= SLOW_ROOT_MS);
  });
}

/**
 * Decides one trace from all of its spans, as the assembler does when they come one by one: for spans that were stored
 * before they were decided. Same spans, same ids.
 *
 * @param trace a new one, which knows afterwards what was told.
 */
export function decideTrace(
  spans: readonly OtlpSpan[],
  make: SpanEvents,
  trace = new Trace(spans[0]?.traceId ?? ''),
): readonly ToldEvent[] {
  for (const span of spans) trace.add(span, readSpan(span));
  return decideHeld(trace, make, false).events;
}
