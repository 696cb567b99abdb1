import { SECOND_MS } from '../../../../core/units.ts';

const BATCHES_MAX = 16;
/** Twice as much would still be far from the server's statement timeout. */
const SHORT_MS = SECOND_MS / 2;
const LONG_MS = 2 * SECOND_MS;

/**
 * How many batches are stored in one transaction. A backlog has it doubled while a transaction is short, and halved when one
 * is long. After anything but success each batch is alone again, so that it is known which one it was.
 */
export class GroupSize {
  #batchesMax = 1;

  get batchesMax(): number {
    return this.#batchesMax;
  }

  /** @param batches how many there were; fewer than asked for, and nothing more waits. */
  stored(batches: number, elapsedMs: number): void {
    if (elapsedMs > LONG_MS) this.#batchesMax = Math.ceil(this.#batchesMax / 2);
    else if (elapsedMs <= SHORT_MS && batches === this.#batchesMax)
      this.#batchesMax = Math.min(BATCHES_MAX, this.#batchesMax * 2);
  }

  failed(): void {
    this.#batchesMax = 1;
  }
}
