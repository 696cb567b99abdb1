import type { DropCounts } from '../core/frame.ts';
import { type NervecenterEvent, signalOf } from '../core/signals/index.ts';
import type { RecordMeasurement } from '../core/signals/signal.ts';
import { BoundedQueue } from './bounded-queue.ts';

/** Events waiting to be handed over; past it the oldest go. At 1,000 events a second: ten seconds without a collector. */
export const QUEUE_EVENTS_MAX = 10_000;
/** One hand-over stays well below a millisecond of the app's thread. */
export const BATCH_EVENTS_MAX = 200;
/** Batches handed over but not yet accepted; the collector sets the pace. */
const BATCHES_UNACCEPTED_MAX = 16;

const QUEUE_FULL = 'agent_queue_full';

/** Events handed over together; the number comes back when they are accepted. */
export interface Batch {
  readonly batch: number;
  readonly events: readonly NervecenterEvent[];
}

/** What `emit` does: the event is measured at once and queued for the collector. */
export class Pipeline {
  readonly #record: RecordMeasurement;
  readonly #queue = new BoundedQueue<NervecenterEvent>(QUEUE_EVENTS_MAX);
  readonly #dropped = new Map<string, number>();
  readonly #unaccepted = new Map<number, readonly NervecenterEvent[]>();
  #nextBatch = 1;

  constructor(record: RecordMeasurement) {
    this.#record = record;
  }

  get dropped(): DropCounts {
    return Object.fromEntries(this.#dropped);
  }

  /** Events not yet accepted by the collector. */
  get pending(): number {
    let handedOver = 0;
    for (const events of this.#unaccepted.values()) handedOver += events.length;
    return this.#queue.size + handedOver;
  }

  /** Whether a full batch waits. */
  get batchReady(): boolean {
    return this.#queue.size >= BATCH_EVENTS_MAX;
  }

  emit(event: NervecenterEvent): void {
    signalOf(event).measure(event, this.#record);
    if (this.#queue.push(event) > 0) this.drop(QUEUE_FULL, 1);
  }

  /** Counts events that never became any, or are lost. */
  drop(reason: string, count: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count);
  }

  /**
   * The next batch, or `null` when there is none or the collector is behind.
   *
   * @param evenIfBehind at the end, when nothing waits for an answer any more.
   */
  nextBatch(evenIfBehind = false): Batch | null {
    if (this.#queue.size === 0) return null;
    if (this.#unaccepted.size >= BATCHES_UNACCEPTED_MAX && !evenIfBehind) return null;
    const batch = this.#nextBatch++;
    const events = this.#queue.take(BATCH_EVENTS_MAX);
    this.#unaccepted.set(batch, events);
    return { batch, events };
  }

  /** The collector has taken responsibility for a batch. */
  accepted(batch: number): void {
    this.#unaccepted.delete(batch);
  }

  /** The link is gone: what was not accepted goes to the next collector. Rows sent twice are stored once. */
  requeueUnaccepted(): void {
    const again = [...this.#unaccepted.values()].flat();
    this.#unaccepted.clear();
    const newer = this.#queue.take(this.#queue.size);
    for (const event of [...again, ...newer]) {
      if (this.#queue.push(event) > 0) this.drop(QUEUE_FULL, 1);
    }
  }
}
