import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { NervecenterEvent } from '../../core/event.ts';
import { MIB, SECOND_MS } from '../../core/units.ts';
import { describeError } from '../../errors.ts';
import type { Log } from '../log.ts';
import { backoffMs } from './backoff.ts';
import { type Batch, encodeEvents } from './batch.ts';
import type { Books } from './books.ts';
import { ignoreInGit } from './embedded-home.ts';
import { LockedError } from './embedded-lock.ts';
import { EventQueue } from './event-queue.ts';
import type { SpoolFiles } from './spool/files.ts';
import { Spools } from './spool/spools.ts';
import type { Wakeup } from './wakeup.ts';

export interface IntakeOptions {
  /** Of the first spool; those of other processes are beside it. */
  readonly spoolDirectory: string;
  /** 0: no spool, rows wait in memory only. */
  readonly spoolMaxBytes: number;
  readonly queueMaxBytes: number;
  /** @default the file system */
  readonly files?: SpoolFiles;
}

/** A batch is complete when it has this many events or bytes, or when its first one has waited this long. */
const BATCH_EVENTS_MAX = 1000;
const BATCH_BYTES_MAX = MIB;
const FLUSH_INTERVAL_MS = SECOND_MS / 2;
/** What the writer gets at once stays within this; memory holds it twice for a moment, here and on its way to the server. */
const GROUP_ROWS_MAX = 20_000;
const GROUP_BYTES_MAX = 8 * MIB;
const READ_RETRY_MS = SECOND_MS;
const QUEUE_MAX_EVENTS = 200_000;
/** Dropping has ended when there is this much room; at the bound itself it would flap. */
const RELIEVED = 0.5;

/**
 * From events to batches that wait for the writer: on disk, and in memory for as long as the disk cannot be used.
 *
 * Events only ever move between the queue, the one batch held in memory, the spool and the books, each time in one
 * synchronous step, so that the counts agree at every moment.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #books: Books;
  readonly #wakeup: Wakeup;
  readonly #log: Log;
  readonly #queue: EventQueue;
  /** Before, a data directory that cannot be used would be told twice: by the spool and by the server that lives there. */
  #announced = false;
  #unsaid: unknown = null;
  /** New with every start, so that no sequence number is ever given twice, whatever was lost of the spool. */
  readonly #writer = randomUUID();
  #nextSeq = 1;
  #offered = 0;
  #flushTarget = 0;
  #spool: Spools | null = null;
  #opening: Promise<void> | null = null;
  #held: Batch | null = null;
  #heldBy: 'intake' | 'writer' | null = null;
  #failures = 0;
  #retryAtMs = 0;
  #retryTimer: NodeJS.Timeout | null = null;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(options: IntakeOptions, books: Books, wakeup: Wakeup, log: Log) {
    this.#options = options;
    this.#books = books;
    this.#wakeup = wakeup;
    this.#log = log;
    this.#queue = new EventQueue({ maxBytes: options.queueMaxBytes, maxEvents: QUEUE_MAX_EVENTS });
  }

  /** Rows that wait, in memory and on disk. */
  get queued(): number {
    return this.#volatile + (this.#spool?.rows ?? 0);
  }

  /** Rows of the batches that the writer has. */
  get inFlight(): number {
    return (this.#spool?.takenRows ?? 0) + (this.#heldBy === 'writer' ? (this.#held?.rows ?? 0) : 0);
  }

  get spoolBytes(): number {
    return this.#spool?.bytes ?? 0;
  }

  /** The disk should hold the rows and cannot. */
  get degraded(): boolean {
    return this.#failures > 0;
  }

  /** Whether the writer has something to take. */
  get ready(): boolean {
    return (this.#spool?.rows ?? 0) > 0 || (this.#held !== null && this.#heldBy === null);
  }

  /** Resolves when the events are on disk, or when memory is all there is for them. */
  async offer(events: readonly NervecenterEvent[]): Promise<void> {
    this.#offered += events.length;
    const target = this.#offered;
    this.#books.accepted += events.length;
    this.#books.drop('queue_full', this.#queue.push(events));
    this.#wakeup.notify();
    await this.#wakeup.until(() => this.#handedOn >= target || this.#memoryOnly || this.#stopped);
  }

  /** What is here now does not wait for a full batch. */
  flush(): void {
    this.#flushTarget = this.#offered;
    this.#retryAtMs = 0;
    this.#wakeup.notify();
  }

  /**
   * Opens a spool of our own; rows found in it, and in those that nobody has any more, are taken in.
   *
   * @throws LockedError when other processes have all there may be. When the disk cannot be used, memory serves meanwhile.
   */
  open(): Promise<void> {
    // Asked for from two sides; a second one would find the first's spool taken.
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    if (this.#options.spoolMaxBytes === 0 || this.#spool !== null) return;
    let opening = true;
    try {
      const spool = await Spools.open({
        directory: this.#options.spoolDirectory,
        maxBytes: this.#options.spoolMaxBytes,
        onLost: (reason, rows) => {
          if (opening) this.#books.accepted += rows;
          this.#books.drop(reason, rows);
        },
        ...(this.#options.files === undefined ? {} : { files: this.#options.files }),
      });
      opening = false;
      this.#spool = spool;
      this.#books.accepted += spool.rows;
      keepOutOfGit(dirname(this.#options.spoolDirectory));
      this.#wakeup.notify();
    } catch (error) {
      if (error instanceof LockedError) throw error;
      this.#degrade(error);
    }
  }

  /** Makes batches until `stop`, then from what is left. */
  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * The oldest batches for the writer, at most so many and all of one writer; none when there are none after all, and never
   * waiting for more. To be followed by `settled` or `putBack`.
   */
  async take(countMax: number): Promise<Batch[]> {
    const first = await this.#spool?.take().catch(async (error: unknown) => {
      this.#degrade(error);
      await this.#wakeup.until(() => this.#stopped, READ_RETRY_MS);
      return null;
    });
    if (first !== undefined && first !== null) return this.#takeMore(first, countMax);
    if (this.#held === null || this.#heldBy !== null) return [];
    this.#heldBy = 'writer';
    return [this.#held];
  }

  async #takeMore(first: Batch, countMax: number): Promise<Batch[]> {
    const batches = [first];
    let [rows, bytes] = [first.rows, first.payload.length];
    while (batches.length < countMax) {
      const next = await this.#spool?.take(
        (header) =>
          header.writer === first.writer &&
          rows + header.rows <= GROUP_ROWS_MAX &&
          bytes + header.payloadBytes <= GROUP_BYTES_MAX,
      );
      if (next === undefined || next === null) break;
      batches.push(next);
      rows += next.rows;
      bytes += next.payload.length;
    }
    return batches;
  }

  /** Whether this process made the batch, and not an earlier one that left it in the spool. */
  isOwn({ writer }: Batch): boolean {
    return writer === this.#writer;
  }

  /** The batches taken last are done with: these rows are stored, the others are in the books already. */
  settled(storedRows: number): Promise<void> {
    this.#books.stored += storedRows;
    const fromMemory = this.#heldBy === 'writer';
    if (fromMemory) this.#release(null);
    const acknowledged = fromMemory ? undefined : this.#spool?.acknowledge();
    if (this.#queue.fullness <= RELIEVED) this.#books.relieved('queue_full');
    if ((this.#spool?.fullness ?? 0) <= RELIEVED) this.#books.relieved('spool_full');
    this.#wakeup.notify();
    return acknowledged ?? Promise.resolve();
  }

  putBack(): void {
    if (this.#heldBy === 'writer') this.#release(this.#held);
    else this.#spool?.putBack();
  }

  /** Makes batches of what is left and takes nothing more to disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeup.notify();
    await this.#running;
  }

  /** What is on disk stays there for the next start; what is not is dropped. */
  async close(reason: 'shutdown' | 'unavailable'): Promise<void> {
    this.#books.drop(reason, this.#queue.clear());
    await this.stop();
    const { rows } = this.#held ?? { rows: 0 };
    this.#release(null);
    this.#books.drop(reason, rows + this.#queue.clear());
    await this.#spool?.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped || this.#queue.length > 0) {
      await this.#wakeup.until(() => this.#stopped || (this.#heldBy === null && this.#waiting > 0));
      if (this.#held === null) await this.#wakeup.until(() => this.#due(), FLUSH_INTERVAL_MS);
      this.#hold();
      if (this.#held === null || (await this.#spoolHeld())) continue;
      if (this.#stopped) return;
      await this.#wakeup.until(() => this.#stopped || this.#held === null || this.#mayRetry);
    }
  }

  get #volatile(): number {
    return this.#queue.length + (this.#heldBy === 'writer' ? 0 : (this.#held?.rows ?? 0));
  }

  get #handedOn(): number {
    return this.#offered - this.#queue.length - (this.#held?.rows ?? 0);
  }

  get #memoryOnly(): boolean {
    return this.degraded || this.#options.spoolMaxBytes === 0;
  }

  /** Events and rows in memory that nobody is at work on. */
  get #waiting(): number {
    return this.#queue.length + (this.#heldBy === null ? (this.#held?.rows ?? 0) : 0);
  }

  get #mayRetry(): boolean {
    return this.#options.spoolMaxBytes > 0 && this.#heldBy === null && performance.now() >= this.#retryAtMs;
  }

  #due(): boolean {
    const full = this.#queue.length >= BATCH_EVENTS_MAX || this.#queue.bytes >= BATCH_BYTES_MAX;
    return this.#stopped || full || this.#offered - this.#queue.length < this.#flushTarget;
  }

  #hold(): void {
    if (this.#held !== null) return;
    const events = this.#queue.take(BATCH_EVENTS_MAX, BATCH_BYTES_MAX);
    const { rows, payload, rejected } = encodeEvents(events);
    for (const { table, error } of rejected) this.#books.reject(table, error);
    if (rows > 0) this.#held = { writer: this.#writer, seq: this.#nextSeq++, rows, payload };
    this.#wakeup.notify();
  }

  #release(held: Batch | null): void {
    this.#held = held;
    this.#heldBy = null;
    this.#wakeup.notify();
  }

  /** True when the batch is on disk now. */
  async #spoolHeld(): Promise<boolean> {
    const batch = this.#held;
    if (batch === null || !this.#mayRetry) return false;
    this.#heldBy = 'intake';
    if (this.#spool === null) await this.open().catch((error: unknown) => this.#degrade(error));
    if (this.#spool === null) {
      this.#release(batch);
      return false;
    }
    try {
      await this.#spool.append(batch, () => this.#release(null));
      this.#recover();
      return true;
    } catch (error) {
      this.#release(batch);
      this.#degrade(error);
      return false;
    }
  }

  /** From now on a disk that cannot be used is told; what was found before storage itself had a verdict, too. */
  announce(): void {
    this.#announced = true;
    if (this.degraded && this.#unsaid !== null) this.#sayDegraded(this.#unsaid);
    this.#unsaid = null;
  }

  #sayDegraded(error: unknown): void {
    this.#log('spool', `cannot be used, rows wait in memory meanwhile: ${describeError(error)}`);
  }

  #degrade(error: unknown): void {
    if (!this.degraded) {
      if (this.#announced) this.#sayDegraded(error);
      else this.#unsaid = error;
    }
    this.#failures++;
    const waitMs = backoffMs(this.#failures, Math.random());
    this.#retryAtMs = performance.now() + waitMs;
    this.#retryTimer?.close();
    this.#retryTimer = setTimeout(() => this.#wakeup.notify(), waitMs + 1).unref();
    this.#wakeup.notify();
  }

  #recover(): void {
    this.#wakeup.notify();
    if (!this.degraded) return;
    this.#failures = 0;
    this.#log('spool', 'can be used again.');
  }
}

/** Rows wait there with users' addresses, whoever's server it is. */
function keepOutOfGit(dataDir: string): void {
  try {
    ignoreInGit(dataDir);
  } catch {
    // The spool can be written, which matters more.
  }
}
