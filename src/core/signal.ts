import type { NervecenterEvent } from './event.ts';
import type { Attributes } from './frame.ts';

/** An OpenTelemetry instrument as data; the agent makes the real one. */
export interface InstrumentSpec {
  readonly name: string;
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly unit: string;
  readonly description: string;
}

/** Records one measurement. Attributes must come from a bounded set: never a user, a trace id or a raw path. */
export type RecordMeasurement = (instrument: InstrumentSpec, value: number, attributes: Attributes) => void;

/** A value of a row; a time in milliseconds since the epoch. */
export type ColumnValue = string | number | boolean | null;

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

/**
 * One kind of event: how it is measured and how it is stored. `measure` and the column values are pure.
 *
 * `table` is in the schema `enterprise`; the first two columns of every signal are `id` and `timestamp`.
 */
export interface Signal<E extends NervecenterEvent = NervecenterEvent> {
  readonly name: E['signal'];
  readonly table: string;
  readonly instruments: readonly InstrumentSpec[];
  readonly measure: (event: E, record: RecordMeasurement) => void;
  readonly columns: readonly Column<E>[];
}
