import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import type { Config } from '../../../config/config.ts';
import { backoffMs } from '../../../core/backoff.ts';
import { NervecenterError } from '../../../core/errors.ts';
import type { Point } from '../../../core/frame.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import type { StorageState } from '../../../core/snapshot.ts';
import { MIB, SECOND_MS } from '../../../core/units.ts';
import { Condition } from '../../condition.ts';
import type { Log } from '../../log.ts';
import { configuredServer } from './configured-server.ts';
import { type Connections, connect } from './connect/connection.ts';
import { storageError } from './connect/failure.ts';
import type { PostgresServer } from './connect/server.ts';
import { migrate } from './schema/migrate.ts';
import type { Batch, SentBatch } from './spool/batch.ts';
import type { SpoolFiles } from './spool/files.ts';
import { both, type Earlier, lastStored, storedEarlier, WaitingSum } from './totals/earlier.ts';
import type { Measuring } from './write/held-batch.ts';
import { Intake } from './write/intake.ts';
import { RowCounts } from './write/row-counts.ts';
import { Wakeup } from './write/wakeup.ts';
import { GroupSize, storeBatches, type WriterOptions } from './write/writer.ts';

/**
 * What became of the rows taken in, those found in the spool at the start included: accepted = stored + queued + inFlight +
 * all dropped, at every moment.
 */
export interface StorageCounts {
  /** Events offered, and rows that an earlier process left in the spool. */
  readonly accepted: number;
  /** Committed by Postgres. An event offered twice counts twice and is one row. */
  readonly stored: number;
  /** Waiting, in memory or on disk. */
  readonly queued: number;
  readonly inFlight: number;
  /**
   * Rows given up, by reason: `spool_full` (the disk's share is used up, oldest first), `queue_full` (memory's share is,
   * while the disk cannot be used), `spool_corrupt` (damaged on disk), `rejected` (the table cannot hold it),
   * `unavailable` (storage cannot work here at all), `shutdown` (in memory only when the collector stopped).
   */
  readonly dropped: Readonly<Record<string, number>>;
  readonly spoolBytes: number;
}

/** Where events become rows. */
export interface Storage {
  readonly state: StorageState;
  /** For people: `Postgres db.example.com:5432/app`, `embedded PostgreSQL 18 in .nervecenter`. Never a password. */
  readonly description: string;
  /**
   * Starts the embedded server where there is no other, connects, migrates. Resolves after the first attempt, also when
   * the server cannot be reached; then it is tried again for as long as it takes.
   *
   * @throws NervecenterError of class `permanent` when trying again cannot help. Events are then dropped as `unavailable`.
   */
  start(): Promise<void>;
  /** False while the disk cannot hold what waits and memory has to. */
  readonly durable: boolean;
  /**
   * Takes events to store; returns at once. The promise resolves when they are on disk, or when memory is all there is for
   * them; it never rejects.
   *
   * @param sent whose batch they are, and which: what is sent again is recognised by it, after a restart as well.
   */
  offer(events: readonly NervecenterEvent[], sent?: SentBatch): Promise<void>;
  /** Takes what was measured elsewhere: it is shown and added to the totals like what events measure. */
  addPoints(points: readonly Point[]): void;
  counts(): StorageCounts;
  /**
   * Lends one of the two connections to whoever reads, one at a time: the other one is the writer's.
   *
   * @throws NervecenterError `NC_UNAVAILABLE` while there is none.
   */
  lend<T>(work: (client: PoolClient) => Promise<T>): Promise<T>;
  /** Stores what waits now, for at most this many milliseconds. True when all of it is stored. */
  flush(deadlineMs: number): Promise<boolean>;
  /**
   * Flushes, closes every connection, stops the embedded server. What is not stored by then stays in the spool. Idempotent,
   * safe before and during `start`.
   */
  shutdown(deadlineMs: number): Promise<void>;
}

export interface StorageOptions {
  readonly config: Pick<Config, 'postgres' | 'dataDir' | 'spoolMaxBytes'>;
  readonly log: Log;
  readonly measuring: Measuring;
  /**
   * Called with what was counted before this process, once it is known, and again with what other processes are found to have
   * left: it adds up.
   */
  readonly onEarlier: (earlier: Earlier) => void;
  /** Bound of the events waiting in memory, in estimated bytes. @default 64 MiB */
  readonly queueMaxBytes?: number;
  /** The server gives up a statement after this. @default 30 s */
  readonly statementTimeoutMs?: number;
  /** Where the spool is written. @default the file system */
  readonly spoolFiles?: SpoolFiles;
}

const QUEUE_MAX_BYTES = 64 * MIB;
/** A polite goodbye to the server may take this long. */
const DISCONNECT_MS = SECOND_MS / 2;
/** Reading back what was counted before takes milliseconds, and some seconds after a long outage. */
const RECALL_TIMEOUT_MS = 60 * SECOND_MS;
/** Of a shutdown's time, kept for stopping the server. */
const STOP_SHARE = 0.25;

export function createStorage(options: StorageOptions): Storage {
  return new PostgresStorage(configuredServer(options.config, options.log), options);
}

/**
 * Events go through the intake to the spool; one loop takes batches from there to the server, one transaction at a time,
 * while the server is there, and tries to come back to it while it is not.
 */
class PostgresStorage implements Storage {
  readonly #server: PostgresServer;
  readonly #down: Condition;
  readonly #writerOptions: WriterOptions;
  readonly #onEarlier: StorageOptions['onEarlier'];
  readonly #measuring: Measuring;
  readonly #wakeup = new Wakeup();
  readonly #rowCounts: RowCounts;
  readonly #intake: Intake;
  readonly #groupSize = new GroupSize();
  /** What was counted before is read back. */
  #recalled = false;
  #retryNow = false;
  #connections: Connections | null = null;
  /** Connections being made, so that a shutdown need not wait for them. */
  #opening: Connections | null = null;
  #downSince = performance.now();
  /** Set: events are not taken any more, with this reason. */
  #closedFor: 'unavailable' | 'shutdown' | null = null;
  #done = false;
  #starting: Promise<void> | null = null;
  #loop: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(server: PostgresServer, options: StorageOptions) {
    const { config, log, queueMaxBytes = QUEUE_MAX_BYTES, statementTimeoutMs, spoolFiles } = options;
    this.#server = server;
    this.#down = new Condition(log, 'storage');
    this.#writerOptions = statementTimeoutMs === undefined ? {} : { statementTimeoutMs };
    this.#onEarlier = options.onEarlier;
    this.#measuring = options.measuring;
    this.#rowCounts = new RowCounts(log);
    const intake = {
      measuring: options.measuring,
      spoolDirectory: join(config.dataDir, 'spool'),
      spoolMaxBytes: config.spoolMaxBytes,
      queueMaxBytes,
      ...(spoolFiles === undefined ? {} : { files: spoolFiles }),
    };
    this.#intake = new Intake(intake, this.#rowCounts, this.#wakeup, log);
  }

  get state(): StorageState {
    return this.#connections === null ? 'down' : 'ok';
  }

  get durable(): boolean {
    return !this.#intake.degraded;
  }

  get description(): string {
    return this.#server.description;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  offer(events: readonly NervecenterEvent[], sent: SentBatch | null = null): Promise<void> {
    if (this.#closedFor === null) return this.#intake.offer(events, sent);
    this.#rowCounts.accepted += events.length;
    this.#rowCounts.drop(this.#closedFor, events.length);
    this.#measuring.show(this.#measuring.measure(events));
    return Promise.resolve();
  }

  addPoints(points: readonly Point[]): void {
    if (this.#closedFor === null) this.#intake.addPoints(points);
    else this.#measuring.show(points);
  }

  counts(): StorageCounts {
    return {
      accepted: this.#rowCounts.accepted,
      stored: this.#rowCounts.stored,
      queued: this.#intake.queued,
      inFlight: this.#intake.inFlight,
      dropped: this.#rowCounts.dropped,
      spoolBytes: this.#intake.spoolBytes,
    };
  }

  async lend<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#connections === null || this.#done) {
      throw new NervecenterError(
        'NC_UNAVAILABLE',
        'Storage cannot be reached at the moment. Try again later.',
      );
    }
    return withClient(this.#connections.pool, work);
  }

  async flush(deadlineMs: number): Promise<boolean> {
    const target = this.#rowCounts.accepted;
    const droppedBefore = this.#rowCounts.droppedTotal;
    this.#retryNow = true;
    this.#intake.flush();
    const settled = await this.#wakeup.until(() => this.#settled() >= target, deadlineMs);
    return settled && this.#rowCounts.droppedTotal === droppedBefore;
  }

  shutdown(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(performance.now() + deadlineMs, deadlineMs * STOP_SHARE);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    if (this.#stopping !== null) return;
    try {
      await this.#intake.open();
      this.#intake.start();
      await this.#open();
      this.#intake.announce();
    } catch (error) {
      const failure = storageError(error, this.#server.description);
      if (failure.class === 'permanent') {
        await this.#giveUp();
        throw failure;
      }
      this.#intake.start();
      this.#intake.announce();
      this.#goDown(failure);
    }
    this.#loop = this.#run();
  }

  async #open(): Promise<void> {
    await this.#intake.open();
    const connections = connect(await this.#server.start());
    this.#opening = connections;
    try {
      if (this.#done) throw new Error('stopping');
      const client = await connections.pool.connect();
      try {
        await migrate(client);
        if (!this.#recalled) await this.#recall(client);
      } finally {
        client.release();
      }
    } catch (error) {
      connections.destroy();
      throw error;
    } finally {
      this.#opening = null;
    }
    this.#connections = connections;
    this.#wakeup.notify();
  }

  /**
   * Reads back what was counted before: from the database, and from what waits in the spools and is not stored yet, all as of
   * one moment, before the first row of this process is stored.
   */
  async #recall(client: PoolClient): Promise<void> {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${RECALL_TIMEOUT_MS}`,
    );
    try {
      const stored = this.#recalled ? null : await storedEarlier(client);
      const waiting = await this.#waitingEarlier(client);
      await client.query('COMMIT');
      this.#recalled = true;
      this.#onEarlier(stored === null ? waiting : both(stored, waiting));
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}); // The first error says more.
      throw error;
    }
  }

  async #waitingEarlier(client: PoolClient): Promise<Earlier> {
    const sum = new WaitingSum(Date.now());
    const last = new Map<string, number>();
    for await (const { writer, seq, facts } of this.#intake.earlier()) {
      if (!last.has(writer)) last.set(writer, await lastStored(client, writer));
      sum.add(facts, seq <= (last.get(writer) ?? 0));
    }
    return sum.take();
  }

  async #run(): Promise<void> {
    for (let attempt = 1; !this.#done; ) {
      if (this.#connections === null) attempt = (await this.#reopen(attempt)) ? 1 : attempt + 1;
      else await this.#storeNext(this.#connections);
    }
  }

  async #reopen(attempt: number): Promise<boolean> {
    await this.#wakeup.until(() => this.#done || this.#retryNow, backoffMs(attempt, Math.random()));
    this.#retryNow = false;
    if (this.#done) return false;
    try {
      await this.#open();
    } catch (error) {
      this.#goDown(storageError(error, this.#server.description));
      return false;
    }
    const seconds = Math.ceil((performance.now() - this.#downSince) / SECOND_MS);
    const waited = this.#intake.queued;
    if (this.#stopping === null) {
      this.#down.end(`${this.description} is back after ${seconds} s; ${waited} events waited.`);
    }
    return true;
  }

  async #storeNext({ pool }: Connections): Promise<void> {
    await this.#wakeup.until(() => this.#done || this.#intake.ready);
    try {
      if (this.#intake.hasEarlier) await withClient(pool, (client) => this.#recall(client));
      const batches = this.#done ? [] : await this.#intake.take(this.#groupSize.batchesMax);
      if (batches.length > 0) await this.#store(pool, batches);
    } catch (error) {
      this.#groupSize.failed();
      this.#intake.putBack();
      this.#goDown(storageError(error, this.description));
    }
  }

  async #store(pool: Pool, batches: readonly Batch[]): Promise<void> {
    const begin = performance.now();
    const rejected = await storeBatches(pool, batches, this.#writerOptions);
    if (rejected === null) {
      this.#groupSize.failed();
      this.#intake.putBack();
      return;
    }
    for (const { table, error } of rejected) this.#rowCounts.reject(table, error);
    if (rejected.length > 0) this.#groupSize.failed();
    else this.#groupSize.stored(batches.length, performance.now() - begin);
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    await this.#intake.settled(rows - rejected.length);
  }

  #goDown(failure: NervecenterError): void {
    this.#connections?.destroy();
    this.#connections = null;
    if (!this.#down.holds) this.#downSince = performance.now();
    // Said again only when the reason changes, for example from unreachable to refused.
    if (this.#stopping === null) {
      this.#down.begin(
        `${failure.message} Rows wait meanwhile; trying again. [${failure.code}]`,
        failure.code,
      );
    }
  }

  /** Storage cannot work here: nothing is kept for it and nothing is left running. */
  async #giveUp(): Promise<void> {
    this.#closedFor ??= 'unavailable';
    this.#done = true;
    await this.#intake.close(this.#closedFor);
    await this.#server.stop(DISCONNECT_MS);
  }

  async #stop(endsAt: number, stopMs: number): Promise<void> {
    this.#closedFor ??= 'shutdown';
    const remaining = () => Math.max(0, endsAt - performance.now());
    if (this.#starting !== null) {
      await within(this.#starting, remaining() - stopMs);
      await within(this.#intake.stop(), remaining());
      if (this.#connections !== null) await this.flush(remaining() - stopMs);
    }
    this.#done = true;
    this.#wakeup.notify();
    this.#opening?.destroy();
    if (this.#intake.inFlight === 0 && this.#connections !== null) {
      await within(this.#connections.pool.end(), Math.min(DISCONNECT_MS, remaining()));
    }
    this.#connections?.destroy();
    await this.#server.stop(remaining());
    await within(this.#starting ?? this.#loop, DISCONNECT_MS);
    await within(this.#loop, DISCONNECT_MS);
    this.#connections = null;
    await within(this.#intake.close('shutdown'), DISCONNECT_MS);
  }

  #settled(): number {
    return this.#rowCounts.accepted - this.#intake.queued - this.#intake.inFlight;
  }
}

async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    const result = await work(client);
    broken = false;
    return result;
  } finally {
    client.release(broken); // After a failure nobody knows in what state the connection is.
  }
}

/** Waits for an outcome, whichever, but not longer. */
async function within(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, timeoutMs));
  });
  await Promise.race([work.catch(() => {}), timeUp]);
  clearTimeout(timer);
}
