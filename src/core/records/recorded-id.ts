const UUID_BYTES = 16;
const SPAN_BYTES = 8;
const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const HYPHEN = '-'.charCodeAt(0);
/** Where the two digits of each byte of a UUID stand in its text. */
const UUID_DIGITS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;
/** The codes of a text that is made, of each length: one list that stays costs less than parts that are put together. */
const UUID_CODES: number[] = new Array(36).fill(HYPHEN);
const TRACE_CODES: number[] = new Array(32).fill(HYPHEN);
const SPAN_CODES: number[] = new Array(16).fill(HYPHEN);

/** The text of the UUID whose bytes begin there. */
export function uuidText(bytes: Uint8Array, at: number): string {
  for (let index = 0; index < UUID_BYTES; index++) {
    const byte = bytes[at + index] ?? 0;
    const digit = UUID_DIGITS[index] ?? 0;
    UUID_CODES[digit] = DIGITS[byte >> 4] ?? 0;
    UUID_CODES[digit + 1] = DIGITS[byte & 0xf] ?? 0;
  }
  return String.fromCharCode.apply(null, UUID_CODES);
}

/** The digits of the trace's or span's id whose bytes begin there. */
export function hexText(bytes: Uint8Array, at: number, size: number): string {
  const codes = size === SPAN_BYTES ? SPAN_CODES : TRACE_CODES;
  for (let index = 0; index < size; index++) {
    const byte = bytes[at + index] ?? 0;
    codes[2 * index] = DIGITS[byte >> 4] ?? 0;
    codes[2 * index + 1] = DIGITS[byte & 0xf] ?? 0;
  }
  return String.fromCharCode.apply(null, codes);
}

/** An id of 16 bytes that stands in a record, for who needs no text of it. */
export class RecordedId {
  readonly #bytes: Uint8Array;
  readonly #at: number;

  /** @param at where in the bytes it begins. */
  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Its 16 bytes. */
  writeTo(into: Uint8Array, at: number): void {
    // Not by `set`, which would take a view of them.
    for (let index = 0; index < UUID_BYTES; index++) into[at + index] = this.#bytes[this.#at + index] ?? 0;
  }

  /** Its 32 digits. */
  writeDigitsTo(into: Uint8Array, at: number): void {
    for (let index = 0; index < UUID_BYTES; index++) {
      const byte = this.#bytes[this.#at + index] ?? 0;
      into[at + 2 * index] = DIGITS[byte >> 4] ?? 0;
      into[at + 2 * index + 1] = DIGITS[byte & 0xf] ?? 0;
    }
  }

  /** Its 32 digits, without hyphens. */
  toString(): string {
    return hexText(this.#bytes, this.#at, UUID_BYTES);
  }
}
