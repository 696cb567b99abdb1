/** Processes whose last batch is remembered; beyond it those that were silent for longest are forgotten. */
const PROCESSES_MAX = 10_000;

/**
 * Which batches were accepted, here or by the collector before, so that what a process sends again is counted once. The
 * batches of one process are numbered in order and accepted in order.
 */
export class SentBatches {
  readonly #last = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #complete = false;

  /** Whether what the collector before has accepted is known, or never will be. */
  get complete(): boolean {
    return this.#complete;
  }

  /** What the collector before has accepted. */
  add(sent: Iterable<readonly [instanceId: string, batch: number]>): void {
    for (const [instanceId, batch] of sent) this.#note(instanceId, batch);
  }

  /** Nothing more will come of before. Idempotent. */
  completed(): void {
    this.#complete = true;
    for (const release of this.#waiting.splice(0)) release();
  }

  /** Calls back, once, when what was accepted before is known. */
  whenComplete(release: () => void): void {
    if (this.#complete) release();
    else this.#waiting.push(release);
  }

  /** Whether a batch is to be accepted: not if it was. */
  accept(instanceId: string, batch: number): boolean {
    if (batch <= (this.#last.get(instanceId) ?? 0)) return false;
    this.#note(instanceId, batch);
    return true;
  }

  #note(instanceId: string, batch: number): void {
    const last = Math.max(batch, this.#last.get(instanceId) ?? 0);
    this.#last.delete(instanceId);
    this.#last.set(instanceId, last);
    const [oldest] = this.#last.keys();
    if (this.#last.size > PROCESSES_MAX && oldest !== undefined) this.#last.delete(oldest);
  }
}
