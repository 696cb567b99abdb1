import { TEXT_LENGTH_MAX } from './format.ts';

const FIRST_BYTES = 4096;
const ASCII_MAX = 0x7f;
const WORD_MAX = 2 ** 31;

const UTF8 = new TextEncoder();

/** Writes into memory that it keeps, and that grows. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** A copy of what was written, as large as that. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** @param value whole, from 0 to the largest safe integer. */
  whole(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    let rest = value;
    while (rest >= WORD_MAX) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > ASCII_MAX) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  number(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  text(value: string): void {
    const short = value.length > TEXT_LENGTH_MAX ? value.slice(0, TEXT_LENGTH_MAX) : value;
    if (isAscii(short)) {
      this.whole(short.length);
      if (this.#length + short.length > this.#bytes.length) this.#grow(short.length);
      for (let at = 0; at < short.length; at++) this.#bytes[this.#length++] = short.charCodeAt(at);
      return;
    }
    const bytes = UTF8.encode(short);
    this.whole(bytes.length);
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Makes room for so many bytes. */
  #grow(bytes: number): void {
    const larger = new Uint8Array(2 * (this.#length + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > ASCII_MAX) return false;
  return true;
}
