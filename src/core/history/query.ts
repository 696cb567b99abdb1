import type { SignalName } from '../signals/index.ts';
import type { Bands } from './bands.ts';
import type { Buckets } from './buckets.ts';
import type { Dimension, Measure } from './measures.ts';

/** Rows to look at: equal in every named dimension. */
export type Filters = Readonly<Record<Dimension, string>>;

/** A question to history that can be answered: every name in it is one of ours, every number within its bound. */
export interface HistoryQuery {
  readonly signal: SignalName;
  readonly measureName: string;
  readonly measure: Measure;
  readonly buckets: Buckets;
  readonly timeZone: string;
  readonly groupBy: Dimension | null;
  readonly filters: Filters;
  /** Of a percentile that is not grouped: into how many bands of values its distribution is to be told, too. */
  readonly bands?: number;
  /** Until when there can have been anything: the rate of the bucket in progress is over the time that has passed. */
  readonly nowMs: number;
}

/**
 * Where the answer was read from: the coarsest that it was, because what does not fill a day is read from hours, then minutes,
 * then rows. All give the same counts and sums.
 */
export type HistorySource = 'rollup_day' | 'rollup_hour' | 'rollup_minute' | 'rows';

export interface HistorySeries {
  /** By the dimension asked for: its value, `null` for rows that have none, `<other>` for all past the bound. */
  readonly group: Readonly<Record<string, string | null>>;
  /** Beginning of the bucket in milliseconds since the epoch, and the measure: `null` where there is nothing to measure. */
  readonly points: readonly (readonly [number, number | null])[];
}

export interface HistoryAnswer {
  readonly signal: SignalName;
  readonly measure: string;
  readonly unit: string;
  /** The range covered: the one asked for, extended to whole buckets. ISO 8601 in UTC. */
  readonly from: string;
  readonly to: string;
  readonly step_seconds: number;
  readonly tz: string;
  readonly source: HistorySource;
  /** When the oldest row that is stored is of, whatever its signal: before, nobody was looking. Absent while nothing is. */
  readonly first_row?: string;
  /** Where the step under way begins: what adds up over a step is still growing in it. Absent when all are over. */
  readonly partial_from?: string;
  /** Percentiles only: how far from the exact value one can be, relatively. Everything else is exact. */
  readonly relative_error_max?: number;
  /** When it was asked for with `bands`. */
  readonly distribution?: Bands;
  readonly series: readonly HistorySeries[];
}

/** Where a page ends: the last row's timestamp, as Postgres writes it to the microsecond, and its id. */
export interface EventCursor {
  readonly timestamp: string;
  readonly id: string;
}

export interface EventsQuery {
  readonly signal: SignalName;
  readonly filters: Filters;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** One event. */
  readonly id: string | null;
  readonly traceId: string | null;
  /** Only what counts as an error in the signal's `error_rate`. */
  readonly failedOnly: boolean;
  /** Only what took at least so many milliseconds. */
  readonly minMs: number | null;
  readonly limit: number;
  /** The longest first instead of the newest; one page and no more. @default false */
  readonly slowestFirst?: boolean;
  readonly after: EventCursor | null;
}

/** Objects are the columns of JSON: a query's stages, a gauge's tags, a call's billed units. */
export type EventValue = string | number | boolean | null | Readonly<Record<string, unknown>>;

export type EventRow = Readonly<Record<string, EventValue>>;

export interface EventsAnswer {
  readonly signal: SignalName;
  readonly events: readonly EventRow[];
  /** For the next page; `null` on the last one. */
  readonly next_cursor: string | null;
}
