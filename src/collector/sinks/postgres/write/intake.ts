import type { Point } from '../../../../core/frame.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import type { Log } from '../../../log.ts';
import type { Batch, OfferedBatch } from '../spool/batch.ts';
import type { WaitingFacts } from '../spool/segments.ts';
import { Appender } from './appender.ts';
import { Arrivals, BATCH_EVENTS_MAX } from './arrivals.ts';
import { HeldBatch, type Measuring } from './held-batch.ts';
import type { RowCounts } from './row-counts.ts';
import { Schedule } from './schedule.ts';
import { SpoolAccess, type SpoolAccessOptions } from './spool-access.ts';
import type { Wakeup } from './wakeup.ts';

export interface IntakeOptions
  extends Pick<SpoolAccessOptions, 'spoolDirectory' | 'spoolMaxBytes' | 'target' | 'files'> {
  readonly queueMaxBytes: number;
  readonly measuring: Measuring;
}

const READ_RETRY_MS = SECOND_MS;
/** Past this share of the room on disk, from where the server takes what waits, others had better come later. */
const DISK_CROWDED = 0.75;
/** Dropping has ended when there is this much room; at the bound itself it would flap. */
const RELIEVED = 0.5;

/**
 * From events to batches that wait for the writer: on disk, and in memory for as long as the disk cannot be used.
 *
 * Events only ever move between the queue, the one batch held in memory, the spool and the row counts, each time in one
 * synchronous step, so that the counts agree at every moment.
 */
export class Intake {
  /** Of the batches made here, whose they are. */
  readonly writer: string;
  readonly #measuring: Measuring;
  readonly #rowCounts: RowCounts;
  readonly #wakeup: Wakeup;
  readonly #arrivals: Arrivals;
  readonly #held: HeldBatch;
  readonly #spool: SpoolAccess;
  readonly #schedule: Schedule;
  readonly #appender: Appender;

  constructor(options: IntakeOptions, rowCounts: RowCounts, wakeup: Wakeup, log: Log) {
    this.#measuring = options.measuring;
    this.#rowCounts = rowCounts;
    this.#wakeup = wakeup;
    const onChange = () => wakeup.notify();
    const onFailure = () => {
      this.#held.show(); // Memory is all there is for it now.
      wakeup.notify();
    };
    this.#arrivals = new Arrivals(options.queueMaxBytes);
    this.#held = new HeldBatch(options.measuring, rowCounts);
    this.writer = this.#held.writer;
    this.#spool = new SpoolAccess({ ...options, rowCounts, onChange, onFailure }, log);
    this.#schedule = new Schedule(onChange);
    this.#appender = new Appender({
      arrivals: this.#arrivals,
      held: this.#held,
      spool: this.#spool,
      schedule: this.#schedule,
      wakeup,
    });
  }

  /** Rows that wait, in memory and on disk. */
  get queued(): number {
    return this.#arrivals.length + (this.#held.withWriter ? 0 : this.#held.rows) + this.#spool.rows;
  }

  /** Whether something waits in memory: figures do, too. */
  get inMemory(): boolean {
    return this.#arrivals.length > 0 || this.#arrivals.hasPoints || !this.#held.empty;
  }

  /** Memory is all there is for what comes. */
  get memoryOnly(): boolean {
    return this.#spool.memoryOnly;
  }

  /** Whether so much waits that no more should come for a while. @param served whether a server takes what is on disk. */
  isCrowded(served: boolean): boolean {
    if (served && this.#spool.fullness > DISK_CROWDED) return true;
    return (served || !this.memoryOnly) && this.#arrivals.crowded;
  }

  /** Rows of the batches that the writer has. */
  get inFlight(): number {
    return this.#spool.takenRows + (this.#held.withWriter ? this.#held.rows : 0);
  }

  get spoolBytes(): number {
    return this.#spool.bytes;
  }

  /** The disk should hold the rows and cannot. */
  get degraded(): boolean {
    return this.#spool.degraded;
  }

  /** Whether the writer has something to take. */
  get ready(): boolean {
    if (!this.#held.empty && this.#held.idle) return true;
    if (!this.#spool.waiting) return false;
    return this.#spool.rows >= BATCH_EVENTS_MAX || this.#appender.stopped || this.#schedule.storeDue;
  }

  /**
   * Resolves when the events are on disk, or when memory is all there is for them.
   *
   * @param sent whose batch they are, and which.
   */
  async offer(events: readonly NervecenterEvent[], sent: OfferedBatch | null): Promise<void> {
    this.#rowCounts.accepted += events.length;
    if (this.#arrivals.length === 0) this.#schedule.waits();
    const { measure, show } = this.#measuring;
    const shown = this.#spool.memoryOnly; // Nobody knows when there will be a batch of them.
    if (shown) show(measure(events));
    // What is shown counts, whether or not it did before.
    const dropped = this.#arrivals.push(events, { sent: shown ? asNew(sent) : sent, shown });
    const target = this.#arrivals.offered;
    this.#rowCounts.drop('queue_full', dropped.count);
    this.#arrivals.addPoints(measure(dropped.counting[0]), true);
    this.addPoints(measure(dropped.counting[1]));
    const isSafe = () => this.#schedule.isSynced(target) || this.#spool.memoryOnly || this.#appender.stopped;
    await this.#wakeup.until(isSafe);
  }

  /** What was measured elsewhere; shown and kept like what the events measure. */
  addPoints(points: readonly Point[]): void {
    const shown = this.#spool.memoryOnly;
    if (shown) this.#measuring.show(points);
    this.#arrivals.addPoints(points, shown);
    this.#wakeup.notify();
  }

  /** Whether there is something left by earlier processes that `earlier` has not told yet. */
  get hasEarlier(): boolean {
    return this.#spool.hasFound;
  }

  /** What waits on disk that this process did not put there, each batch once. To be asked before it is taken. */
  async *earlier(): AsyncIterable<WaitingFacts> {
    for await (const batch of this.#spool.found()) if (batch.writer !== this.writer) yield batch;
  }

  /** What is on disk, stored or not, this process' own included. */
  onDisk(): AsyncIterable<WaitingFacts> {
    return this.#spool.allFacts();
  }

  /** What is here now does not wait for a full batch. */
  flush(): void {
    this.#schedule.flush(this.#arrivals.offered);
    this.#spool.tryNow();
    this.#wakeup.notify();
  }

  /** Where what waits is on disk. */
  get spools(): Pick<SpoolAccess, 'open' | 'announce' | 'takeLeft'> {
    return this.#spool;
  }

  /** See `Appender.start`. */
  start(): void {
    this.#appender.start();
  }

  /**
   * The oldest batches for the writer, at most so many and all of one writer; none when there are none after all, and never
   * waiting for more. To be followed by `settled` or `putBack`.
   */
  async take(countMax: number): Promise<Batch[]> {
    const batches = await this.#spool.take(countMax).catch(async (error: unknown) => {
      this.#spool.fail(error);
      await this.#wakeup.until(() => this.#appender.stopped, READ_RETRY_MS);
      return null;
    });
    if (batches === null) return []; // What is on disk is older, and a writer's batches are stored in order.
    if (batches.length > 0) return batches;
    const held = this.#held.lendTo('writer');
    return held === null ? [] : [held];
  }

  /** The batches taken last are done with: these rows are stored, the others are counted already. */
  settled(storedRows: number): Promise<void> {
    this.#rowCounts.stored += storedRows;
    const fromMemory = this.#held.withWriter;
    if (fromMemory) this.#held.drop();
    const acknowledged = fromMemory ? Promise.resolve() : this.#spool.acknowledge();
    if (this.#arrivals.fullness <= RELIEVED) this.#rowCounts.relieved('queue_full');
    if (this.#spool.fullness <= RELIEVED) this.#rowCounts.relieved('spool_full');
    this.#wakeup.notify();
    return acknowledged;
  }

  putBack(): void {
    if (this.#held.withWriter) this.#held.putBack();
    else this.#spool.putBack();
    this.#wakeup.notify();
  }

  /** See `Appender.stop`. */
  stop(): Promise<void> {
    return this.#appender.stop();
  }

  /** What is on disk stays there for the next start; what is not is dropped. */
  async close(reason: 'shutdown' | 'unavailable'): Promise<void> {
    this.#giveUp(reason);
    await this.stop();
    const { rows } = this.#held;
    this.#held.drop();
    this.#wakeup.notify();
    this.#rowCounts.drop(reason, rows);
    this.#held.show();
    this.#giveUp(reason);
    this.#schedule.stop();
    await this.#spool.close();
  }

  /** What waits gets no row, and counts all the same. */
  #giveUp(reason: 'shutdown' | 'unavailable'): void {
    const { events, points } = this.#arrivals.clear();
    const { measure, show } = this.#measuring;
    this.#rowCounts.drop(reason, events.flat().length);
    show([...points[1], ...measure(events[1])]);
  }
}

function asNew(sent: OfferedBatch | null): OfferedBatch | null {
  return sent && [sent[0], sent[1]];
}
