const FIN = 0x80;
const MASKED = 0x80;
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const LENGTH_IN_16_BITS = 126;
const LENGTH_IN_64_BITS = 127;

export const TEXT = 0x1;
export const BINARY = 0x2;
export const CONTINUATION = 0x0;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

export interface FrameParts {
  readonly opcode: number;
  readonly payload?: Buffer | string;
  /** @default true */
  readonly fin?: boolean;
  /** The three reserved bits. @default 0 */
  readonly reserved?: number;
  /** As a client has to. @default true */
  readonly masked?: boolean;
  /** What the header says instead of the payload's length, in eight bytes. */
  readonly claims?: bigint;
}

/** A frame as RFC 6455 has it, or as it must not be. */
export function frame(parts: FrameParts): Buffer {
  const { opcode, fin = true, reserved = 0, masked = true, claims } = parts;
  const payload = Buffer.from(parts.payload ?? '');
  const first = (fin ? FIN : 0) | (reserved << 4) | opcode;
  const head = Buffer.concat([Buffer.of(first), lengthOf(payload.length, masked ? MASKED : 0, claims)]);
  if (!masked) return Buffer.concat([head, payload]);
  return Buffer.concat([head, MASK, payload.map((byte, index) => byte ^ (MASK[index % MASK.length] ?? 0))]);
}

function lengthOf(length: number, masked: number, claims: bigint | undefined): Buffer {
  if (claims === undefined && length < LENGTH_IN_16_BITS) return Buffer.of(masked | length);
  if (claims === undefined && length < 2 ** 16)
    return Buffer.of(masked | LENGTH_IN_16_BITS, length >>> 8, length & 0xff);
  const bytes = Buffer.alloc(9, masked | LENGTH_IN_64_BITS);
  bytes.writeBigUInt64BE(claims ?? BigInt(length), 1);
  return bytes;
}

export function closeFrame(code: number, reason: Buffer | string = ''): Buffer {
  return frame({
    opcode: CLOSE,
    payload: Buffer.concat([Buffer.of(code >>> 8, code & 0xff), Buffer.from(reason)]),
  });
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The whole frames that a server has sent: final, not masked, with no reserved bit. */
export function framesIn(bytes: Buffer): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [first = 0, size = 0] = [bytes[at], bytes[at + 1]];
    if ((first & 0xf0) !== FIN || (size & MASKED) !== 0) throw new Error(`no frame of a server at ${at}`);
    const more = size === LENGTH_IN_64_BITS ? 8 : size === LENGTH_IN_16_BITS ? 2 : 0;
    if (at + 2 + more > bytes.length) break;
    const length =
      more === 0 ? size : more === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    const from = at + 2 + more;
    if (from + length > bytes.length) break;
    frames.push({ opcode: first & 0x0f, payload: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return frames;
}
