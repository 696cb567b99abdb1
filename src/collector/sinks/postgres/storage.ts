import { join } from 'node:path';
import type { PoolClient } from 'pg';
import type { Config } from '../../../config/config.ts';
import { destinationOf, withoutLinks } from '../../../config/place.ts';
import { DEFAULT_SCHEMA } from '../../../config/postgres-settings.ts';
import { NervecenterError } from '../../../core/errors.ts';
import type { Point } from '../../../core/frame.ts';
import type { Leaving } from '../../../core/place.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import type { StorageState } from '../../../core/snapshot.ts';
import { MIB, SECOND_MS } from '../../../core/units.ts';
import type { Log } from '../../log.ts';
import { configuredServer } from './configured-server.ts';
import { storageError } from './connect/failure.ts';
import type { PostgresServer } from './connect/postgres-server.ts';
import { ServerLink } from './connect/server-link.ts';
import { migrate } from './schema/migrate.ts';
import type { OfferedBatch, SentBatch } from './spool/batch.ts';
import type { SpoolFiles } from './spool/files.ts';
import { type Earlier, sentIn } from './totals/earlier.ts';
import { type DoubtfulBatch, Recall } from './totals/recall.ts';
import type { Measuring } from './write/held-batch.ts';
import { Intake, type IntakeOptions } from './write/intake.ts';
import { type LastLot, leaveRows } from './write/last-rows.ts';
import { RowCounts } from './write/row-counts.ts';
import { Storing } from './write/storing.ts';
import { Transfer } from './write/transfer.ts';
import { Wakeup } from './write/wakeup.ts';

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
   * Whether so much waits that what can come later should: for the disk, or for a server that is there and works it off. While
   * the server is away that would stop the live view as well, so the spool's bound is all there is.
   */
  readonly crowded: boolean;
  /**
   * Takes events to store; returns at once. The promise resolves when they are on disk, or when memory is all there is for
   * them; it never rejects.
   *
   * @param sent whose batch they are, and which: what is sent again is recognised by it, after a restart as well.
   */
  offer(events: readonly NervecenterEvent[], sent?: OfferedBatch): Promise<void>;
  /** Takes what was measured elsewhere: it is shown and added to the totals like what events measure. */
  addPoints(points: readonly Point[]): void;
  /** Takes rows that processes which are gone have left there: now, and once a minute. At most 100 such directories. */
  takeLeft(leaving: Leaving): void;
  /** The last batches of processes that are on disk: all that can be told of what was accepted before without the server. */
  sentOnDisk(): Promise<readonly SentBatch[]>;
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
  /** `schema` is `enterprise` where none is given. */
  readonly config: Pick<Config, 'postgres' | 'dataDir' | 'spoolMaxBytes'> & Partial<Pick<Config, 'schema'>>;
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

type SpoolingOptions = Omit<StorageOptions, 'log' | 'onEarlier'>;

const QUEUE_MAX_BYTES = 64 * MIB;
/** A polite goodbye to the server may take this long. */
const DISCONNECT_MS = SECOND_MS / 2;
/** Of a shutdown's time, kept for stopping the server. */
const STOP_SHARE = 0.25;

export function createStorage(options: StorageOptions): Storage {
  return new PostgresStorage(configuredServer(options.config, options.log), options);
}

/** See `leaveRows`. */
export function leaveInSpool(options: SpoolingOptions, lots: readonly LastLot[]): Promise<string> {
  return leaveRows(intakeOptions(options), lots);
}

/** Events go through the intake to the spool; one loop takes batches from there to the server. */
class PostgresStorage implements Storage {
  readonly #link: ServerLink;
  readonly #measuring: Measuring;
  readonly #wakeup = new Wakeup();
  readonly #rowCounts: RowCounts;
  readonly #intake: Intake;
  readonly #recall: Recall;
  readonly #storing: Storing;
  /** Set: events are not taken any more, with this reason. */
  #closedFor: 'unavailable' | 'shutdown' | null = null;
  #starting: Promise<void> | null = null;
  #loop: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(server: PostgresServer, options: StorageOptions) {
    const { config, log, statementTimeoutMs } = options;
    const prepare = (client: PoolClient) => this.#prepare(client);
    const waiting = () => this.#intake.queued;
    this.#link = new ServerLink(server, { ...config, prepare, waiting }, log);
    this.#measuring = options.measuring;
    this.#rowCounts = new RowCounts(log);
    this.#intake = new Intake(intakeOptions(options), this.#rowCounts, this.#wakeup, log);
    this.#recall = new Recall(() => this.#intake.earlier(), options.onEarlier);
    const { show } = options.measuring;
    const writer = {
      show,
      countsAlready: (batch: DoubtfulBatch) => this.#recall.hasLeft(batch),
      ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
    };
    this.#storing = new Storing({
      link: this.#link,
      intake: this.#intake,
      recall: this.#recall,
      transfer: new Transfer(this.#intake, this.#rowCounts, writer),
      wakeup: this.#wakeup,
    });
  }

  get state(): StorageState {
    return this.#link.usable ? 'ok' : 'down';
  }

  get durable(): boolean {
    return !this.#intake.degraded;
  }

  get crowded(): boolean {
    return this.#closedFor === null && this.#intake.isCrowded(this.state === 'ok');
  }

  get description(): string {
    return this.#link.description;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  offer(events: readonly NervecenterEvent[], sent: OfferedBatch | null = null): Promise<void> {
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

  sentOnDisk(): Promise<readonly SentBatch[]> {
    return sentIn(this.#intake.onDisk());
  }

  takeLeft({ dataDir, target }: Leaving): void {
    this.#intake.spools.takeLeft(spoolIn(withoutLinks(dataDir)), target);
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
    if (this.#link.unanswered) {
      throw new NervecenterError('NC_UNAVAILABLE', 'Storage does not answer at the moment. Try again later.');
    }
    return this.#link.lend(work);
  }

  async flush(deadlineMs: number): Promise<boolean> {
    const target = this.#rowCounts.accepted;
    const droppedBefore = this.#rowCounts.droppedTotal;
    this.#storing.retryNow();
    this.#intake.flush();
    const settled = await this.#wakeup.until(
      () => this.#settled() >= target && !this.#intake.inMemory,
      deadlineMs,
    );
    return settled && this.#rowCounts.droppedTotal === droppedBefore;
  }

  shutdown(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(performance.now() + deadlineMs, deadlineMs * STOP_SHARE);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    if (this.#stopping !== null) return;
    try {
      await this.#intake.spools.open();
      this.#intake.start();
      await this.#storing.open();
      this.#intake.spools.announce();
    } catch (error) {
      const failure = storageError(error, this.description);
      if (failure.class === 'permanent') {
        await this.#giveUp();
        throw failure;
      }
      this.#intake.start();
      this.#intake.spools.announce();
      this.#storing.failed(failure);
    }
    this.#loop = this.#storing.run();
  }

  async #prepare(client: PoolClient): Promise<void> {
    await migrate(client);
    if (!this.#recall.done) await this.#recall.read(client);
  }

  /** Storage cannot work here: nothing is kept for it and nothing is left running. */
  async #giveUp(): Promise<void> {
    this.#closedFor ??= 'unavailable';
    this.#storing.end();
    await this.#intake.close(this.#closedFor);
    await this.#link.close(DISCONNECT_MS);
  }

  async #stop(endsAt: number, stopMs: number): Promise<void> {
    this.#closedFor ??= 'shutdown';
    this.#link.silence();
    const remaining = () => Math.max(0, endsAt - performance.now());
    if (this.#starting !== null) {
      await within(this.#starting, remaining() - stopMs);
      // Batches are made of what came as long as the intake runs, and there is no disk to keep them.
      if (this.#intake.memoryOnly && this.#link.pool !== null) await this.flush(remaining() - stopMs);
      await within(this.#intake.stop(), remaining());
      if (this.#link.pool !== null) await this.flush(remaining() - stopMs);
    }
    this.#storing.end();
    this.#link.end();
    if (this.#intake.inFlight === 0) await within(this.#link.leave(), Math.min(DISCONNECT_MS, remaining()));
    await this.#link.close(remaining());
    await within(this.#starting ?? this.#loop, DISCONNECT_MS);
    await within(this.#loop, DISCONNECT_MS);
    await within(this.#intake.close('shutdown'), DISCONNECT_MS);
  }

  #settled(): number {
    return this.#rowCounts.accepted - this.#intake.queued - this.#intake.inFlight;
  }
}

function spoolIn(dataDir: string): string {
  return join(dataDir, 'spool');
}

function intakeOptions({ config, measuring, queueMaxBytes, spoolFiles }: SpoolingOptions): IntakeOptions {
  return {
    measuring,
    spoolDirectory: spoolIn(withoutLinks(config.dataDir)),
    target: destinationOf({ schema: DEFAULT_SCHEMA, ...config }),
    spoolMaxBytes: config.spoolMaxBytes,
    queueMaxBytes: queueMaxBytes ?? QUEUE_MAX_BYTES,
    ...(spoolFiles === undefined ? {} : { files: spoolFiles }),
  };
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
