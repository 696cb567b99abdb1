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

interface Bounded {
  readonly begins: string;
  readonly ends: (rows: number) => string;
}

/** Reasons that last a while: said when it begins and when it ends. */
const BOUNDED: Readonly<Record<'queue_full' | 'spool_full', Bounded>> = {
  queue_full: {
    begins: 'The queue of events waiting for storage is full; dropping the oldest.',
    ends: (rows) => `The queue has room again; ${rows} events were dropped.`,
  },
  spool_full: {
    begins: 'The spool is full (NERVECENTER_SPOOL_MAX_BYTES); dropping the oldest rows.',
    ends: (rows) => `The spool has room again; ${rows} rows were dropped.`,
  },
};

/** What became of everything taken in, and the lines about what was given up. */
export class Books {
  readonly #log: Log;
  readonly #dropped: Record<string, number> = {};
  /** How much had been dropped for a reason when dropping began. */
  readonly #since = new Map<keyof typeof BOUNDED, number>();
  readonly #rejectedTables = new Set<string>();
  accepted = 0;
  stored = 0;

  constructor(log: Log) {
    this.#log = log;
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
  relieved(reason: keyof typeof BOUNDED): void {
    const since = this.#since.get(reason);
    if (since === undefined) return;
    this.#since.delete(reason);
    this.#log('storage', BOUNDED[reason].ends((this.#dropped[reason] ?? 0) - since));
  }

  #begin(reason: keyof typeof BOUNDED): void {
    if (this.#since.has(reason)) return;
    this.#since.set(reason, this.#dropped[reason] ?? 0);
    this.#log('storage', BOUNDED[reason].begins);
  }
}
