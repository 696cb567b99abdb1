import { nodeCrypto } from './builtins.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const hex = (byte: number | undefined): string => HEX[byte ?? 0] ?? '00';

/**
 * The first part of a UUID version 7 (RFC 9562): 48 bits of milliseconds and the version. Ids made later sort later, so a
 * b-tree grows at its end. It is the same for a whole millisecond, and worth keeping for it.
 *
 * @param timeMs milliseconds since the Unix epoch.
 */
export function uuidTimePart(timeMs: number): string {
  const high = Math.floor(timeMs / 0x1_0000);
  const low = timeMs % 0x1_0000;
  return `${high.toString(16).padStart(8, '0')}-${low.toString(16).padStart(4, '0')}-7`;
}

/**
 * A UUID version 7.
 *
 * @param timePart from `uuidTimePart`.
 * @param random at least 10 random bytes from `at` on.
 */
export function uuidv7(timePart: string, random: Uint8Array, at = 0): string {
  return (
    timePart +
    hex(random[at]).charAt(1) +
    hex(random[at + 1]) +
    '-' +
    hex(((random[at + 2] ?? 0) & 0x3f) | 0x80) +
    hex(random[at + 3]) +
    '-' +
    hex(random[at + 4]) +
    hex(random[at + 5]) +
    hex(random[at + 6]) +
    hex(random[at + 7]) +
    hex(random[at + 8]) +
    hex(random[at + 9])
  );
}

/** A UUID made of bytes or text, the same for the same (RFC 9562, version 8: SHA-256). */
export function uuidOf(content: string | Uint8Array): string {
  const digits = nodeCrypto().hash('sha256', content, 'hex');
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
