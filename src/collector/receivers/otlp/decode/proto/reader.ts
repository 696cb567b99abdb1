import { viewOf } from '../byte-runs.ts';
import { DecodeError } from '../decode-error.ts';
import { Texts } from './texts.ts';

export const VARINT = 0;
export const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** A bit for each type that is read; groups are not. */
const KNOWN_WIRE_TYPES = (1 << VARINT) | (1 << FIXED64) | (1 << LENGTH_DELIMITED) | (1 << FIXED32);
const WIRE_NAMES = ['varint', '64-bit', 'length-delimited', 'group', 'end of a group', '32-bit'];

const VARINT_BYTES_MAX = 10;
const TWO_TO_32 = 2 ** 32;
const NANOS_PER_MS = 1_000_000;
/** 2^32 nanoseconds, as milliseconds and what is left. */
const HIGH_MS = 4294;
const HIGH_REST_NANOS = 967_296;

/** Of all bodies: senders send the same again and again. */
const TEXTS = new Texts();

/**
 * Reads protobuf's wire format in place. Strict: what is truncated, of another wire type than the field has, longer than the
 * message around it, or not a valid encoding at all is refused. A field is read by `field()`, then by the method for its type.
 */
export class ProtoReader {
  readonly bytes: Buffer;
  /** Of the same bytes. */
  readonly view: DataView;
  /** Of the next byte. */
  position = 0;
  /** Where the message that is being read ends. */
  end: number;
  #wireType = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = viewOf(bytes);
    this.end = bytes.byteLength;
  }

  /** Number of the next field, 0 at the end of the message. */
  field(): number {
    if (this.position >= this.end) return 0;
    const tag = this.#varint(false);
    const wireType = tag & 7;
    if (tag < 8 || tag >= TWO_TO_32 || ((KNOWN_WIRE_TYPES >>> wireType) & 1) === 0) throw wrongTag(tag);
    this.#wireType = wireType;
    return tag >>> 3;
  }

  /** Passes over the value of a field that is not known, or not wanted. */
  skip(): void {
    if (this.#wireType === VARINT) this.#varint(false);
    else if (this.#wireType === FIXED64) this.#take(8);
    else if (this.#wireType === FIXED32) this.#take(4);
    else this.#take(this.#varint(false));
  }

  /** Begins a message inside of this one. @returns the end of this one, for `leave`. */
  enter(): number {
    this.#expect(LENGTH_DELIMITED);
    const length = this.#varint(false);
    const outer = this.end;
    if (length > outer - this.position) throw truncated(length, outer - this.position);
    this.end = this.position + length;
    return outer;
  }

  /** The same for numbers of this type in one field; `null` where the field is one number by itself. */
  enterPacked(wireType: number): number | null {
    if (this.#wireType !== LENGTH_DELIMITED) return null;
    const outer = this.enter();
    this.#wireType = wireType;
    return outer;
  }

  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /** Reads what lies between two positions from now on: a message that was passed over before. */
  select(start: number, end: number): void {
    this.position = start;
    this.end = end;
  }

  /** Passes over bytes or a text; it begins at the position returned and ends at `position`. */
  delimited(): number {
    this.#expect(LENGTH_DELIMITED);
    return this.#take(this.#varint(false));
  }

  /** The same of a field that was read before, of whatever type the one read last was: reading it may have failed within. */
  passOverAgain(start: number, end: number): void {
    this.select(start, end);
    this.#take(this.#varint(false));
  }

  /** Invalid UTF-8 is replaced; more than `bytesMax` are cut off, between two characters. */
  text(bytesMax: number): string {
    const start = this.delimited();
    if (this.position - start > bytesMax) return textOf(this.bytes, start, this.position, bytesMax);
    return this.textAt(start, this.position);
  }

  /** A text that was passed over before. */
  textAt(start: number, end: number): string {
    return TEXTS.at(this.bytes, this.view, start, end);
  }

  bool(): boolean {
    return this.unsigned() !== 0;
  }

  /** A 64-bit integer, exact to 2^53. */
  unsigned(): number {
    this.#expect(VARINT);
    return this.#varint(false);
  }

  /** The same with a sign; a negative `int32` or enum is one as well. */
  signed(): number {
    this.#expect(VARINT);
    return this.#varint(true);
  }

  /** `sint32`. */
  zigzag(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  double(): number {
    this.#expect(FIXED64);
    return this.view.getFloat64(this.#take(8), true);
  }

  fixed64(): number {
    this.#expect(FIXED64);
    const at = this.#take(8);
    return this.view.getUint32(at + 4, true) * TWO_TO_32 + this.view.getUint32(at, true);
  }

  signedFixed64(): number {
    this.#expect(FIXED64);
    const at = this.#take(8);
    return this.view.getInt32(at + 4, true) * TWO_TO_32 + this.view.getUint32(at, true);
  }

  fixed32(): number {
    this.#expect(FIXED32);
    return this.view.getUint32(this.#take(4), true);
  }

  /** Nanoseconds since the epoch as milliseconds, rounded once. */
  timeMs(): number {
    this.#expect(FIXED64);
    const at = this.#take(8);
    return millisecondsOf(this.view.getUint32(at + 4, true), this.view.getUint32(at, true));
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) throw otherType(wireType, this.#wireType);
  }

  /** Passes over so many bytes and gives where they began. */
  #take(length: number): number {
    const start = this.position;
    if (length > this.end - start) throw truncated(length, this.end - start);
    this.position = start + length;
    return start;
  }

  #varint(signed: boolean): number {
    const { position } = this;
    const first = this.bytes[position] ?? 0x80;
    if (first >= 0x80 || position >= this.end) return this.#longVarint(signed);
    this.position = position + 1;
    return first;
  }

  /** Two halves, so that no digit is lost to 2^53 and a sign is found in the uppermost bit. */
  #longVarint(signed: boolean): number {
    let low = 0;
    let high = 0;
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      if (this.position >= this.end) throw new DecodeError('expected the rest of a varint, not the end');
      const byte = this.bytes[this.position++] ?? 0;
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (7 * index - 32);
      if (index === VARINT_BYTES_MAX - 1 && byte > 1) break;
      if (byte < 0x80) return (signed ? high : high >>> 0) * TWO_TO_32 + (low >>> 0);
    }
    throw new DecodeError('expected a varint of at most 64 bits');
  }
}

// Errors are made out of the way of what is read: the smaller it is, the more of it is compiled in one piece.

function wrongTag(tag: number): DecodeError {
  if (tag >= TWO_TO_32) return new DecodeError(`expected the tag of a field in 32 bits, not ${tag}`);
  if (tag < 8) return new DecodeError('expected the number of a field, not 0');
  const wireType = tag & 7;
  if (wireType === 3 || wireType === 4) return new DecodeError('expected no groups');
  return new DecodeError(`expected a wire type from 0 to 5, not ${wireType}`);
}

function otherType(expected: number, found: number): DecodeError {
  return new DecodeError(`expected a ${WIRE_NAMES[expected]} field, not a ${WIRE_NAMES[found]} one`);
}

function truncated(expected: number, left: number): DecodeError {
  if (expected >= TWO_TO_32) return new DecodeError(`expected a length in 32 bits, not ${expected}`);
  return new DecodeError(`expected ${expected} more bytes, not ${left}`);
}

/** A count of nanoseconds in two halves of 32 bits. */
function millisecondsOf(high: number, low: number): number {
  const rest = high * HIGH_REST_NANOS + low;
  const wholeMs = Math.floor(rest / NANOS_PER_MS);
  return high * HIGH_MS + wholeMs + (rest - wholeMs * NANOS_PER_MS) / NANOS_PER_MS;
}

/** As `ProtoReader.text`, of what was passed over before. */
export function textOf(bytes: Buffer, start: number, end: number, bytesMax: number): string {
  if (end - start <= bytesMax) return bytes.toString('utf8', start, end);
  let cut = start + bytesMax;
  while (cut > start && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut--;
  return bytes.toString('utf8', start, cut);
}
