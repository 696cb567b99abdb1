import type { Config } from '../../config.ts';
import type { NervecenterEvent } from '../../core/event.ts';
import type { StorageState } from '../../core/snapshot.ts';
import { MIB, SECOND_MS } from '../../core/units.ts';
import type { NervecenterError } from '../../errors.ts';
import type { Log } from '../log.ts';
import { backoffMs } from './backoff.ts';
import { configuredServer } from './configured-server.ts';
import { type Connections, connect } from './connection.ts';
import { EventQueue } from './event-queue.ts';
import { storageError } from './failure.ts';
import { migrate } from './migrate.ts';
import type { PostgresServer } from './server.ts';
import { Wakeup } from './wakeup.ts';
import { storeBatch } from './writer.ts';

/** What became of the events offered: offered = stored + queued + inFlight + all dropped, at every moment. */
export interface StorageCounts {
  /** Committed by Postgres. An event offered twice counts twice and is one row. */
  readonly stored: number;
  readonly queued: number;
  readonly inFlight: number;
  /**
   * Events given up, by reason: `queue_full` (oldest first), `rejected` (the table cannot hold it), `unavailable` (storage
   * cannot work here at all), `shutdown` (still waiting when the collector stopped).
   */
  readonly dropped: Readonly<Record<string, number>>;
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
  /** Takes events to store. Never throws, never waits. */
  offer(events: readonly NervecenterEvent[]): void;
  counts(): StorageCounts;
  /** Stores what waits now, for at most this many milliseconds. True when all of it is stored. */
  flush(deadlineMs: number): Promise<boolean>;
  /** Flushes, closes every connection, stops the embedded server. Idempotent, safe before and during `start`. */
  shutdown(deadlineMs: number): Promise<void>;
}

export interface StorageOptions {
  readonly config: Pick<Config, 'postgres' | 'dataDir'>;
  readonly log: Log;
  /** Bound of the events waiting, in estimated bytes. @default 64 MiB */
  readonly queueMaxBytes?: number;
}

/** A batch is stored when it has this many events, or when its first one has waited this long. */
const BATCH_EVENTS_MAX = 1000;
const FLUSH_INTERVAL_MS = SECOND_MS / 2;
const QUEUE_MAX_BYTES = 64 * MIB;
const QUEUE_MAX_EVENTS = 200_000;
/** Dropping has ended when the queue has drained to this share of its bound; at the bound itself it would flap. */
const QUEUE_RELIEVED = 0.5;
/** Refused events are logged once per signal; a signal nobody knows is no reason for more lines than this. */
const REJECTED_SIGNALS_MAX = 10;
/** A polite goodbye to the server may take this long. */
const DISCONNECT_MS = SECOND_MS / 2;
/** Of a shutdown's time, kept for stopping the server. */
const STOP_SHARE = 0.25;

export function createStorage({ config, log, queueMaxBytes = QUEUE_MAX_BYTES }: StorageOptions): Storage {
  return new PostgresStorage(configuredServer(config, log), log, queueMaxBytes);
}

/**
 * One loop stores batches, one at a time, while the server is there, and tries to come back to it while it is not. Events
 * only ever move between the queue, the batch in flight and the counts, each time in one synchronous step.
 */
class PostgresStorage implements Storage {
  readonly #server: PostgresServer;
  readonly #log: Log;
  readonly #queue: EventQueue;
  readonly #wakeup = new Wakeup();
  readonly #dropped: Record<string, number> = {};
  readonly #rejectedSignals = new Set<string>();
  #accepted = 0;
  #stored = 0;
  #inFlight = 0;
  /** While dropping: how many events had been dropped before. */
  #droppingFrom: number | null = null;
  /** Events up to this number were asked to be stored without waiting for a full batch. */
  #flushTarget = 0;
  #retryNow = false;
  #connections: Connections | null = null;
  /** Connections being made, so that a shutdown need not wait for them. */
  #opening: Connections | null = null;
  #failure: NervecenterError | null = null;
  #downSince = performance.now();
  /** Set: events are not taken any more, with this reason. */
  #closedFor: 'unavailable' | 'shutdown' | null = null;
  #done = false;
  #starting: Promise<void> | null = null;
  #loop: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(server: PostgresServer, log: Log, queueMaxBytes: number) {
    this.#server = server;
    this.#log = log;
    this.#queue = new EventQueue({ maxBytes: queueMaxBytes, maxEvents: QUEUE_MAX_EVENTS });
  }

  get state(): StorageState {
    return this.#connections === null ? 'down' : 'ok';
  }

  get description(): string {
    return this.#server.description;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  offer(events: readonly NervecenterEvent[]): void {
    this.#accepted += events.length;
    if (this.#closedFor !== null) this.#drop(this.#closedFor, events.length);
    else this.#dropOldest(this.#queue.push(events));
    this.#wakeup.notify();
  }

  counts(): StorageCounts {
    return {
      stored: this.#stored,
      queued: this.#queue.length,
      inFlight: this.#inFlight,
      dropped: { ...this.#dropped },
    };
  }

  async flush(deadlineMs: number): Promise<boolean> {
    const target = this.#accepted;
    const droppedBefore = this.#droppedTotal();
    this.#flushTarget = target;
    this.#retryNow = true;
    this.#wakeup.notify();
    const settled = await this.#wakeup.until(() => this.#settled() >= target, deadlineMs);
    return settled && this.#droppedTotal() === droppedBefore;
  }

  shutdown(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(performance.now() + deadlineMs, deadlineMs * STOP_SHARE);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    if (this.#stopping !== null) return;
    try {
      await this.#open();
    } catch (error) {
      const failure = storageError(error, this.#server.description);
      if (failure.class === 'permanent') {
        await this.#giveUp();
        throw failure;
      }
      this.#goDown(failure);
    }
    this.#loop = this.#run();
  }

  async #open(): Promise<void> {
    const connections = connect(await this.#server.start());
    this.#opening = connections;
    try {
      if (this.#done) throw new Error('stopping');
      const client = await connections.pool.connect();
      try {
        await migrate(client);
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
    const seconds = Math.round((performance.now() - this.#downSince) / SECOND_MS);
    this.#log(
      'storage',
      `${this.description} is back after ${seconds} s; ${this.#queue.length} events waited.`,
    );
    this.#failure = null;
    return true;
  }

  /** Waits for a batch to be due and stores it. */
  async #storeNext(connections: Connections): Promise<void> {
    const due = () =>
      this.#done || this.#queue.length >= BATCH_EVENTS_MAX || this.#settled() < this.#flushTarget;
    await this.#wakeup.until(() => this.#done || this.#queue.length > 0);
    await this.#wakeup.until(due, FLUSH_INTERVAL_MS);
    const batch = this.#done ? [] : this.#queue.take(BATCH_EVENTS_MAX);
    if (batch.length === 0) return;
    this.#inFlight = batch.length;
    const { unsettled, error } = await storeBatch(connections.pool, batch, {
      stored: (events) => this.#settleStored(events),
      rejected: (event, reason) => this.#settleRejected(event, reason),
    });
    this.#inFlight = 0;
    this.#dropOldest(this.#queue.putBack(unsettled));
    if (unsettled.length > 0) this.#goDown(storageError(error, this.description));
    else this.#endDropping();
  }

  #settleStored(events: number): void {
    this.#inFlight -= events;
    this.#stored += events;
    this.#wakeup.notify();
  }

  #settleRejected(event: NervecenterEvent, reason: unknown): void {
    this.#inFlight--;
    this.#drop('rejected', 1);
    this.#wakeup.notify();
    const signal = String(event?.signal).slice(0, 20);
    if (this.#rejectedSignals.has(signal) || this.#rejectedSignals.size >= REJECTED_SIGNALS_MAX) return;
    this.#rejectedSignals.add(signal);
    // Never the server's message: it quotes the value, which may be somebody's address.
    const code = (reason as { code?: unknown } | null)?.code ?? 'no row';
    this.#log(
      'storage',
      `Dropped a ${signal} event that its table cannot hold (${code}); more are only counted.`,
    );
  }

  #goDown(failure: NervecenterError): void {
    this.#connections?.destroy();
    this.#connections = null;
    if (this.#failure === null) this.#downSince = performance.now();
    // Said again only when the reason changes, for example from unreachable to refused.
    if (this.#failure?.code !== failure.code && !this.#done) {
      this.#log('storage', `${failure.message} Rows wait in memory; trying again. [${failure.code}]`);
    }
    this.#failure = failure;
  }

  /** Storage cannot work here: nothing is kept for it and nothing is left running. */
  async #giveUp(): Promise<void> {
    this.#closedFor ??= 'unavailable';
    this.#done = true;
    this.#drop(this.#closedFor, this.#queue.clear());
    this.#wakeup.notify();
    await this.#server.stop(DISCONNECT_MS);
  }

  async #stop(endsAt: number, stopMs: number): Promise<void> {
    this.#closedFor ??= 'shutdown';
    const remaining = () => Math.max(0, endsAt - performance.now());
    if (this.#starting !== null) {
      await within(this.#starting, remaining() - stopMs);
      if (!this.#done) await this.flush(remaining() - stopMs);
    }
    this.#done = true;
    this.#wakeup.notify();
    this.#opening?.destroy();
    if (this.#inFlight === 0 && this.#connections !== null) {
      await within(this.#connections.pool.end(), Math.min(DISCONNECT_MS, remaining()));
    }
    this.#connections?.destroy();
    await this.#server.stop(remaining());
    await within(this.#starting ?? this.#loop, DISCONNECT_MS);
    await within(this.#loop, DISCONNECT_MS);
    this.#connections = null;
    this.#drop('shutdown', this.#queue.clear());
  }

  #settled(): number {
    return this.#accepted - this.#queue.length - this.#inFlight;
  }

  #droppedTotal(): number {
    return Object.values(this.#dropped).reduce((sum, count) => sum + count, 0);
  }

  #drop(reason: string, events: number): void {
    if (events > 0) this.#dropped[reason] = (this.#dropped[reason] ?? 0) + events;
  }

  #dropOldest(events: number): void {
    if (events === 0) return;
    if (this.#droppingFrom === null) {
      this.#droppingFrom = this.#dropped['queue_full'] ?? 0;
      this.#log('storage', 'The queue of events waiting for Postgres is full; dropping the oldest.');
    }
    this.#drop('queue_full', events);
  }

  #endDropping(): void {
    if (this.#droppingFrom === null || this.#queue.fullness > QUEUE_RELIEVED) return;
    const dropped = (this.#dropped['queue_full'] ?? 0) - this.#droppingFrom;
    this.#droppingFrom = null;
    this.#log('storage', `The queue has room again; ${dropped} events were dropped.`);
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
