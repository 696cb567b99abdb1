import { DatabaseError } from 'pg';

/** What one transaction takes on: so many rows. */
export const ROWS_MAX = 50_000;
/** After so many steps that were quick enough a larger one is tried: one in nine may be too long, and not every other one. */
const QUICK_STEPS = 8;
/** So many in a row that take too long are worth a word. */
const TOO_LONG_MAX = 3;
const STATEMENT_TIMED_OUT = '57014';

/** Whether a step ended because a statement of it had no more time. */
export function isTooLong(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === STATEMENT_TIMED_OUT;
}

/** How many rows one step of a signal takes on: half of it after one that takes too long, twice as many after some that do not. */
export class StepSize {
  rowsMax = ROWS_MAX;
  #quick = 0;
  #tooLong = 0;

  succeeded(): void {
    this.#tooLong = 0;
    if (++this.#quick < QUICK_STEPS) return;
    this.#quick = 0;
    this.rowsMax = Math.min(ROWS_MAX, this.rowsMax * 2);
  }

  /** @returns whether this goes on and on, or cannot be helped: a step takes on no less than it does. */
  tookTooLong(): boolean {
    const least = this.rowsMax === 1;
    this.rowsMax = Math.ceil(this.rowsMax / 2);
    this.#quick = 0;
    return ++this.#tooLong >= TOO_LONG_MAX || least;
  }
}
