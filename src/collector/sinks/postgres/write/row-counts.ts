import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';

/** Refused rows are logged once per table; a table nobody knows is no reason for more lines than this. */
const REJECTED_LINES_MAX = 10;

/** Why rows were given up: see `StorageCounts.dropped`. */
export type DropReason =
  | 'queue_full'
  | 'spool_full'
  | 'spool_corrupt'
  | 'rejected'
  | 'unavailable'
  | 'shutdown';

/** Reasons that last a while: there is no room. */
const FULL = {
  queue_full: {
    begins: 'The queue of events waiting for storage is full; dropping the oldest.',
    ends: (rows: number) => `The queue has room again; ${rows} events were dropped.`,
  },
  spool_full: {
    begins: 'The spool is full (NERVECENTER_SPOOL_MAX_BYTES); dropping the oldest rows.',
    ends: (rows: number) => `The spool has room again; ${rows} rows were dropped.`,
  },
} as const;

interface Fullness {
  readonly condition: Condition;
  /** How much had been dropped for this reason when it began. */
  droppedBefore: number;
}

/** What became of everything taken in, and the lines about what was given up. */
export class RowCounts {
  readonly #log: Log;
  readonly #dropped: Record<string, number> = {};
  readonly #full: Readonly<Record<keyof typeof FULL, Fullness>>;
  readonly #rejectedTables = new Set<string>();
  accepted = 0;
  stored = 0;

  constructor(log: Log) {
    this.#log = log;
    const fullness = () => ({ condition: new Condition(log, 'storage'), droppedBefore: 0 });
    this.#full = { queue_full: fullness(), spool_full: fullness() };
  }

  get dropped(): Record<string, number> {
    return { ...this.#dropped };
  }

  get droppedTotal(): number {
    return Object.values(this.#dropped).reduce((sum, count) => sum + count, 0);
  }

  drop(reason: DropReason, rows: number): void {
    if (rows === 0) return;
    if (reason === 'queue_full' || reason === 'spool_full') this.#begin(reason);
    if (reason === 'spool_corrupt' && this.#dropped[reason] === undefined) {
      this.#log('storage', 'Skipped damage in the spool; the rows lost with it are counted.');
    }
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + rows;
  }

  /** A row that no table can hold. */
  reject(table: string, error: unknown): void {
    this.drop('rejected', 1);
    const name = table.slice(0, 40);
    if (this.#rejectedTables.has(name) || this.#rejectedTables.size >= REJECTED_LINES_MAX) return;
    this.#rejectedTables.add(name);
    // Never the server's message: it quotes the value, which may be somebody's address.
    const code = (error as { code?: unknown } | null)?.code ?? 'no row';
    this.#log(
      'storage',
      `Dropped a ${name} event that its table cannot hold (${code}); more are only counted.`,
    );
  }

  /** There is room again; at the bound itself it would flap, so the caller asks later. */
  relieved(reason: keyof typeof FULL): void {
    const { condition, droppedBefore } = this.#full[reason];
    condition.end(FULL[reason].ends((this.#dropped[reason] ?? 0) - droppedBefore));
  }

  #begin(reason: keyof typeof FULL): void {
    const full = this.#full[reason];
    if (!full.condition.holds) full.droppedBefore = this.#dropped[reason] ?? 0;
    full.condition.begin(FULL[reason].begins);
  }
}
