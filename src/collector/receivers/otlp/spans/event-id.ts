import { hash } from 'node:crypto';
import { uuidTimePart } from '../../../../platform/uuid.ts';

/** Of a later time no UUIDv7 has room. */
const TIME_MS_MAX = 2 ** 48 - 1;

/** Whether rows can be made of something that ended then. */
export function isUsableTime(timeMs: number): boolean {
  return timeMs > 0 && timeMs <= TIME_MS_MAX;
}

/**
 * The id of the event that a span makes: a UUIDv7 by its time, so that rows stay in order, with the rest from SHA-256 of
 * signal, trace and span, so that a span that is sent again makes the same row.
 *
 * @param timeMs a usable time.
 */
export function eventIdOf(signal: string, { traceId, spanId }: SpanName, timeMs: number): string {
  const digits = hash('sha256', `${signal} ${traceId} ${spanId}`, 'hex');
  const variant = '89ab'.charAt(digits.charCodeAt(3) & 3);
  const time = uuidTimePart(Math.floor(timeMs));
  return `${time}${digits.slice(0, 3)}-${variant}${digits.slice(4, 7)}-${digits.slice(7, 19)}`;
}

/** What tells spans apart. */
export interface SpanName {
  readonly traceId: string;
  readonly spanId: string;
}
