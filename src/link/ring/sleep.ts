const ASLEEP = 1;

/** Whether a ring's reader waits to be woken: a word that both sides have. */
export class Sleep {
  readonly buffer: SharedArrayBuffer;
  readonly #word: Int32Array;
  readonly #isWokenOtherwise: () => boolean;

  /**
   * @param buffer of the other side's. @default a new one: awake
   * @param isWokenOtherwise for the reader: whether what is written is nothing to wake it for now. @default never
   */
  constructor(
    buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    isWokenOtherwise: () => boolean = () => false,
  ) {
    this.buffer = buffer;
    this.#word = new Int32Array(buffer);
    this.#isWokenOtherwise = isWokenOtherwise;
  }

  /** For the reader, which has to look once more after that: what was written before wakes nobody. */
  begin(): void {
    if (!this.#isWokenOtherwise()) Atomics.store(this.#word, 0, ASLEEP);
  }

  end(): void {
    Atomics.store(this.#word, 0, 0);
  }

  /** For the writer: whether it has to wake the reader, once. */
  interrupt(): boolean {
    return Atomics.load(this.#word, 0) === ASLEEP && Atomics.exchange(this.#word, 0, 0) === ASLEEP;
  }
}
