/** Random numbers from 0 on, below 1; the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for a run, for which there is to be no other; whoever fails prints it. */
export function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** A sender waits longer after each failure: after so many in a row one request passes. */
const IN_A_ROW_MAX = 2;

/**
 * What happens to requests, in an order that the seed decides. Each kind comes once before any comes again, so that a test
 * knows when it has seen them all.
 */
export class Mishaps<Kind extends string> {
  readonly #kinds: readonly Kind[];
  readonly #random: () => number;
  #due: Kind[] = [];
  #inARow = 0;
  #over = false;
  /** How often all of them have happened. */
  rounds = 0;
  /** In the order in which they happened. */
  readonly happened: Kind[] = [];

  constructor(kinds: readonly Kind[], seed: number) {
    this.#kinds = kinds;
    this.#random = randomNumbers(seed);
  }

  /** What happens to the next request, `null`: nothing. */
  next(): Kind | null {
    if (this.#over || this.#inARow >= IN_A_ROW_MAX) {
      this.#inARow = 0;
      return null;
    }
    if (this.#due.length === 0) this.#due = [...this.#kinds];
    const [kind = null] = this.#due.splice(this.between(0, this.#due.length), 1);
    this.#inARow++;
    if (kind !== null) this.happened.push(kind);
    if (this.#due.length === 0) this.rounds++;
    return kind;
  }

  /** A whole number from `from` on, below `below`. */
  between(from: number, below: number): number {
    return from + Math.floor(this.#random() * (below - from));
  }

  /** From now on everything passes. */
  end(): void {
    this.#over = true;
  }
}
