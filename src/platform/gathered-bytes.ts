const EXPECTED_MAX = 256 * 1024;

/**
 * Bytes that come piece by piece, in one piece. Whoever sends decides how small the pieces are: kept each by itself, pieces of
 * one byte take a hundred times as much memory as they bring, and put together anew with each they take the square of it.
 */
export class GatheredBytes {
  readonly #expected: number;
  #memory: Buffer = Buffer.alloc(0);
  #length = 0;

  /** @param expected how many will come; whoever promises more than a quarter of a MiB has to send them first. @default nobody knows */
  constructor(expected = 0) {
    this.#expected = expected <= EXPECTED_MAX ? expected : 0;
  }

  get length(): number {
    return this.#length;
  }

  /** All so far; what comes later leaves them as they are. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length;
    // Most of what comes is one piece, of which no copy is made.
    if (this.#length === 0 && piece.length >= this.#expected) this.#memory = piece;
    else {
      if (length > this.#memory.length) this.#grow(Math.max(length, this.#expected, 2 * this.#memory.length));
      piece.copy(this.#memory, this.#length);
    }
    this.#length = length;
  }

  /** Nothing is left of it here. */
  clear(): void {
    this.#memory = Buffer.alloc(0);
    this.#length = 0;
  }

  #grow(bytes: number): void {
    const memory = Buffer.allocUnsafeSlow(bytes);
    this.#memory.copy(memory, 0, 0, this.#length);
    this.#memory = memory;
  }
}
