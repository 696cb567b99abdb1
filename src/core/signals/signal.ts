import type { Meter } from '@opentelemetry/api';
import type { EventBase } from '../event.ts';
import type { Measure } from '../history/measures.ts';
import type { RecordLayout } from '../records/layout.ts';
import type { RecordedId } from '../records/recorded-id.ts';
import type { Accepts } from './checks.ts';
import type { Fact } from './facts.ts';
import type { InstrumentSpec } from './instruments.ts';

/** A value of a row; a time in milliseconds since the epoch; an id as text, or where it is read. */
export type ColumnValue = string | number | boolean | null | RecordedId;

/** One column of a signal's row: its name in the table, its Postgres type, and its value for an event. */
export interface Column<E> {
  readonly name: string;
  readonly type:
    | 'uuid'
    | 'timestamptz'
    | 'varchar'
    | 'text'
    | 'integer'
    | 'bigint'
    | 'double precision'
    | 'numeric'
    | 'boolean'
    | 'jsonb';
  readonly value: (event: E) => ColumnValue;
}

/** A distribution of the rows: of a column, or of an expression over the row `r` and what is joined to it. */
export interface HistoryField {
  readonly value: { readonly column: string } | { readonly sql: string; readonly join?: string };
  /** Rows without a value are not part of it. @default they are counted */
  readonly onlyWithValue?: boolean;
  /** Dimensions the rollups have it by, the totals aside; any two of them together by the hour and day. */
  readonly rolledBy: readonly string[];
  /** Dimensions with about as many values as a minute has rows: rolled up by the hour and day, and without histograms. */
  readonly hourlyBy?: readonly string[];
}

/** Values under different names of a dimension are in different units: a question has to be about one of them. */
export interface OneAtATime {
  readonly dimension: string;
  /** The name asked about first. */
  readonly first: string;
  /** What a question without one is told. */
  readonly expected: string;
}

/** How a signal's rows are read: SQL expressions over the row `r`. None of it ever comes from outside. */
export interface SignalHistory {
  /** What history can be grouped and filtered by. */
  readonly dimensions: Readonly<Record<string, string>>;
  /** `value` is the signal's own. */
  readonly fields: Readonly<Record<string, HistoryField>>;
  /**
   * What adds up, by name: an expression, or the number of rows a fact holds of. Money is `numeric`, so that sums are exact.
   * `errors` counts what failed.
   */
  readonly sums: Readonly<Record<string, string | Fact>>;
  readonly measures: Readonly<Record<string, Measure>>;
  /** What is asked first. */
  readonly firstMeasure: string;
  readonly oneAtATime?: OneAtATime;
  /** Rows are made by a timer: the shortest step that has some for certain, in milliseconds. @default any */
  readonly finestStepMs?: number;
}

/** The keys of `NERVECENTER_RETENTION_DAYS`. */
export const RETENTION_KEYS = ['request', 'system', 'llm', 'rag', 'cache', 'span'] as const;
export type RetentionKey = (typeof RETENTION_KEYS)[number];

/**
 * One kind of event: how it is measured, stored, received and asked for. Everything else that is said of it, in settings,
 * SQL, routes and the dashboard, is derived from this. The column values are pure.
 *
 * `table` is in the schema `enterprise`; the first two columns of every signal are `id` and `timestamp`.
 */
export interface Signal<E extends EventBase> {
  readonly name: E['signal'];
  /** What its events are called: as a heading, and within a sentence. */
  readonly words: { readonly title: string; readonly plural: string };
  readonly table: string;
  /** The columns that name one of its rows among others of a trace, such as method and endpoint. @default its own name does */
  readonly namedBy?: readonly string[];
  readonly instruments: readonly InstrumentSpec[];
  /**
   * Makes the instruments that events are measured with, and gives back what records an event on them. Attributes come from
   * bounded sets: never a user, a trace id or a raw path.
   */
  readonly measure: (meter: Meter) => (event: E) => void;
  readonly columns: readonly Column<E>[];
  /** How an event is handed over, as bytes. */
  readonly record: RecordLayout<E>;
  /** What an event has to be like that comes from another process. */
  readonly accepts: Accepts<E>;
  readonly history: SignalHistory;
  /** For how many days rows are kept, and which setting says otherwise. */
  readonly retention: { readonly key: RetentionKey; readonly days: number };
}
