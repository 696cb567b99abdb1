import type { Batch } from '../../postgres/spool/batch.ts';

/** A batch in memory. */
export interface Pending {
  readonly batch: Batch;
  /** Tells whoever offered it that it is as safe as it gets. */
  readonly settle: () => void;
  settled: boolean;
}

/** Batches on their way to the disk, or in memory for as long as there is none; of bounded size. */
export class PendingBatches {
  readonly #maxBytes: number;
  #batches: Pending[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get first(): Pending | undefined {
    return this.#batches[0];
  }

  get length(): number {
    return this.#batches.length;
  }

  get rows(): number {
    return this.#batches.reduce((sum, { batch }) => sum + batch.rows, 0);
  }

  /** Whether somebody waits for one of them to be safe. */
  get unsettled(): boolean {
    return this.#batches.some(({ settled }) => !settled);
  }

  /**
   * @param kept so many of the oldest are in use and stay.
   * @returns how many events had to go for it, and when the batch is safe.
   */
  push(batch: Batch, kept: number): { readonly dropped: number; readonly settled: Promise<void> } {
    let dropped = 0;
    while (this.#batches.length > kept && this.#bytes + batch.payload.length > this.#maxBytes) {
      const [oldest] = this.#batches.splice(kept, 1);
      oldest?.settle();
      this.#bytes -= oldest?.batch.payload.length ?? 0;
      dropped += oldest?.batch.rows ?? 0;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#batches.push({ batch, settle: resolve, settled: false });
    this.#bytes += batch.payload.length;
    return { dropped, settled: promise };
  }

  /** The oldest is elsewhere now. */
  shift(): void {
    this.#bytes -= this.#batches.shift()?.batch.payload.length ?? 0;
  }

  /** Memory is all there is for them. */
  settle(): void {
    for (const pending of this.#batches) {
      pending.settled = true;
      pending.settle();
    }
  }

  /** @returns how many events go. */
  clear(): number {
    const { rows } = this;
    this.#batches = [];
    this.#bytes = 0;
    return rows;
  }
}
