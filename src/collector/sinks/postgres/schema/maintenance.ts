import { type ClientBase, DatabaseError } from 'pg';
import { describeError } from '../../../../core/errors.ts';
import { HOUR_MS, type Milliseconds, SECOND_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import { failureKind } from '../connect/failure.ts';
import {
  applyRetention,
  describeDrops,
  formatMib,
  pruneLedger,
  type RetentionPolicy,
  type RetentionReport,
} from './retention.ts';

export interface MaintenanceOptions {
  /** Lends a connection for some work; rejects while there is none. */
  readonly lend: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;
  readonly policy: RetentionPolicy;
  readonly now: () => Milliseconds;
  readonly log: Log;
  /** Between two runs. @default an hour */
  readonly intervalMs?: number;
  /** Before trying again while the server cannot be reached. @default 5 s */
  readonly retryMs?: number;
}

const RETRY_MS = 5 * SECOND_MS;
const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Keeps the tables in order: partitions ahead, retention, the ledger and what else is kept for a while. Runs as soon as there is a server, because days may
 * have passed since the last collector ran, and then every hour. Any number of collectors may.
 */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #failing: Condition;
  readonly #overBudget: Condition;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#failing = new Condition(options.log, 'storage');
    this.#overBudget = new Condition(options.log, 'storage');
  }

  /** Idempotent. */
  start(): void {
    if (this.#stopped || this.#running !== null) return;
    this.#running = this.#run();
  }

  /** Begins nothing more, and resolves when nothing is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    const reached = await this.#once();
    if (this.#stopped) return;
    const { intervalMs = HOUR_MS, retryMs = RETRY_MS } = this.#options;
    this.#timer = setTimeout(
      () => {
        this.#running = this.#run();
      },
      reached ? intervalMs : retryMs,
    );
    this.#timer.unref();
  }

  /** False when there was no server to do it on. */
  async #once(): Promise<boolean> {
    const { lend, policy, now } = this.#options;
    try {
      const report = await lend(async (client) => {
        const nowMs = now();
        // First, because a role that may not touch tables may still do this.
        await pruneLedger(client, nowMs);
        return applyRetention(client, policy, nowMs);
      });
      this.#report(report);
      return true;
    } catch (error) {
      if (this.#stopped) return false; // The connection may have been cut under it.
      // A server that cannot be reached is the writer's to tell.
      if (failureKind(error) === 'unreachable' && !isBusy(error)) return false;
      this.#failed(error);
      return true;
    }
  }

  #report(report: RetentionReport): void {
    const { log, policy } = this.#options;
    this.#failing.end('Partitions and retention work again.');
    const drops = describeDrops(report);
    if (drops !== null) log('storage', drops);
    const max = policy.storageMaxBytes;
    if (max !== null && report.bytes > max) {
      this.#overBudget.begin(
        `Rows take ${formatMib(report.bytes)}, more than NERVECENTER_STORAGE_MAX_BYTES (${formatMib(max)}), and no day before today is left to drop.`,
      );
    } else this.#overBudget.end();
  }

  #failed(error: unknown): void {
    const problem = error instanceof DatabaseError ? (error.code ?? '') : describeError(error);
    this.#failing.begin(
      problem === INSUFFICIENT_PRIVILEGE
        ? 'This database role may write rows but not make or drop partitions: run `nervecenter prune` daily as the role that owns the tables. Until then rows of days without a partition go to the default one, and nothing is dropped.'
        : `Partitions and retention failed: ${describeError(error)}. Rows are stored all the same; trying again every hour.`,
      problem,
    );
  }
}

/** Somebody held a table for too long: `lock_not_available`, of a class that otherwise says that the server has gone. */
function isBusy(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '55P03';
}
