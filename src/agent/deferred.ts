/** Done at once when so much waits: some hundred microseconds of work. */
const WAITING_MAX = 64;

/**
 * Work that can wait for the next tick of ours. Done together it costs a fraction: alone, between the app's own work, it
 * finds nothing of what it needs in the processor's caches.
 */
export class Deferred {
  readonly #failed: (error: unknown) => void;
  #waiting: (() => void)[] = [];

  /** @param failed told what a piece of work threw; the others are done all the same. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Keeps `work` until `run`, or until 64 pieces wait. */
  add(work: () => void): void {
    this.#waiting.push(work);
    if (this.#waiting.length >= WAITING_MAX) this.run();
  }

  /** Does everything that waits, in the order it came. */
  run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) {
      try {
        work();
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
