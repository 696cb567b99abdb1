import type { RequestEvent } from '../signals/request.ts';
import { ABSENT, GIVEN, NULL, PREFIX_BYTES, SPAN_BYTES, TRACE_BYTES, UUID_BYTES } from './layout.ts';
import { type RecordOutput, writeDigits, writeUuid, writtenFlag, writtenNumber } from './record-output.ts';

/** Random bytes that ids are made of. */
export interface IdSeed {
  readonly random: Uint8Array;
  /** Where they begin. */
  readonly at: number;
}

/** A request as it is seen: an id that nobody has asked for yet is made, of its seed, where it is written. */
export interface SeenRequest
  extends Pick<
    RequestEvent,
    | 'timeMs'
    | 'userEmail'
    | 'department'
    | 'route'
    | 'method'
    | 'statusCode'
    | 'durationMs'
    | 'requestBytes'
    | 'responseBytes'
  > {
  readonly id: string | undefined;
  readonly traceId: string | null | undefined;
  /** Absent: both are known. */
  readonly seed?: IdSeed | undefined;
  readonly parentSpanId?: string | null | undefined;
  readonly sampled?: boolean | undefined;
  readonly scheme?: RequestEvent['scheme'] | undefined;
  readonly outcome?: RequestEvent['outcome'] | undefined;
}

/** How ids are made of a seed. */
export interface SeedIds {
  /** Writes the 16 bytes of a UUIDv7. */
  eventId(into: Uint8Array, at: number, seed: IdSeed, timeMs: number): void;
  /** Writes 16 bytes that are not all zero. */
  traceId(into: Uint8Array, at: number, seed: IdSeed, timeMs: number): void;
}

/** What a request takes whose ids are such. */
const BYTES_MAX = 128;

/**
 * Writes a request as `writeEvent` does, without an event: there may be thousands of them a second, between which an app does
 * so much else that every step has to be fetched anew, so there are few of them.
 *
 * @returns false where it does not fit.
 */
export function writeRequest(records: RecordOutput, request: SeenRequest, ids: SeedIds): boolean {
  const { seed, traceId, parentSpanId } = request;
  const signal = records.numberOf('request');
  const userEmail = records.numberOf(request.userEmail);
  const department = records.numberOf(request.department);
  const route = records.numberOf(request.route);
  const method = records.numberOf(request.method);
  const scheme = records.numberOf(request.scheme);
  const outcome = records.numberOf(request.outcome);
  const start = records.roomFor(BYTES_MAX);
  if (start < 0) return writeFields(records, request, ids);
  const { bytes, view } = records;
  let at = writeName(bytes, start + PREFIX_BYTES, signal);
  if (request.id !== undefined) writeUuid(bytes, at, request.id);
  else if (seed !== undefined) ids.eventId(bytes, at, seed, request.timeMs);
  at = writeNumber(view, at + UUID_BYTES, request.timeMs);
  if (traceId === undefined && seed !== undefined) {
    bytes[at] = GIVEN;
    ids.traceId(bytes, at + 1, seed, request.timeMs);
    at += 1 + TRACE_BYTES;
  } else at = writeId(bytes, at, traceId, TRACE_BYTES);
  if (at < 0) return writeFields(records, request, ids);
  at = writeName(bytes, at, userEmail);
  at = writeName(bytes, at, department);
  at = writeId(bytes, at, parentSpanId ?? undefined, SPAN_BYTES);
  if (at < 0) return writeFields(records, request, ids);
  bytes[at] = writtenFlag(request.sampled);
  at = writeName(bytes, at + 1, route);
  at = writeName(bytes, at, method);
  at = writeNumber(view, at, request.statusCode);
  at = writeNumber(view, at, request.durationMs);
  at = writeNumber(view, at, request.requestBytes);
  at = writeNumber(view, at, request.responseBytes);
  at = writeName(bytes, at, scheme);
  records.closeAt(writeName(bytes, at, outcome));
  return true;
}

function writeName(bytes: Uint8Array, at: number, number: number): number {
  bytes[at] = number;
  bytes[at + 1] = number >> 8;
  return at + 2;
}

function writeNumber(view: DataView, at: number, value: number | null): number {
  view.setFloat64(at, writtenNumber(value), true);
  return at + 8;
}

function writeId(bytes: Uint8Array, at: number, value: string | null | undefined, size: number): number {
  if (value === null || value === undefined) {
    bytes[at] = value === null ? NULL : ABSENT;
    return at + 1;
  }
  bytes[at] = GIVEN;
  return value.length === 2 * size && writeDigits(bytes, at + 1, value, size) ? at + 1 + size : -1;
}

/** The same field by field, which looks for room for each, and where an id is a text that is none. */
function writeFields(records: RecordOutput, request: SeenRequest, ids: SeedIds): boolean {
  const { seed } = request;
  records.open(records.numberOf('request'));
  if (request.id !== undefined) records.uuid(request.id);
  else if (seed !== undefined) writeEventId(records, ids, seed, request.timeMs);
  records.number(request.timeMs);
  if (request.traceId === undefined && seed !== undefined) writeTraceId(records, ids, seed, request.timeMs);
  else records.id(request.traceId, TRACE_BYTES);
  // They are told by now.
  records.name(records.numberOf(request.userEmail));
  records.name(records.numberOf(request.department));
  records.id(request.parentSpanId ?? undefined, SPAN_BYTES);
  records.flag(request.sampled);
  records.name(records.numberOf(request.route));
  records.name(records.numberOf(request.method));
  records.number(request.statusCode);
  records.number(request.durationMs);
  records.number(request.requestBytes);
  records.number(request.responseBytes);
  records.name(records.numberOf(request.scheme));
  records.name(records.numberOf(request.outcome));
  return records.close();
}

function writeEventId(records: RecordOutput, ids: SeedIds, seed: IdSeed, timeMs: number): void {
  const at = records.reserved(UUID_BYTES);
  if (at >= 0) ids.eventId(records.bytes, at, seed, timeMs);
}

function writeTraceId(records: RecordOutput, ids: SeedIds, seed: IdSeed, timeMs: number): void {
  records.given();
  const at = records.reserved(TRACE_BYTES);
  if (at >= 0) ids.traceId(records.bytes, at, seed, timeMs);
}
