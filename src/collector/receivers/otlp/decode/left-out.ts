import type { OtlpRejected } from '../model.ts';

/** Kinds of reasons that are told apart; there are a handful. */
const REASONS_MAX = 20;

/** Counts what of a request could not be used, by reason. */
export class LeftOut {
  readonly #records = new Map<string, number>();
  readonly #parts = new Map<string, number>();

  /** Whole records. @param reason behind a count: `spans without a trace id`. */
  records(reason: string, count = 1): void {
    add(this.#records, reason, count);
  }

  /** Parts of records that are kept. */
  parts(reason: string, count = 1): void {
    add(this.#parts, reason, count);
  }

  get rejected(): OtlpRejected {
    const told = [...this.#records, ...this.#parts].map(([reason, count]) => `${count} ${reason}`);
    const count = [...this.#records.values()].reduce((sum, one) => sum + one, 0);
    return { count, message: told.length === 0 ? '' : `left out: ${told.join('; ')}` };
  }
}

function add(counts: Map<string, number>, reason: string, count: number): void {
  const before = counts.get(reason);
  if (before === undefined && counts.size >= REASONS_MAX) return;
  counts.set(reason, (before ?? 0) + count);
}
