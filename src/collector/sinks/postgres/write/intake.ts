import { randomUUID } from 'node:crypto';
import type { Point } from '../../../../core/frame.ts';
import { mergePoints, toMeasured } from '../../../../core/measured.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { MIB, SECOND_MS } from '../../../../core/units.ts';
import type { Log } from '../../../log.ts';
import { LockedError } from '../data-dir/lock.ts';
import { type Batch, encodeEvents, type SentBatch } from '../spool/batch.ts';
import { DiskState } from '../spool/disk-state.ts';
import type { SpoolFiles } from '../spool/files.ts';
import type { WaitingFacts } from '../spool/segments.ts';
import { Spools } from '../spool/spools.ts';
import { Arrivals, BATCH_EVENTS_MAX } from './arrivals.ts';
import type { RowCounts } from './row-counts.ts';
import type { Wakeup } from './wakeup.ts';

export interface IntakeOptions {
  /** Of the first spool; those of other processes are beside it. */
  readonly spoolDirectory: string;
  /** 0: no spool, rows wait in memory only. */
  readonly spoolMaxBytes: number;
  readonly queueMaxBytes: number;
  /** @default the file system */
  readonly files?: SpoolFiles;
  readonly measuring: Measuring;
}

/** How events become figures, and who shows them. */
export interface Measuring {
  measure(events: readonly NervecenterEvent[]): Point[];
  /** Called in the moment in which what was measured can no longer be lost by a kill, or memory is all there is for it. */
  show(points: readonly Point[]): void;
}

/** What a killed process had not written is lost, so an event waits at most this long for others to be written with it. */
const APPEND_INTERVAL_MS = SECOND_MS / 40;
/** The same for what was measured elsewhere and has no row: frames come once a second. */
const APPEND_POINTS_INTERVAL_MS = SECOND_MS / 4;
/** The disk is synchronised for as many events as a batch may have, or after this long, which a power cut may cost. */
const SYNC_INTERVAL_MS = SECOND_MS / 2;
/** The writer gets what is there when there are rows for a full batch, or when the first one has waited this long. */
const STORE_INTERVAL_MS = SECOND_MS / 2;
/** What the writer gets at once stays within this; memory holds it twice for a moment, here and on its way to the server. */
const GROUP_ROWS_MAX = 20_000;
const GROUP_BYTES_MAX = 8 * MIB;
const READ_RETRY_MS = SECOND_MS;
/** Dropping has ended when there is this much room; at the bound itself it would flap. */
const RELIEVED = 0.5;

/**
 * From events to batches that wait for the writer: on disk, and in memory for as long as the disk cannot be used.
 *
 * Events only ever move between the queue, the one batch held in memory, the spool and the row counts, each time in one
 * synchronous step, so that the counts agree at every moment.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #rowCounts: RowCounts;
  readonly #wakeup: Wakeup;
  readonly #disk: DiskState;
  readonly #arrivals: Arrivals;
  /** New with every start, so that no sequence number is ever given twice, whatever was lost of the spool. */
  readonly #writer = randomUUID();
  #nextSeq = 1;
  #flushTarget = 0;
  #spool: Spools | null = null;
  #opening: Promise<void> | null = null;
  #waitingSinceMs = 0;
  #appendedAtMs = Number.NEGATIVE_INFINITY;
  /** Of the events offered, how many were handed on when the disk was synchronised last. */
  #synced = 0;
  #syncedAtMs = Number.NEGATIVE_INFINITY;
  /** When the writer may take from the spool, whatever is in it. */
  #storeAtMs = 0;
  #storeTimer: NodeJS.Timeout | null = null;
  #held: Batch | null = null;
  /** What the held batch measured, until it is shown. */
  #unshown: readonly Point[] = [];
  #heldBy: 'intake' | 'writer' | null = null;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(options: IntakeOptions, rowCounts: RowCounts, wakeup: Wakeup, log: Log) {
    this.#options = options;
    this.#rowCounts = rowCounts;
    this.#wakeup = wakeup;
    this.#disk = new DiskState(log, () => wakeup.notify());
    this.#arrivals = new Arrivals(options.queueMaxBytes);
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
    return this.#disk.failed;
  }

  /** Whether the writer has something to take. */
  get ready(): boolean {
    if (this.#held !== null && this.#heldBy === null) return true;
    if (this.#spool === null || !this.#spool.waiting) return false;
    return this.#spool.rows >= BATCH_EVENTS_MAX || this.#stopped || performance.now() >= this.#storeAtMs;
  }

  /**
   * Resolves when the events are on disk, or when memory is all there is for them.
   *
   * @param sent whose batch they are, and which.
   */
  async offer(events: readonly NervecenterEvent[], sent: SentBatch | null): Promise<void> {
    this.#rowCounts.accepted += events.length;
    if (this.#arrivals.length === 0) this.#waitingSinceMs = performance.now();
    const { measure, show } = this.#options.measuring;
    const shown = this.#memoryOnly; // Nobody knows when there will be a batch of them.
    if (shown) show(measure(events));
    const dropped = this.#arrivals.push(events, { sent, shown });
    const target = this.#arrivals.offered;
    this.#rowCounts.drop('queue_full', dropped.length);
    this.#arrivals.addPoints(measure(dropped), shown);
    this.#wakeup.notify();
    await this.#wakeup.until(() => this.#synced >= target || this.#memoryOnly || this.#stopped);
  }

  /** What was measured elsewhere; shown and kept like what the events measure. */
  addPoints(points: readonly Point[]): void {
    const shown = this.#memoryOnly;
    if (shown) this.#options.measuring.show(points);
    this.#arrivals.addPoints(points, shown);
    this.#wakeup.notify();
  }

  /** Whether there is something left by earlier processes that `earlier` has not told yet. */
  get hasEarlier(): boolean {
    return this.#spool?.hasFound ?? false;
  }

  /** What waits on disk that this process did not put there, each batch once. To be asked before it is taken. */
  async *earlier(): AsyncIterable<WaitingFacts> {
    if (this.#spool === null) return;
    for await (const batch of this.#spool.found()) if (batch.writer !== this.#writer) yield batch;
  }

  /** What is here now does not wait for a full batch. */
  flush(): void {
    this.#flushTarget = this.#arrivals.offered;
    this.#disk.tryNow();
    this.#storeAtMs = 0;
    this.#wakeup.notify();
  }

  /**
   * Opens a spool of our own unless we have one; rows found in it, and in those that nobody has any more, are taken in.
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
    if (this.#options.spoolMaxBytes === 0) return;
    if (this.#spool !== null) return this.#spool.takeOver();
    try {
      const spool = await Spools.open({
        directory: this.#options.spoolDirectory,
        maxBytes: this.#options.spoolMaxBytes,
        onFound: (rows) => {
          this.#rowCounts.accepted += rows;
          this.#wakeup.notify();
        },
        onLost: (reason, rows) => this.#rowCounts.drop(reason, rows),
        ...(this.#options.files === undefined ? {} : { files: this.#options.files }),
      });
      this.#spool = spool;
      this.#rowCounts.accepted += spool.rows;
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

  /** The batches taken last are done with: these rows are stored, the others are counted already. */
  settled(storedRows: number): Promise<void> {
    this.#rowCounts.stored += storedRows;
    const fromMemory = this.#heldBy === 'writer';
    if (fromMemory) this.#release(null);
    const acknowledged = fromMemory ? undefined : this.#spool?.acknowledge();
    if (this.#arrivals.fullness <= RELIEVED) this.#rowCounts.relieved('queue_full');
    if ((this.#spool?.fullness ?? 0) <= RELIEVED) this.#rowCounts.relieved('spool_full');
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
    this.#giveUp(reason);
    await this.stop();
    const { rows } = this.#held ?? { rows: 0 };
    this.#release(null);
    this.#rowCounts.drop(reason, rows);
    this.#show();
    this.#giveUp(reason);
    clearTimeout(this.#storeTimer ?? undefined);
    await this.#spool?.close();
  }

  /** What waits gets no row, and counts all the same. */
  #giveUp(reason: 'shutdown' | 'unavailable'): void {
    const { events, points } = this.#arrivals.clear();
    const { measure, show } = this.#options.measuring;
    this.#rowCounts.drop(reason, events.flat().length);
    show([...points[1], ...measure(events[1])]);
  }

  async #run(): Promise<void> {
    while (!this.#stopped || this.#arrivals.length > 0 || this.#arrivals.hasPoints) {
      await this.#untilDue();
      if (this.#syncDue) await this.#sync();
      if (!this.#appendDue) continue;
      this.#hold();
      if (this.#held === null || (await this.#spoolHeld())) continue;
      if (this.#stopped) return;
      await this.#wakeup.until(() => this.#stopped || this.#held === null || this.#mayRetry);
    }
    await this.#sync();
  }

  async #untilDue(): Promise<void> {
    while (!this.#stopped && !this.#appendDue && !this.#syncDue) {
      const canAppend = this.#canAppend;
      const dueAtMs = Math.min(
        canAppend ? this.#appendAtMs : Number.POSITIVE_INFINITY,
        this.#unsynced ? this.#syncAtMs : Number.POSITIVE_INFINITY,
      );
      const changed = () => this.#appendDue || this.#syncDue || this.#canAppend !== canAppend;
      await this.#wakeup.until(() => this.#stopped || changed(), dueAtMs - performance.now());
    }
  }

  get #volatile(): number {
    return this.#arrivals.length + (this.#heldBy === 'writer' ? 0 : (this.#held?.rows ?? 0));
  }

  get #handedOn(): number {
    return this.#arrivals.offered - this.#arrivals.length - (this.#held?.rows ?? 0);
  }

  get #memoryOnly(): boolean {
    return this.degraded || this.#options.spoolMaxBytes === 0;
  }

  /** Events and rows in memory that nobody is at work on. */
  get #waiting(): number {
    return this.#arrivals.length + (this.#heldBy === null ? (this.#held?.rows ?? 0) : 0);
  }

  get #mayRetry(): boolean {
    return this.#options.spoolMaxBytes > 0 && this.#heldBy === null && this.#disk.mayBeTried;
  }

  get #canAppend(): boolean {
    return this.#heldBy === null && (this.#waiting > 0 || this.#held !== null || this.#arrivals.hasPoints);
  }

  /** In memory batches are the writer's, a transaction each, and made larger. */
  get #appendAtMs(): number {
    if (this.#waiting === 0) return this.#appendedAtMs + APPEND_POINTS_INTERVAL_MS;
    return this.#memoryOnly
      ? this.#waitingSinceMs + STORE_INTERVAL_MS
      : this.#appendedAtMs + APPEND_INTERVAL_MS;
  }

  get #appendDue(): boolean {
    if (this.#stopped) return true;
    if (!this.#canAppend) return false;
    const flushing = this.#arrivals.offered - this.#arrivals.length < this.#flushTarget;
    return this.#arrivals.full || flushing || this.#held !== null || performance.now() >= this.#appendAtMs;
  }

  get #unsynced(): boolean {
    return this.#spool !== null && this.#handedOn > this.#synced;
  }

  get #syncAtMs(): number {
    const full = this.#handedOn - this.#synced >= BATCH_EVENTS_MAX;
    return full || this.#flushTarget > this.#synced ? 0 : this.#syncedAtMs + SYNC_INTERVAL_MS;
  }

  get #syncDue(): boolean {
    return this.#unsynced && performance.now() >= this.#syncAtMs;
  }

  #hold(): void {
    if (this.#held !== null) return;
    const { events, points, sent } = this.#arrivals.take();
    this.#waitingSinceMs = performance.now();
    const { measure } = this.#options.measuring;
    this.#unshown = [...points[1], ...measure(events[1])];
    const shown = [...points[0], ...measure(events[0])];
    const facts = { atMs: Date.now(), measured: toMeasured(mergePoints([...shown, ...this.#unshown])), sent };
    const { rows, payload, rejected } = encodeEvents(events.flat(), facts);
    for (const { table, error } of rejected) this.#rowCounts.reject(table, error);
    const tells = rows > 0 || facts.measured.length > 0 || sent.length > 0;
    if (tells) this.#held = { writer: this.#writer, seq: this.#nextSeq++, rows, payload };
    if (!tells || this.#memoryOnly) this.#show();
    this.#wakeup.notify();
  }

  /** What the held batch measured is shown now, once. */
  #show(): void {
    const points = this.#unshown;
    this.#unshown = [];
    if (points.length > 0) this.#options.measuring.show(points);
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
      await this.#spool.append(batch, () => this.#appended(batch));
    } catch (error) {
      this.#release(batch);
      this.#degrade(error);
      return false;
    }
    // Told as usable only when what was written is safe there, too.
    if (this.degraded && (await this.#sync())) this.#disk.recover();
    this.#wakeup.notify();
    return true;
  }

  #appended(batch: Batch): void {
    this.#appendedAtMs = performance.now();
    this.#show();
    this.#release(null);
    if (this.#handedOn <= this.#flushTarget) {
      this.#storeAtMs = 0;
    } else if (this.#spool?.rows === batch.rows && this.#storeAtMs < this.#appendedAtMs) {
      this.#storeAtMs = this.#appendedAtMs + STORE_INTERVAL_MS;
      clearTimeout(this.#storeTimer ?? undefined);
      this.#storeTimer = setTimeout(() => this.#wakeup.notify(), STORE_INTERVAL_MS + 1);
    }
  }

  /** False when the disk failed; what was written is in the spool all the same. */
  async #sync(): Promise<boolean> {
    const handedOn = this.#handedOn;
    this.#syncedAtMs = performance.now();
    const failure = await this.#spool?.sync().then(
      () => null,
      (error: unknown) => ({ error }),
    );
    this.#synced = handedOn;
    if (failure) this.#degrade(failure.error);
    this.#wakeup.notify();
    return !failure;
  }

  /** See `DiskState.announce`. */
  announce(): void {
    this.#disk.announce();
  }

  #degrade(error: unknown): void {
    this.#disk.fail(error);
    this.#show();
    this.#wakeup.notify();
  }
}
