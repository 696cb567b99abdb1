import { hash } from 'node:crypto';
import { uuidTimePart } from '../../../platform/uuid.ts';

/** Of a later time no UUIDv7 has room. */
const TIME_MAX = 2 ** 48 - 1;

/** Whether rows can be made of something that ended then. */
export function isUsableTime(timeMs: number): boolean {
  return timeMs > 0 && timeMs <= TIME_MAX;
}

/**
 * The id of what a span tells: whoever tells it again, as a span or as a log record of the same span, makes the same row.
 * Laid out as a UUIDv7, so that ids are in the order of time; what is random there is SHA-256 of trace and span id here.
 *
 * @param timeMs when it ended, in milliseconds since the epoch.
 */
export function eventIdOf(traceId: string, spanId: string, timeMs: number): string {
  const time = uuidTimePart(Math.min(TIME_MAX, Math.max(0, Math.floor(timeMs))));
  const digits = hash('sha256', traceId + spanId, 'hex');
  const variant = ((Number.parseInt(digits.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${time}${digits.slice(0, 3)}-${variant}${digits.slice(4, 7)}-${digits.slice(7, 19)}`;
}
