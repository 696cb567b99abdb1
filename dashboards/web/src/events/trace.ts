import type { EventRow, EventsAnswer } from '../../../../src/core/history/query.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';
import { endMsOf, KINDS } from './kinds.ts';

/** One event of a trace, in milliseconds from the beginning of the first. */
export interface TraceSpan {
  readonly id: string;
  readonly signal: SignalName;
  readonly row: EventRow;
  readonly title: string;
  readonly offsetMs: number;
  readonly durationMs: number;
  readonly isFailed: boolean;
}

export interface Trace {
  /** In milliseconds since 1970. */
  readonly startMs: number;
  readonly lengthMs: number;
  /** By their beginning; of those that begin together the longest first, as it is around the others. */
  readonly spans: readonly TraceSpan[];
}

/** The events of a trace on one line of time. A row knows when it ended and how long it took. */
export function traceOf(answers: readonly EventsAnswer[]): Trace {
  const spans = answers.flatMap(({ signal, events }) => events.map((row) => spanOf(signal, row)));
  const startMs = spans.reduce((first, { offsetMs }) => Math.min(first, offsetMs), Infinity);
  const endMs = spans.reduce((last, { offsetMs, durationMs }) => Math.max(last, offsetMs + durationMs), 0);
  return {
    startMs: spans.length === 0 ? 0 : startMs,
    lengthMs: spans.length === 0 ? 0 : endMs - startMs,
    spans: spans
      .map((span) => ({ ...span, offsetMs: span.offsetMs - startMs }))
      .sort((a, b) => a.offsetMs - b.offsetMs || b.durationMs - a.durationMs),
  };
}

function spanOf(signal: SignalName, row: EventRow): TraceSpan {
  const kind = KINDS[signal];
  const took = kind.duration === null ? null : row[kind.duration];
  const durationMs = typeof took === 'number' && took > 0 ? took : 0;
  return {
    id: String(row['id']),
    signal,
    row,
    title: kind.titleOf(row),
    offsetMs: endMsOf(row) - durationMs,
    durationMs,
    isFailed: kind.isFailed(row),
  };
}
