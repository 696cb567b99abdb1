import { hashOf, isSame } from '../byte-runs.ts';

const SLOTS = 512;
/** Longer ones are seldom repeated. */
const LENGTH_MAX = 64;

/**
 * The texts of one body. Names, models and routes come again with every span, and comparing bytes costs a sixth of making a
 * string, which would have to be kept besides.
 */
export class Texts {
  readonly #bytes: Buffer;
  readonly #starts = new Int32Array(SLOTS);
  readonly #lengths = new Int32Array(SLOTS).fill(-1);
  readonly #texts: string[] = new Array(SLOTS).fill('');

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Invalid UTF-8 is replaced. */
  at(start: number, end: number): string {
    const bytes = this.#bytes;
    const length = end - start;
    if (length > LENGTH_MAX) return bytes.toString('utf8', start, end);
    const slot = hashOf(bytes, start, end) & (SLOTS - 1);
    const before = this.#starts[slot] ?? 0;
    if (this.#lengths[slot] === length && isSame(bytes, start, before, length))
      return this.#texts[slot] ?? '';
    const text = bytes.toString('utf8', start, end);
    this.#starts[slot] = start;
    this.#lengths[slot] = length;
    this.#texts[slot] = text;
    return text;
  }
}
