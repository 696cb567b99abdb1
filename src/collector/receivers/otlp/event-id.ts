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

/**
 * When that ended whose row has this id. A row has its time rounded to the millisecond, its id has it cut: with the time of
 * the row alone every second id made again would be another.
 */
export function endOf(id: string, storedMs: number): number {
  const cutMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return storedMs === cutMs + 1 ? cutMs + 0.5 : storedMs;
}
