import { SECOND_MS } from '../../../../core/units.ts';
import { BATCH_EVENTS_MAX } from './arrivals.ts';

/** What a killed process had not written is lost, so an event waits at most this long for others to be written with it. */
const APPEND_INTERVAL_MS = SECOND_MS / 40;
/** The same for what was measured elsewhere and has no row: frames come once a second at most. */
const APPEND_POINTS_INTERVAL_MS = SECOND_MS / 4;
/** The disk is synchronised for as many events as a batch may have, or after this long, which a power cut may cost. */
const SYNC_INTERVAL_MS = SECOND_MS / 2;
/** While more waits than a batch: a disk takes as long for one batch as for ten. */
const SYNC_EVENTS_MAX = 10 * BATCH_EVENTS_MAX;
/** The writer gets what is there when there are rows for a full batch, or when the first one has waited this long. */
const STORE_INTERVAL_MS = SECOND_MS / 2;

/**
 * When what comes in is made a batch, when the disk is synchronised, and when the writer may take. Events are named by
 * their number in the order of all that ever came.
 */
export class Schedule {
  readonly #onStoreDue: () => void;
  /** Up to this event nothing waits for its turn. */
  #flushTarget = 0;
  #waitingSinceMs = 0;
  #appendedAtMs = Number.NEGATIVE_INFINITY;
  /** Of the events offered, how many were handed on when the disk was synchronised last. */
  #synced = 0;
  #syncedAtMs = Number.NEGATIVE_INFINITY;
  /** When the writer may take from the spool, whatever is in it. */
  #storeAtMs = 0;
  #storeTimer: NodeJS.Timeout | null = null;

  constructor(onStoreDue: () => void) {
    this.#onStoreDue = onStoreDue;
  }

  /** What is here now does not wait for a full batch. @param offered events that ever came. */
  flush(offered: number): void {
    this.#flushTarget = offered;
    this.#storeAtMs = 0;
  }

  /** From now on something waits to become a batch. */
  waits(): void {
    this.#waitingSinceMs = performance.now();
  }

  /** @param memoryOnly in memory batches are the writer's, a transaction each, and made larger. */
  appendAtMs(waiting: number, memoryOnly: boolean): number {
    if (waiting === 0) return this.#appendedAtMs + APPEND_POINTS_INTERVAL_MS;
    return memoryOnly ? this.#waitingSinceMs + STORE_INTERVAL_MS : this.#appendedAtMs + APPEND_INTERVAL_MS;
  }

  /** Whether the events from this one on are to be flushed. */
  flushes(event: number): boolean {
    return event < this.#flushTarget;
  }

  /**
   * A batch was appended.
   *
   * @param handedOn events that are on disk now.
   * @param alone whether it is all that the spool has.
   */
  appended(handedOn: number, alone: boolean): void {
    this.#appendedAtMs = performance.now();
    if (handedOn <= this.#flushTarget) {
      this.#storeAtMs = 0;
    } else if (alone && this.#storeAtMs < this.#appendedAtMs) {
      this.#storeAtMs = this.#appendedAtMs + STORE_INTERVAL_MS;
      clearTimeout(this.#storeTimer ?? undefined);
      this.#storeTimer = setTimeout(this.#onStoreDue, STORE_INTERVAL_MS + 1);
    }
  }

  isSynced(event: number): boolean {
    return this.#synced >= event;
  }

  /** @param moreWaits whether there is enough for the next batch. */
  syncAtMs(handedOn: number, moreWaits: boolean): number {
    const full = handedOn - this.#synced >= (moreWaits ? SYNC_EVENTS_MAX : BATCH_EVENTS_MAX);
    // Of what is flushed the rest is appended at once: with every batch the disk would be waited for as often.
    const flushed = this.#flushTarget > this.#synced && handedOn >= this.#flushTarget;
    return full || flushed ? 0 : this.#syncedAtMs + SYNC_INTERVAL_MS;
  }

  syncBegins(): void {
    this.#syncedAtMs = performance.now();
  }

  syncEnds(handedOn: number): void {
    this.#synced = handedOn;
  }

  get storeDue(): boolean {
    return performance.now() >= this.#storeAtMs;
  }

  stop(): void {
    clearTimeout(this.#storeTimer ?? undefined);
  }
}
