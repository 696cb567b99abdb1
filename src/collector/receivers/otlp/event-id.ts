import { createHash } from 'node:crypto';

const TIME_DIGITS = 12;
const TIME_MAX = 2 ** 48 - 1;

/**
 * The id of what a span tells: whoever tells it again, as a span or as a log record of the same span, makes the same row.
 * Laid out as a UUIDv7, so that ids are in the order of time; what is random there is SHA-256 of trace and span id here.
 *
 * @param timeMs when it ended, in milliseconds since the epoch.
 */
export function eventIdOf(traceId: string, spanId: string, timeMs: number): string {
  const time = Math.min(TIME_MAX, Math.max(0, Math.floor(timeMs)))
    .toString(16)
    .padStart(TIME_DIGITS, '0');
  const digits = createHash('sha256').update(`${traceId}${spanId}`).digest('hex');
  const variant = ((Number.parseInt(digits.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${digits.slice(0, 3)}`,
    `${variant}${digits.slice(4, 7)}`,
    digits.slice(7, 19),
  ].join('-');
}
