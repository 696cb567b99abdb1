import {
  ABSENT,
  ABSENT_TEXT,
  DEFINITION,
  EVENT_RECORD_TYPE,
  FALSE,
  GIVEN,
  NAME_CHARS_MAX,
  NAMES_FROM,
  NAMES_MAX,
  NULL,
  NULL_TEXT,
  OTHER,
  PREFIX_BYTES,
  TRUE,
  UUID_BYTES,
} from './layout.ts';

const UTF8 = new TextEncoder();
const NAME_BYTES = 2;
const NUMBER_BYTES = 8;
const LENGTH_BYTES = 4;
const ASCII_END = 0x80;
const HYPHEN = 0x2d;
const NO_DIGIT = 0xff;
/** The value of a hex digit by its code; of one in upper case it is more than a digit has. */
const UPPER_CASE = 0x10;
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = '0123456789abcdef0123456789ABCDEF'.indexOf(String.fromCharCode(code));
  return digit === -1 ? NO_DIGIT : digit;
});

/**
 * Memory that records are written to, which somebody else may read already: one field after the other, and what does not fit
 * makes the record one that is not there. Only what `length` covers is written.
 */
export class RecordOutput {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #start = 0;
  #full = false;
  /** Up to here there are whole records. */
  #length = 0;
  readonly #names = new Map<string, number>();

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Begins anew in this memory: no name is known. */
  begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#length = 0;
    this.#full = false;
    this.#names.clear();
  }

  /** The number of a name, told before the event that is written next; of what is no text, whether it is `null` or absent. */
  numberOf(value: unknown): number {
    if (typeof value !== 'string') return value === null ? NULL : ABSENT;
    return this.#names.get(value) ?? this.#define(value);
  }

  /** An event begins; all of its names are told by now. */
  open(signal: number): void {
    this.#start = this.#room(PREFIX_BYTES);
    this.name(signal);
  }

  /** @returns whether all of it was written: if not, no more is to be written here. */
  close(): boolean {
    if (this.#full) return false;
    this.#end(this.#start, EVENT_RECORD_TYPE);
    this.#length = this.#at;
    return true;
  }

  /**
   * Where the record of an event begins that its writer writes at once, behind its prefix, when all of its names are told; -1 where
   * so many bytes are not free.
   */
  roomFor(bytesMax: number): number {
    return this.#full || this.#at + bytesMax > this.#bytes.length ? -1 : this.#at;
  }

  /** That record ends there. */
  closeAt(end: number): void {
    const start = this.#at;
    this.#at = end;
    this.#end(start, EVENT_RECORD_TYPE);
    this.#length = end;
  }

  name(number: number | undefined): void {
    const at = this.#room(NAME_BYTES);
    if (at < 0) return;
    const value = number ?? ABSENT;
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >> 8;
  }

  number(value: unknown): void {
    const at = this.#room(NUMBER_BYTES);
    if (at < 0) return;
    this.#view.setFloat64(at, writtenNumber(value), true);
  }

  flag(value: unknown): void {
    const at = this.#room(1);
    if (at >= 0) this.#bytes[at] = writtenFlag(value);
  }

  uuid(value: string): void {
    const at = this.#room(UUID_BYTES);
    if (at >= 0) writeUuid(this.#bytes, at, value);
  }

  /** The memory itself, for who writes where it has `reserved`, or where there is `roomFor` it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The same. */
  get view(): DataView {
    return this.#view;
  }

  /** Where so many bytes begin that the caller writes; -1 when they do not fit. */
  reserved(bytes: number): number {
    return this.#room(bytes);
  }

  /** An id follows. */
  given(): void {
    const at = this.#room(1);
    if (at >= 0) this.#bytes[at] = GIVEN;
  }

  /** An id of so many bytes; what is none is a text that its receiver may refuse. */
  id(value: unknown, size: number): void {
    const start = this.#room(1);
    if (start < 0) return;
    if (typeof value !== 'string') {
      this.#bytes[start] = value === null ? NULL : ABSENT;
      return;
    }
    if (value.length === 2 * size && this.#digits(value, size)) {
      this.#bytes[start] = GIVEN;
      return;
    }
    this.#bytes[start] = OTHER;
    this.#at = start + 1;
    this.text(value);
  }

  text(value: unknown): void {
    const at = this.#room(LENGTH_BYTES);
    if (at < 0) return;
    if (typeof value === 'string') {
      this.#utf8(value);
      this.#view.setUint32(at, this.#at - at - LENGTH_BYTES, true);
    } else this.#view.setUint32(at, value === null ? NULL_TEXT : ABSENT_TEXT, true);
  }

  json(value: unknown): void {
    this.text(value === undefined ? undefined : JSON.stringify(value));
  }

  /** Where so many bytes begin that are now taken; -1 when they do not fit. */
  #room(bytes: number): number {
    const at = this.#at;
    if (this.#full || at + bytes > this.#bytes.length) {
      this.#full = true;
      return -1;
    }
    this.#at = at + bytes;
    return at;
  }

  /** A definition is a record of its own, so that who cannot read an event knows its names all the same. */
  #define(name: string): number {
    const number = this.#names.size + NAMES_FROM;
    const start = this.#room(PREFIX_BYTES);
    if (number >= NAMES_MAX - 1) this.#full = true;
    this.#utf8(name.length > NAME_CHARS_MAX ? name.slice(0, NAME_CHARS_MAX) : name);
    if (this.#full) return ABSENT;
    this.#names.set(name, number);
    this.#end(start, DEFINITION);
    return number;
  }

  #end(start: number, type: number): void {
    this.#view.setUint32(start, this.#at - start - LENGTH_BYTES, true);
    this.#bytes[start + LENGTH_BYTES] = type;
  }

  #digits(value: string, size: number): boolean {
    const at = this.#room(size);
    return at < 0 || writeDigits(this.#bytes, at, value, size);
  }

  #utf8(value: string): void {
    const at = this.#room(value.length);
    if (at < 0) return;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      this.#bytes[at + index] = code;
      if (code < ASCII_END) continue;
      this.#encoded(value, at);
      return;
    }
  }

  #encoded(value: string, at: number): void {
    const { read, written } = UTF8.encodeInto(value, this.#bytes.subarray(at));
    this.#at = at + written;
    if (read < value.length) this.#full = true;
  }
}

export function writtenNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return value === undefined ? Number.POSITIVE_INFINITY : Number.NaN;
}

export function writtenFlag(value: unknown): number {
  if (typeof value === 'boolean') return value ? TRUE : FALSE;
  return value === null ? NULL : ABSENT;
}

export function writeUuid(bytes: Uint8Array, at: number, value: string): void {
  for (let index = 0, digit = 0; index < UUID_BYTES; index++, digit += 2) {
    let code = value.charCodeAt(digit);
    if (code === HYPHEN) code = value.charCodeAt(++digit);
    const high = DIGITS[code] ?? NO_DIGIT;
    const low = DIGITS[value.charCodeAt(digit + 1)] ?? NO_DIGIT;
    bytes[at + index] = (high << 4) | (low & 0xf);
  }
}

/** Of an id in lower case. @returns whether it is one, as far as it is looked at: its length is the caller's. */
export function writeDigits(bytes: Uint8Array, at: number, value: string, size: number): boolean {
  for (let index = 0; index < size; index++) {
    const high = DIGITS[value.charCodeAt(2 * index)] ?? NO_DIGIT;
    const low = DIGITS[value.charCodeAt(2 * index + 1)] ?? NO_DIGIT;
    if (high >= UPPER_CASE || low >= UPPER_CASE) return false;
    bytes[at + index] = (high << 4) | low;
  }
  return true;
}
