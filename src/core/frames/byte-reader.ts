import { TEXT_BYTES_MAX } from './format.ts';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads what a `ByteWriter` wrote. Everything throws where there is something else. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#view.getUint8(this.#at++);
  }

  /** @param max the largest there may be. */
  whole(max: number): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (value > max) throw new Error(`a number past ${max}`);
      if (byte < 128) return value;
      scale *= 128;
      if (scale > Number.MAX_SAFE_INTEGER) throw new Error('a number of too many bytes');
    }
  }

  number(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  text(): string {
    const length = this.whole(TEXT_BYTES_MAX);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error('a text past the end');
    const text = UTF8.decode(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    return text;
  }
}
