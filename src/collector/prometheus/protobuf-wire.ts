const SIZE_MIN = 4 * 1024;
const VARINT = 0;
const FIXED_64 = 1;
const DELIMITED = 2;
/** Above this, numbers do not fit the bit operations of JavaScript. */
const UINT32_MAX = 0xffff_ffff;

/**
 * Writes Protocol Buffers' wire format: fields in the order in which they are called for, whatever the values, so that a zero
 * is told from an absent field.
 */
export class ProtobufFields {
  #bytes = Buffer.allocUnsafe(SIZE_MIN);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written since the last call. */
  take(): Uint8Array {
    const taken = Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** `uint32`, `uint64`, `int32` and enumerations. @param value whole and not negative. */
  unsigned(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.varint(value);
  }

  /** `sint32` and `sint64`. @param value whole. */
  signed(field: number, value: number): void {
    this.unsigned(field, zigzag(value));
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED_64);
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  text(field: number, value: string): void {
    this.#tag(field, DELIMITED);
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#reserve(length);
    this.#length += this.#bytes.write(value, this.#length);
  }

  /** A field that is a message itself. */
  message(field: number, write: () => void): void {
    this.#tag(field, DELIMITED);
    this.#reserve(1);
    const begin = ++this.#length;
    write();
    const length = this.#length - begin;
    // Most messages are shorter than 128 bytes, whose length is one byte; others move.
    const more = varintLength(length) - 1;
    this.#reserve(more);
    this.#bytes.copyWithin(begin + more, begin, this.#length);
    this.#length = begin - 1;
    this.varint(length);
    this.#length += length;
  }

  /** Announces a message of so many bytes, which are to be written next. */
  sized(field: number, length: number): void {
    this.#tag(field, DELIMITED);
    this.varint(length);
  }

  varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > UINT32_MAX) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** Bytes that a number of `signed` takes. */
export function signedLength(value: number): number {
  return varintLength(zigzag(value));
}

/** Bytes that a number of `unsigned` takes. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++;
  return length;
}
