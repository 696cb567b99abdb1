import { KIB } from '../../../../../core/units.ts';
import type { Lexicon } from './lexicon.ts';

/** What a value begins with. */
const NULL = 0;
const UNDEFINED = 1;
const FALSE = 2;
const TRUE = 3;
const WHOLE = 4;
const NEGATIVE = 5;
const DOUBLE = 6;
const KNOWN_TEXT = 7;
const TEXT = 8;
const WIDE_TEXT = 9;
const SPAN_ID = 10;
const TRACE_ID = 11;
const UUID = 12;
const LIST = 13;
const SHAPED = 14;
const FIELDS = 15;

const INITIAL_BYTES = 64 * KIB;
/** Of the head of anything, or a number. */
const HEAD_BYTES = 16;
const WHOLE_MAX = 2 ** 31;
const WIDE = 0xff;
/** By their number of characters: texts that are written as the bytes that their digits are. */
const DIGITS: Readonly<Record<number, number>> = { 16: SPAN_ID, 32: TRACE_ID, 36: UUID };
const HYPHENS: ReadonlySet<number> = new Set([8, 13, 18, 23]);
const HYPHEN = 0x2d;
/** Of each character code its value as a lower-case digit, -1 for what is none. */
const HEX_DIGITS = Int8Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code)),
);

/**
 * Writes values as bytes: a tenth of the memory of the objects, and nothing in it for the garbage collector to follow. Objects
 * come back with the same fields in the same order.
 */
export class Packer {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  #lexicon: Lexicon;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
  }

  /** Begins anew. @param lexicon by which it is to be read. */
  begin(lexicon: Lexicon): void {
    this.#lexicon = lexicon;
    this.#length = 0;
    if (this.#bytes.length > INITIAL_BYTES) this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  }

  /** Written over by what comes after `begin`. */
  packed(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Zero or more. */
  whole(value: number): void {
    this.#reserve(HEAD_BYTES);
    this.#whole(value);
  }

  shared(object: object): void {
    this.whole(this.#lexicon.numberOfShared(object));
  }

  value(value: unknown): void {
    this.#reserve(HEAD_BYTES);
    if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'number') this.#number(value);
    else if (value === null) this.#byte(NULL);
    else if (value === undefined) this.#byte(UNDEFINED);
    else if (typeof value === 'boolean') this.#byte(value ? TRUE : FALSE);
    else if (Array.isArray(value)) this.#list(value);
    else this.#object(value as Readonly<Record<string, unknown>>);
  }

  #number(value: number): void {
    const isWhole = Number.isInteger(value) && Math.abs(value) < WHOLE_MAX && !Object.is(value, -0);
    if (isWhole) {
      this.#byte(value < 0 ? NEGATIVE : WHOLE);
      this.#whole(Math.abs(value));
      return;
    }
    this.#byte(DOUBLE);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  #text(value: string): void {
    if (this.#digits(value)) return;
    const number = this.#lexicon.numberOf(value);
    if (number >= 0) {
      this.#byte(KNOWN_TEXT);
      this.#whole(number);
      return;
    }
    let isWide = false;
    for (let at = 0; at < value.length && !isWide; at++) isWide = value.charCodeAt(at) > WIDE;
    this.#byte(isWide ? WIDE_TEXT : TEXT);
    this.#whole(value.length);
    this.#reserve(value.length * 2);
    // UTF-16, because a text may be cut within a character.
    this.#length += this.#bytes.write(value, this.#length, isWide ? 'utf16le' : 'latin1');
  }

  /** False: it is none of an id. */
  #digits(value: string): boolean {
    const tag = DIGITS[value.length];
    if (tag === undefined) return false;
    const start = this.#length;
    this.#byte(tag);
    this.#reserve(HEAD_BYTES);
    let byte = 0;
    let isFirst = true;
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if (tag === UUID && HYPHENS.has(at)) {
        if (code === HYPHEN) continue;
        byte = -1;
      }
      const digit = HEX_DIGITS[code] ?? -1;
      if (digit < 0 || byte < 0) {
        this.#length = start;
        return false;
      }
      if (isFirst) byte = digit << 4;
      else this.#bytes[this.#length++] = byte | digit;
      isFirst = !isFirst;
    }
    return true;
  }

  #list(values: readonly unknown[]): void {
    this.#byte(LIST);
    this.#whole(values.length);
    for (const value of values) this.value(value);
  }

  #object(object: Readonly<Record<string, unknown>>): void {
    const shape = this.#lexicon.shapeOf(object);
    if (shape !== null) {
      this.#byte(SHAPED);
      this.#whole(shape.number);
      for (const key of shape.keys) this.value(object[key]);
      return;
    }
    const keys = Object.keys(object);
    this.#byte(FIELDS);
    this.#whole(keys.length);
    for (const key of keys) {
      this.value(key);
      this.value(object[key]);
    }
  }

  /** In groups of seven bits. */
  #whole(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  #byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Reads what a `Packer` has written, in the same order. */
export class Unpacker {
  readonly #bytes: Buffer;
  readonly #lexicon: Lexicon;
  #at: number;

  /** @param from where it begins. */
  constructor(bytes: Buffer, lexicon: Lexicon, from = 0) {
    this.#bytes = bytes;
    this.#lexicon = lexicon;
    this.#at = from;
  }

  whole(): number {
    let value = 0;
    let worth = 1;
    for (let byte = this.#byte(); ; byte = this.#byte()) {
      value += (byte & 0x7f) * worth;
      worth *= 0x80;
      if (byte < 0x80) return value;
    }
  }

  /** @throws Error when it is none of these: whoever wrote it had another lexicon. */
  shared(): object {
    const object = this.#lexicon.shared(this.whole());
    if (object === null) throw new Error('packed by another lexicon');
    return object;
  }

  value(): unknown {
    const tag = this.#byte();
    if (tag >= KNOWN_TEXT && tag <= UUID) return this.#text(tag);
    if (tag === WHOLE) return this.whole();
    if (tag === NEGATIVE) return -this.whole();
    if (tag === DOUBLE) return this.#bytes.readDoubleLE(this.#skip(8));
    if (tag === LIST) return Array.from({ length: this.whole() }, () => this.value());
    if (tag === SHAPED) return this.#fields(this.#lexicon.shape(this.whole()).keys);
    if (tag === FIELDS) return this.#anyFields(this.whole());
    if (tag === NULL || tag === UNDEFINED) return tag === NULL ? null : undefined;
    return tag === TRUE;
  }

  #text(tag: number): string {
    if (tag === KNOWN_TEXT) return this.#lexicon.text(this.whole());
    if (tag === SPAN_ID) return this.#slice(8, 'hex');
    if (tag === TRACE_ID) return this.#slice(16, 'hex');
    if (tag === UUID) return this.#slice(16, 'hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    const length = this.whole();
    return tag === TEXT ? this.#slice(length, 'latin1') : this.#slice(length * 2, 'utf16le');
  }

  #fields(keys: readonly string[]): object {
    return Object.fromEntries(keys.map((key) => [key, this.value()]));
  }

  #anyFields(count: number): object {
    return Object.fromEntries(Array.from({ length: count }, () => [String(this.value()), this.value()]));
  }

  #slice(bytes: number, encoding: BufferEncoding): string {
    const start = this.#skip(bytes);
    return this.#bytes.toString(encoding, start, this.#at);
  }

  /** @returns where they begin. */
  #skip(bytes: number): number {
    const start = this.#at;
    this.#at += bytes;
    return start;
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }
}
