import type { SpanEvent } from '../../../../core/signals/span.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { asQueryNow, forWhom } from './as-now.ts';
import { decideCalls } from './calls.ts';
import type { SpanEvents } from './events.ts';
import { keptSpan } from './kept-span.ts';
import { rememberedSpan } from './known/remembered-span.ts';
import { decideQueries } from './queries.ts';
import { requestsOf } from './requests.ts';
import { correct, type Teller, type ToldEvent, type Wanted } from './telling.ts';
import type { Told, Trace } from './trace.ts';

/** What spans have become. */
export interface Decided {
  /** Those that take something back come first. */
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

/** How traces are decided. */
export interface Deciding extends Teller {
  readonly make: SpanEvents;
}

/**
 * What a trace tells by all of its spans that have come, as far as it was not told or was told otherwise; after that it holds
 * nothing.
 */
export function decideHeld(trace: Trace, deciding: Deciding, keepsSpans: boolean): Decided {
  const { make } = deciding;
  const events = make.inRound(trace, () => correct(trace, wantedOf(trace, make), deciding));
  trace.kept ||= trace.hasParts || isSampled(trace.id) || isRemarkable(trace);
  const spans = keepsSpans ? keptOf(trace) : [];
  trace.release((node, span) => rememberedSpan(node, span, (attributes) => make.personIn(attributes)));
  return { events, spans };
}

function wantedOf(trace: Trace, make: SpanEvents): Wanted[] {
  const calls = decideCalls(trace).map((call): Wanted => {
    const event = (told: Told | null) =>
      told === null ? make.call(call) : forWhom(told, make.personOf(call.node));
    return { signal: 'llm-call', spanId: call.node.id, event };
  });
  const queries = decideQueries(trace).map((query): Wanted => {
    const event = (told: Told | null) => asQueryNow(told, make.query(trace.id, query));
    return { signal: 'rag-query', spanId: query.anchor.id, event };
  });
  return [...calls, ...queries, ...requestsOf(trace, make)];
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
