import type { Pool } from 'pg';
import type { Measuring } from './held-batch.ts';
import type { Intake } from './intake.ts';
import type { RowCounts } from './row-counts.ts';
import { GroupSize, storeBatches, type WriterOptions } from './writer.ts';

/** Takes batches from the intake to the server, as many in one transaction as it can. */
export class Transfer {
  readonly #intake: Intake;
  readonly #rowCounts: RowCounts;
  readonly #show: Measuring['show'];
  readonly #options: WriterOptions;
  readonly #groupSize = new GroupSize();

  /** @param show what counts with its being stored, and not before. */
  constructor(
    intake: Intake,
    rowCounts: RowCounts,
    { show, ...options }: WriterOptions & Pick<Measuring, 'show'>,
  ) {
    this.#intake = intake;
    this.#rowCounts = rowCounts;
    this.#show = show;
    this.#options = options;
  }

  /** Stores the oldest batches. @throws as `storeBatch`; then `failed` is to be called. */
  async next(pool: Pool): Promise<void> {
    const batches = await this.#intake.take(this.#groupSize.batchesMax);
    if (batches.length === 0) return;
    const begin = performance.now();
    const stored = await storeBatches(pool, batches, this.#options);
    if (stored === null) return this.failed();
    const { rejected, told } = stored;
    if (told.length > 0) this.#show(told);
    for (const { table, error } of rejected) this.#rowCounts.reject(table, error);
    if (rejected.length > 0) this.#groupSize.failed();
    else this.#groupSize.stored(batches.length, performance.now() - begin);
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    await this.#intake.settled(rows - rejected.length);
  }

  /** What was taken waits again. */
  failed(): void {
    this.#groupSize.failed();
    this.#intake.putBack();
  }
}
