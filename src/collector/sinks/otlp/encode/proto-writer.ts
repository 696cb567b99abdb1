import { KIB, MIB } from '../../../../core/units.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const SIZE_MIN = 64 * KIB;
/** Of the memory that is kept for the next message; a request has some hundred KiB. */
const SIZE_KEPT_MAX = 4 * MIB;
const VARINT_BYTES_MAX = 10;
const TWO_TO_16 = 2 ** 16;
const TWO_TO_32 = 2 ** 32;
/** 64-bit integers end there. */
const TWO_TO_63 = 2 ** 63;
const NANOSECONDS = 1e9;

/** A time since the epoch as OpenTelemetry has it. */
export type HrTime = readonly [seconds: number, nanoseconds: number];

/** Writes protobuf's wire format, field after field, into memory that is used again. Nothing is left out for being the default. */
export class ProtoWriter {
  #bytes = Buffer.allocUnsafeSlow(SIZE_MIN);
  #at = 0;

  /** Begins a message inside of this one. @returns for `end`. */
  begin(field: number): number {
    this.#tag(field, LENGTH_DELIMITED);
    this.#at++; // For the length, which most have room for in one byte.
    return this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    let more = 0;
    for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) more++;
    if (more > 0) {
      this.#room(more);
      this.#bytes.copyWithin(start + more, start, this.#at);
    }
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
  }

  /** A 64-bit integer, an enum. */
  integer(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  bool(field: number, value: boolean): void {
    this.integer(field, value ? 1 : 0);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** As nanoseconds since the epoch, in halves: they do not fit into a number. */
  time(field: number, [seconds, nanoseconds]: HrTime): void {
    const upper = Math.floor(seconds / TWO_TO_16) * NANOSECONDS; // Times 2^16.
    const lower = (seconds % TWO_TO_16) * NANOSECONDS + nanoseconds;
    const low = (upper % TWO_TO_16) * TWO_TO_16 + (lower % TWO_TO_32);
    const high = Math.floor(upper / TWO_TO_16) + Math.floor(lower / TWO_TO_32) + Math.floor(low / TWO_TO_32);
    this.#tag(field, FIXED64);
    this.#at = this.#bytes.writeUInt32LE(low % TWO_TO_32, this.#at);
    this.#at = this.#bytes.writeUInt32LE(high, this.#at);
  }

  /** Bytes given as lower-case hex digits. */
  id(field: number, hex: string): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(hex.length / 2);
    this.#room(hex.length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < hex.length; index += 2) {
      bytes[at++] = (digit(hex.charCodeAt(index)) << 4) | digit(hex.charCodeAt(index + 1));
    }
    this.#at = at;
  }

  text(field: number, value: string): void {
    this.#tag(field, LENGTH_DELIMITED);
    if (!this.#shortText(value)) this.#longText(value);
  }

  /** What was written since the last call. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    if (this.#bytes.length > SIZE_KEPT_MAX) this.#bytes = Buffer.allocUnsafeSlow(SIZE_MIN);
    return taken;
  }

  /** Plain characters by themselves: a call out of JavaScript takes longer than what most texts do. False: it is none. */
  #shortText(value: string): boolean {
    const { length } = value;
    if (length >= 0x80) return false;
    this.#room(1 + length);
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      bytes[start + index] = code;
    }
    bytes[this.#at] = length;
    this.#at = start + length;
    return true;
  }

  #longText(value: string): void {
    const length = Buffer.byteLength(value);
    this.#varint(length);
    this.#room(length);
    this.#at += this.#bytes.write(value, this.#at, length);
  }

  /** With room for whatever number follows it. */
  #tag(field: number, wireType: number): void {
    this.#room(2 * VARINT_BYTES_MAX);
    this.#varint((field << 3) | wireType);
  }

  #varint(value: number): void {
    this.#room(VARINT_BYTES_MAX);
    if (value >= 0 && value < 0x80) {
      this.#bytes[this.#at++] = value;
      return;
    }
    if (value < 0) {
      this.#negative(value);
      return;
    }
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  /** In two's complement, which has ten bytes. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Whether a number can be a 64-bit integer. */
export function isInteger(value: number): boolean {
  return Number.isInteger(value) && value >= -TWO_TO_63 && value < TWO_TO_63;
}

function digit(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}
