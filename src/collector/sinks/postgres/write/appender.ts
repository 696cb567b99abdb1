import type { Batch } from '../spool/batch.ts';
import type { Arrivals } from './arrivals.ts';
import type { HeldBatch } from './held-batch.ts';
import type { Schedule } from './schedule.ts';
import type { SpoolAccess } from './spool-access.ts';
import type { Wakeup } from './wakeup.ts';

/** What the intake consists of. */
export interface IntakeParts {
  readonly arrivals: Arrivals;
  readonly held: HeldBatch;
  readonly spool: SpoolAccess;
  readonly schedule: Schedule;
  readonly wakeup: Wakeup;
}

/** The loop that makes batches of what arrives, appends them to the spool and synchronises the disk. */
export class Appender {
  readonly #arrivals: Arrivals;
  readonly #held: HeldBatch;
  readonly #spool: SpoolAccess;
  readonly #schedule: Schedule;
  readonly #wakeup: Wakeup;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor({ arrivals, held, spool, schedule, wakeup }: IntakeParts) {
    this.#arrivals = arrivals;
    this.#held = held;
    this.#spool = spool;
    this.#schedule = schedule;
    this.#wakeup = wakeup;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Makes batches until `stop`, then from what is left. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Makes batches of what is left and takes nothing more to disk. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeup.notify();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped || this.#arrivals.length > 0 || this.#arrivals.hasPoints) {
      await this.#untilDue();
      if (this.#syncDue) await this.#sync();
      if (!this.#appendDue) continue;
      this.#hold();
      if (this.#held.empty || (await this.#spoolHeld())) continue;
      if (this.#stopped) return;
      await this.#wakeup.until(() => this.#stopped || this.#held.empty || this.#mayRetry);
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

  /** Of the events offered, those that are neither among the arrivals nor in the held batch. */
  get #handedOn(): number {
    return this.#arrivals.gone - this.#held.rows;
  }

  /** Events and rows in memory that nobody is at work on. */
  get #waiting(): number {
    return this.#arrivals.length + (this.#held.idle ? this.#held.rows : 0);
  }

  get #mayRetry(): boolean {
    return this.#held.idle && this.#spool.mayBeTried;
  }

  get #canAppend(): boolean {
    return this.#held.idle && (this.#waiting > 0 || !this.#held.empty || this.#arrivals.hasPoints);
  }

  get #appendAtMs(): number {
    return this.#schedule.appendAtMs(this.#waiting, this.#spool.memoryOnly);
  }

  get #appendDue(): boolean {
    if (this.#stopped) return true;
    if (!this.#canAppend) return false;
    if (this.#arrivals.full || this.#schedule.flushes(this.#arrivals.gone)) return true;
    return !this.#held.empty || performance.now() >= this.#appendAtMs;
  }

  get #unsynced(): boolean {
    return this.#spool.isOpen && !this.#schedule.isSynced(this.#handedOn);
  }

  get #syncAtMs(): number {
    return this.#schedule.syncAtMs(this.#handedOn, this.#arrivals.full);
  }

  get #syncDue(): boolean {
    return this.#unsynced && performance.now() >= this.#syncAtMs;
  }

  #hold(): void {
    if (!this.#held.empty) return;
    const taken = this.#arrivals.take();
    this.#schedule.waits();
    this.#held.make(taken);
    if (this.#spool.memoryOnly) this.#held.show();
    this.#wakeup.notify();
  }

  /** True when the batch is on disk now. */
  async #spoolHeld(): Promise<boolean> {
    const batch = this.#mayRetry ? this.#held.lendTo('intake') : null;
    if (batch === null) return false;
    try {
      if (!(await this.#spool.append(batch, () => this.#appended(batch)))) {
        this.#putBack();
        return false;
      }
    } catch (error) {
      this.#putBack();
      this.#spool.fail(error);
      return false;
    }
    // Told as usable only when what was written is safe there, too.
    if (this.#spool.degraded && (await this.#sync())) this.#spool.recover();
    this.#wakeup.notify();
    return true;
  }

  #appended(batch: Batch): void {
    this.#held.show();
    this.#held.drop();
    this.#schedule.appended(this.#handedOn, this.#spool.rows === batch.rows);
    this.#wakeup.notify();
  }

  #putBack(): void {
    this.#held.putBack();
    this.#wakeup.notify();
  }

  async #sync(): Promise<boolean> {
    const handedOn = this.#handedOn;
    this.#schedule.syncBegins();
    const synced = await this.#spool.sync();
    this.#schedule.syncEnds(handedOn);
    this.#wakeup.notify();
    return synced;
  }
}
