import type { RequestEvent } from '../signals/request.ts';
import { SPAN_BYTES, TRACE_BYTES, UUID_BYTES } from './layout.ts';
import type { RecordOutput } from './record-output.ts';

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
  traceId(into: Uint8Array, at: number, seed: IdSeed): void;
}

/**
 * Writes a request as `writeEvent` does, without an event: there may be thousands of them a second.
 *
 * @returns false where it does not fit.
 */
export function writeRequest(records: RecordOutput, request: SeenRequest, ids: SeedIds): boolean {
  const { seed } = request;
  const signal = records.numberOf('request');
  const userEmail = records.numberOf(request.userEmail);
  const department = records.numberOf(request.department);
  const route = records.numberOf(request.route);
  const method = records.numberOf(request.method);
  const scheme = records.numberOf(request.scheme);
  const outcome = records.numberOf(request.outcome);
  records.open(signal);
  if (request.id !== undefined) records.uuid(request.id);
  else if (seed !== undefined) writeEventId(records, ids, seed, request.timeMs);
  records.number(request.timeMs);
  if (request.traceId === undefined && seed !== undefined) writeTraceId(records, ids, seed);
  else records.id(request.traceId, TRACE_BYTES);
  records.name(userEmail);
  records.name(department);
  records.id(request.parentSpanId ?? undefined, SPAN_BYTES);
  records.flag(request.sampled);
  records.name(route);
  records.name(method);
  records.number(request.statusCode);
  records.number(request.durationMs);
  records.number(request.requestBytes);
  records.number(request.responseBytes);
  records.name(scheme);
  records.name(outcome);
  return records.close();
}

function writeEventId(records: RecordOutput, ids: SeedIds, seed: IdSeed, timeMs: number): void {
  const at = records.reserved(UUID_BYTES);
  if (at >= 0) ids.eventId(records.bytes, at, seed, timeMs);
}

function writeTraceId(records: RecordOutput, ids: SeedIds, seed: IdSeed): void {
  records.given();
  const at = records.reserved(TRACE_BYTES);
  if (at >= 0) ids.traceId(records.bytes, at, seed);
}
