import { DatabaseError, type Pool } from 'pg';
import { HOUR_MS, type Milliseconds } from '../../core/units.ts';
import { describeError } from '../../errors.ts';
import type { Log } from '../log.ts';
import { failureKind } from './failure.ts';
import {
  applyRetention,
  describeDrops,
  formatMib,
  pruneLedger,
  type RetentionPolicy,
  type RetentionReport,
} from './retention.ts';

export interface MaintenanceOptions {
  readonly policy: RetentionPolicy;
  readonly now: () => Milliseconds;
  readonly log: Log;
  /** @default an hour */
  readonly intervalMs?: number;
}

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Keeps the tables in order while a server is connected: partitions ahead, retention, the ledger. Runs at once, because a
 * day may have passed since the last collector ran, and then every hour. Any number of collectors may.
 */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  #pool: Pool | null = null;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Said once when it begins, and when it ends. */
  #problem: string | null = null;
  #overBudget = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** Works with this pool's connections from now on, one at a time and for milliseconds. */
  start(pool: Pool): void {
    this.stop();
    this.#pool = pool;
    this.#next();
    this.#timer = setInterval(() => this.#next(), this.#options.intervalMs ?? HOUR_MS);
    this.#timer.unref();
  }

  /** Begins nothing more. What is under way ends with its connection. */
  stop(): void {
    clearInterval(this.#timer);
    this.#pool = null;
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#running;
  }

  /** One run at a time: the advisory lock would make a second wait for nothing. */
  #next(): void {
    this.#running = this.#running.then(() => this.#run());
  }

  async #run(): Promise<void> {
    const pool = this.#pool;
    if (pool === null) return;
    try {
      const client = await pool.connect();
      let failure: unknown;
      try {
        const nowMs = this.#options.now();
        // First, because a role that may not touch tables may still do this.
        await pruneLedger(client, nowMs);
        this.#report(await applyRetention(client, this.#options.policy, nowMs));
      } catch (error) {
        failure = error;
        throw error;
      } finally {
        client.release(failure !== undefined);
      }
      this.#settled();
    } catch (error) {
      // A server that went away is the writer's to tell.
      if (this.#pool === pool && failureKind(error) !== 'unreachable') this.#failed(error);
    }
  }

  #report(report: RetentionReport): void {
    const drops = describeDrops(report);
    if (drops !== null) this.#options.log('storage', drops);
    const max = this.#options.policy.storageMaxBytes;
    const over = max !== null && report.bytes > max;
    if (over && !this.#overBudget) {
      this.#options.log(
        'storage',
        `Storage takes ${formatMib(report.bytes)}, more than NERVECENTER_STORAGE_MAX_BYTES (${formatMib(max)}), and only today's rows are left.`,
      );
    }
    this.#overBudget = over;
  }

  #settled(): void {
    if (this.#problem !== null) this.#options.log('storage', 'Partitions and retention work again.');
    this.#problem = null;
  }

  #failed(error: unknown): void {
    const problem = error instanceof DatabaseError ? (error.code ?? '') : describeError(error);
    if (this.#problem === problem) return;
    this.#problem = problem;
    this.#options.log(
      'storage',
      problem === INSUFFICIENT_PRIVILEGE
        ? 'This database role may write rows but not make or drop partitions: run `nervecenter prune` daily as the role that owns the tables (docs/database.md). Until then rows go to the default partitions and retention does not run.'
        : `Partitions and retention failed: ${describeError(error)}. Rows are stored all the same; trying again every hour.`,
    );
  }
}
