import type { Attribution, EventBase } from '../event.ts';
import { RecordedId } from '../records/recorded-id.ts';
import type { Column, ColumnValue } from './signal.ts';

const TRACE_ID_LENGTH_MAX = 32;

/** Every signal's first two columns. */
export function eventColumns<E extends EventBase>(): Column<E>[] {
  return [
    { name: 'id', type: 'uuid', value: idOf },
    { name: 'timestamp', type: 'timestamptz', value: (event) => event.timeMs },
  ];
}

/** Of an event that is read where it stands in its record; others may claim anything under these names. */
interface RecordedIds {
  readonly recordedId?: unknown;
  readonly recordedTraceId?: unknown;
}

function idOf(event: EventBase & RecordedIds): ColumnValue {
  const { recordedId } = event;
  return recordedId instanceof RecordedId ? recordedId : event.id;
}

/** The trace of an event, for its column. */
export function traceOf(event: Pick<Attribution, 'traceId'> & RecordedIds): ColumnValue {
  const { recordedTraceId } = event;
  return recordedTraceId instanceof RecordedId ? recordedTraceId : text(event.traceId, TRACE_ID_LENGTH_MAX);
}

/** Who sent it: the last columns of every signal but `system`, whose rows say it in their tags. */
export function senderColumns<E extends EventBase>(): Column<E>[] {
  return [
    { name: 'service', type: 'varchar', value: ({ sender }) => text(sender?.service ?? null, 255) },
    { name: 'instance_id', type: 'uuid', value: ({ sender }) => sender?.instanceId ?? null },
  ];
}

/** What history tells those rows apart by. In no rollup: every start of a process is a new instance, without a bound. */
export const SENDER = { instance: 'r.instance_id', service: 'r.service' } as const;

/** Whom the work was for, as history tells rows apart by it. */
export const PEOPLE = { department: 'r.department', user: 'r.user_email' } as const;

/** Postgres' `integer`; larger sizes and counts are stored as this value rather than failing the batch. */
const INT4_MAX = 2_147_483_647;

/** A whole number that fits Postgres' `integer`, or `null`. */
export function int4(value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return Math.min(INT4_MAX, Math.max(-INT4_MAX, Math.round(value)));
}

/**
 * Text that Postgres accepts: no NUL byte (it rejects 0x00), no lone surrogate (not UTF-8), at most `lengthMax` characters.
 */
export function text(value: string | null, lengthMax: number): string | null {
  if (value === null) return null;
  const clean = (value.includes('\0') ? value.replaceAll('\0', '') : value).toWellFormed();
  if (clean.length <= lengthMax) return clean;
  return clean.slice(0, lengthMax).toWellFormed();
}
