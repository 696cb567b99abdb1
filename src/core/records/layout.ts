import type { Attribution, EventBase } from '../event.ts';

/**
 * How a field of an event stands in its record, little-endian:
 *
 * - `uuid`: 16 bytes.
 * - `trace`, `span`: a byte that says what follows, then 16 or 8 bytes, or a text that is no such id.
 * - `number`: 8 bytes, IEEE 754; NaN is `null`, infinity is absent.
 * - `name`: 2 bytes, the number of a text that came before as a definition; for texts that come again.
 * - `text`: its length in 4 bytes, then UTF-8.
 * - `flag`: a byte: absent, `null`, false, true.
 * - `numbers`: a record of numbers by name: how many there are in 2 bytes, then 2 bytes and 8 for each.
 * - `json`: as `text`, for what is rare.
 */
export type FieldKind = 'uuid' | 'trace' | 'span' | 'number' | 'name' | 'text' | 'flag' | 'numbers' | 'json';

/**
 * The fields of an event that its sender fills in, in the order of the record. Processes of two versions talk to each other:
 * later fields come last, and none ever goes or changes its kind.
 */
export type RecordLayout<E> = {
  readonly [F in Exclude<keyof E, 'signal' | 'sender' | 'retractsMs'>]-?: FieldKind;
};

/** Of every event. */
export const EVENT_RECORD: RecordLayout<EventBase> = { id: 'uuid', timeMs: 'number' };
/** Of every event that is for somebody. */
export const ATTRIBUTION_RECORD: RecordLayout<Attribution> = {
  traceId: 'trace',
  userEmail: 'name',
  department: 'name',
  parentSpanId: 'span',
  sampled: 'flag',
};

/** What an id or a text may be instead of itself. */
export const NULL = 0;
export const ABSENT = 1;
export const GIVEN = 2;
/** An id that is none: the text follows. */
export const OTHER = 3;
export const FALSE = 2;
export const TRUE = 3;

/** Numbers of names: `NULL`, `ABSENT`, then names by the order of their definitions. */
export const NAMES_FROM = 2;
export const NAMES_MAX = 0xffff;

/**
 * Of one name: it is written once and stands in many events, which are longer than their record by all of it. One more than the
 * longest text of an event may be, so that what is too long is still too long.
 */
export const NAME_CHARS_MAX = 4097;

export const TRACE_BYTES = 16;
export const SPAN_BYTES = 8;
export const UUID_BYTES = 16;

/** Lengths of texts that are none. */
export const NULL_TEXT = 0xffff_ffff;
export const ABSENT_TEXT = 0xffff_fffe;

/** A record: the length of the rest in 4 bytes, then what it is. */
export const PREFIX_BYTES = 5;
/** The text of the next name. */
export const DEFINITION = 0;
/** An event: its signal as a name, then its fields. */
export const EVENT_RECORD_TYPE = 1;
