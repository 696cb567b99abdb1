const DONE = 0;
const PROBLEM_BYTES = 1;
const WORDS = 2;
const TEXT_AT = WORDS * Int32Array.BYTES_PER_ELEMENT;
/** A code, a path and what to do about it. */
const PROBLEM_BYTES_MAX = 1024;

/** How the collector's thread has ended. */
export interface Ended {
  /** False when the time was up before. */
  readonly done: boolean;
  /** What went wrong, with what to do about it; empty when nothing did. */
  readonly problem: string;
}

/**
 * What the collector's thread tells the main thread of a process that ends: that one waits and gets no messages any more.
 * Shared memory, so both have the same.
 */
export class Farewell {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param buffer of the other thread's. @default a new one */
  constructor(buffer = new SharedArrayBuffer(TEXT_AT + PROBLEM_BYTES_MAX)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS);
  }

  /** All is done that is; who waits goes on. */
  end(problem = ''): void {
    Atomics.store(this.#words, PROBLEM_BYTES, this.#text.write(problem));
    Atomics.store(this.#words, DONE, 1);
    Atomics.notify(this.#words, DONE);
  }

  /** Waits for the end of the other thread, for at most so long. */
  wait(deadlineMs: number): Ended {
    Atomics.wait(this.#words, DONE, 0, deadlineMs);
    const length = Atomics.load(this.#words, PROBLEM_BYTES);
    return {
      done: Atomics.load(this.#words, DONE) === 1,
      problem: Buffer.from(this.#text.subarray(0, length)).toString(),
    };
  }

  get #text(): Buffer {
    return Buffer.from(this.buffer, TEXT_AT, PROBLEM_BYTES_MAX);
  }
}
