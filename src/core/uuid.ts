/**
 * UUID version 7 (RFC 9562): 48 bits of milliseconds, then random bits, so that ids made later sort later and a b-tree
 * grows at its end.
 *
 * @param timeMs milliseconds since the Unix epoch.
 * @param random at least 10 random bytes from `offset` on.
 */
export function uuidv7(timeMs: number, random: Uint8Array, offset = 0): string {
  const high = Math.floor(timeMs / 0x1_0000);
  const low = timeMs % 0x1_0000;
  const at = (i: number) => random[offset + i] ?? 0;
  const time = high.toString(16).padStart(8, '0');
  return (
    `${time}-${low.toString(16).padStart(4, '0')}-7${hex(at(0)).slice(1)}${hex(at(1))}` +
    `-${hex((at(2) & 0x3f) | 0x80)}${hex(at(3))}-${hex(at(4))}${hex(at(5))}${hex(at(6))}${hex(at(7))}${hex(at(8))}${hex(at(9))}`
  );
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const hex = (byte: number): string => HEX[byte] ?? '00';

/** The bytes as lower-case hex digits. */
export function toHex(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += hex(bytes[i] ?? 0);
  return text;
}
