/** A field of a protobuf message, by where it stands: the tag from `start`, the content from `from` to `end`. */
export interface RawField {
  readonly number: number;
  readonly type: number;
  readonly start: number;
  readonly from: number;
  readonly end: number;
}

export const VARINT = 0;
export const FIXED64 = 1;
export const DELIMITED = 2;
export const FIXED32 = 5;

const VARINT_BYTES_MAX = 10;
const FIXED_BYTES: Readonly<Record<number, number>> = { [FIXED64]: 8, [FIXED32]: 4 };

/** The fields of a message, in their order. @throws RangeError when it is none. */
export function* fieldsOf(message: Buffer): Generator<RawField> {
  for (let start = 0; start < message.length; ) {
    const content = varintEnd(message, start);
    const key = numberAt(message, start);
    const [number, type] = [Math.floor(key / 8), key % 8];
    const field = { number, type, start, ...contentOf(message, type, content) };
    yield field;
    start = field.end;
  }
}

/** What the fields of this number hold that are messages, texts or bytes. @throws RangeError when it is no message. */
export function* contentsOf(message: Buffer, number: number): Generator<Buffer> {
  for (const field of fieldsOf(message)) {
    if (field.number === number && field.type === DELIMITED) yield message.subarray(field.from, field.end);
  }
}

function contentOf(message: Buffer, type: number, from: number): Pick<RawField, 'from' | 'end'> {
  const content = type === DELIMITED || type === VARINT ? varintEnd(message, from) : from;
  const bytes = type === DELIMITED ? numberAt(message, from) : FIXED_BYTES[type];
  const end = type === VARINT ? content : content + (bytes ?? Number.NaN);
  if (!(end <= message.length)) throw new RangeError('no field that is known, or one that ends outside');
  return { from: type === DELIMITED ? content : from, end };
}

function varintEnd(message: Buffer, from: number): number {
  for (let at = from; at < from + VARINT_BYTES_MAX; at++) {
    if (message.readUInt8(at) < 0x80) return at + 1;
  }
  throw new RangeError('no end of a number');
}

/** A tag or a length: exact to 2^53. */
function numberAt(message: Buffer, from: number): number {
  let value = 0;
  for (let at = from, scale = 1; ; at++, scale *= 128) {
    const byte = message.readUInt8(at);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}

/** An unsigned number of up to 64 bits. @throws RangeError when none is there. */
export function varintAt(message: Buffer, from: number): bigint {
  let value = 0n;
  for (let at = from, shift = 0n; at < from + VARINT_BYTES_MAX; at++, shift += 7n) {
    const byte = message.readUInt8(at);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new RangeError('no end of a number');
}

/** A number in groups of seven bits; one below 0 as its 64 bits. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

export function tag(number: number, type: number): Buffer {
  return varint(number * 8 + type);
}

/** A field that holds a message, a text or bytes: tag, length, and what it holds in parts. */
export function delimited(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return [tag(number, DELIMITED), varint(bytes), ...parts];
}
