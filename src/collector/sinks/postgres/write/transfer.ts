import type { Pool } from 'pg';
import type { Point } from '../../../../core/frame.ts';
import type { Batch } from '../spool/batch.ts';
import type { Measuring } from './held-batch.ts';
import type { Intake } from './intake.ts';
import type { RowCounts } from './row-counts.ts';
import { type Doubts, GroupSize, storeBatches, type WriterOptions } from './writer.ts';

interface TransferOptions extends Omit<WriterOptions, 'doubts'>, Pick<Doubts, 'countsAlready'> {
  readonly show: Measuring['show'];
}

/** Takes batches from the intake to the server, as many in one transaction as it can. */
export class Transfer {
  readonly #intake: Intake;
  readonly #rowCounts: RowCounts;
  readonly #options: WriterOptions;
  readonly #show: Measuring['show'];
  readonly #groupSize = new GroupSize();
  /** What doubtful batches count once they are stored, by writer and number; nobody may have heard yet that they are. */
  readonly #undecided = new Map<string, readonly Point[]>();
  /** Of the batches made in this process, up to which number they were sent to a server, whatever came of it. */
  #sentUpTo = 0;

  constructor(intake: Intake, rowCounts: RowCounts, { countsAlready, show, ...options }: TransferOptions) {
    this.#intake = intake;
    this.#rowCounts = rowCounts;
    this.#show = show;
    const decided: Doubts['decided'] = (batch, counts) => void this.#undecided.set(nameOf(batch), counts);
    this.#options = { ...options, doubts: { countsAlready, decided } };
  }

  /** Stores the oldest batches. @throws as `storeBatches`; then `failed` is to be called. */
  async next(pool: Pool): Promise<void> {
    const batches = await this.#intake.take(this.#groupSize.batchesMax);
    if (batches.length === 0) return;
    const begin = performance.now();
    const rejected = await storeBatches(pool, batches, { ...this.#options, areNew: this.#areNew(batches) });
    if (rejected === null) return this.failed();
    this.#showDecided(batches);
    for (const { table, error } of rejected) this.#rowCounts.reject(table, error);
    if (rejected.length > 0) this.#groupSize.failed();
    else this.#groupSize.stored(batches.length, performance.now() - begin);
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    await this.#intake.settled(rows - rejected.length);
  }

  /** Whether none was sent to a server before. They are from now on. */
  #areNew(batches: readonly Batch[]): boolean {
    const own = batches.filter(({ writer }) => writer === this.#intake.writer).map(({ seq }) => seq);
    const areNew = own.length === batches.length && own.every((seq) => seq > this.#sentUpTo);
    this.#sentUpTo = Math.max(this.#sentUpTo, ...own);
    return areNew;
  }

  #showDecided(batches: readonly Batch[]): void {
    for (const name of batches.map(nameOf)) {
      const counts = this.#undecided.get(name) ?? [];
      this.#undecided.delete(name);
      if (counts.length > 0) this.#show(counts);
    }
  }

  /** What was taken waits again. */
  failed(): void {
    this.#groupSize.failed();
    this.#intake.putBack();
  }
}

const nameOf = ({ writer, seq }: Batch): string => `${writer} ${seq}`;
