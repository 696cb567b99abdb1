import { hash } from 'node:crypto';

/** Of a later time no UUIDv7 has room. */
const TIME_MAX = 2 ** 48 - 1;

/** In it each id is put together: there is one for every span, and of parts of text more memory would be used. */
const ID = Buffer.from('00000000-0000-7000-8000-000000000000', 'latin1');
const VARIANT_PLACE = 19;
/** Where the digits of the digest go, one after the other; the fourth is the variant's place. */
const DIGEST_PLACES = [
  15,
  16,
  17,
  VARIANT_PLACE,
  20,
  21,
  22,
  ...Array.from({ length: 12 }, (_, at) => 24 + at),
];

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
  const time = Math.min(TIME_MAX, Math.max(0, Math.floor(timeMs)));
  const digest = hash('sha256', traceId + spanId, 'binary');
  digits(Math.floor(time / 2 ** 16), 0, 8);
  digits(time % 2 ** 16, 9, 13);
  for (let digit = 0; digit < DIGEST_PLACES.length; digit++) {
    const byte = digest.charCodeAt(digit >> 1);
    ID[DIGEST_PLACES[digit] ?? 0] = hexDigit(digit % 2 === 0 ? byte >> 4 : byte & 0xf);
  }
  ID[VARIANT_PLACE] = hexDigit((digest.charCodeAt(1) & 0x3) | 0x8);
  return ID.toString('latin1');
}

/** Writes a number's lowest digits. */
function digits(value: number, from: number, to: number): void {
  let rest = value;
  for (let at = to - 1; at >= from; at--) {
    ID[at] = hexDigit(rest & 0xf);
    rest = Math.floor(rest / 16);
  }
}

function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}

/**
 * When that ended whose row has this id. A row has its time rounded to the millisecond, its id has it cut: with the time of
 * the row alone every second id made again would be another.
 */
export function endOf(id: string, storedMs: number): number {
  const cutMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return storedMs === cutMs + 1 ? cutMs + 0.5 : storedMs;
}
