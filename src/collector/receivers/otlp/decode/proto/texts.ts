import { hashOf, isSame } from '../byte-runs.ts';

/** A power of two. */
const SLOTS = 2048;
/** Longer ones are seldom repeated. */
const LENGTH_MAX = 64;

/**
 * The texts that came of late, by their bytes. Names, models and routes come again with every span, and comparing bytes costs
 * a sixth of making a string, which would have to be kept besides. What is not there takes the place of what was.
 */
export class Texts {
  /** The bytes of each, in one piece of memory. */
  readonly #runs: readonly DataView[] = runs();
  readonly #lengths = new Int32Array(SLOTS).fill(-1);
  readonly #texts: string[] = new Array(SLOTS).fill('');

  /** Invalid UTF-8 is replaced. @param view of the same bytes. */
  at(bytes: Buffer, view: DataView, start: number, end: number): string {
    const length = end - start;
    if (length > LENGTH_MAX) return bytes.toString('utf8', start, end);
    const slot = hashOf(view, start, end) & (SLOTS - 1);
    const run = this.#runs[slot];
    if (run === undefined || (this.#lengths[slot] === length && isSame(view, start, run, length))) {
      return this.#texts[slot] ?? '';
    }
    const text = bytes.toString('utf8', start, end);
    this.#lengths[slot] = length;
    this.#texts[slot] = text;
    copy(view, start, run, length);
    return text;
  }
}

function copy(from: DataView, start: number, to: DataView, length: number): void {
  for (let at = 0; at < length; at++) to.setUint8(at, from.getUint8(start + at));
}

function runs(): DataView[] {
  const memory = new ArrayBuffer(SLOTS * LENGTH_MAX);
  return Array.from({ length: SLOTS }, (_, slot) => new DataView(memory, slot * LENGTH_MAX, LENGTH_MAX));
}
