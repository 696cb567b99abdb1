import { SECOND_MS } from '../../../../core/units.ts';

const LENGTH_DELIMITED = 2;
const VARINT = 0;
const RETRY_INFO = 'google.rpc.RetryInfo';
const NANOSECONDS_PER_MS = 1e6;

interface Field {
  readonly number: number;
  /** Of a number its value, of everything else its bytes. */
  readonly value: number | Buffer;
}

/**
 * When a receiver wants to be asked again, from the details of a gRPC status (`google.rpc.Status` with a `RetryInfo` in
 * it); `null` where they do not say, or are none.
 */
export function retryDelayMs(status: Buffer): number | null {
  try {
    for (const any of buffers(status, 3)) {
      const [type] = buffers(any, 1);
      const [info] = buffers(any, 2);
      if (type?.toString().endsWith(RETRY_INFO) !== true || info === undefined) continue;
      const [delay] = buffers(info, 1);
      if (delay !== undefined) return durationMs(delay);
    }
    return null;
  } catch {
    return null; // Not what it is said to be.
  }
}

/** `google.protobuf.Duration`: seconds and nanoseconds. */
function durationMs(bytes: Buffer): number {
  let ms = 0;
  for (const { number, value } of fieldsOf(bytes)) {
    if (typeof value !== 'number') continue;
    if (number === 1) ms += value * SECOND_MS;
    else if (number === 2) ms += value / NANOSECONDS_PER_MS;
  }
  return ms;
}

function buffers(message: Buffer, number: number): Buffer[] {
  return [...fieldsOf(message)].flatMap((field) =>
    field.number === number && typeof field.value !== 'number' ? [field.value] : [],
  );
}

/** @throws RangeError when a field ends outside the message, or is of a type that none of these has. */
function* fieldsOf(message: Buffer): Generator<Field> {
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    const [number, type] = [Math.floor(tag.value / 8), tag.value % 8];
    const { value, end } = varint(message, tag.end);
    if (type === VARINT) {
      yield { number, value };
      at = end;
    } else if (type === LENGTH_DELIMITED && end + value <= message.length) {
      yield { number, value: message.subarray(end, end + value) };
      at = end + value;
    } else throw new RangeError('no field that is known');
  }
}

function varint(message: Buffer, from: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let at = from, scale = 1; at < from + 10; at++, scale *= 128) {
    const byte = message.readUInt8(at);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError('no end of a number');
}
