import type { DropCounts } from '../core/frame.ts';
import type { NervecenterEvent, SignalName } from '../core/signals/index.ts';
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
  /** It was handed over before, to a collector that may have accepted it. */
  readonly again: boolean;
}

/**
 * What `emit` does: the event is queued for the collector, which measures it when it accepts it. What cannot be queued is
 * measured here, so that figures stay right when rows are lost.
 */
export class Pipeline {
  readonly #measure: (event: NervecenterEvent) => void;
  readonly #queue = new BoundedQueue<NervecenterEvent>(QUEUE_EVENTS_MAX);
  readonly #dropped = new Map<string, number>();
  /** In the order in which they were handed over. */
  readonly #unaccepted = new Map<number, readonly NervecenterEvent[]>();
  readonly #told = new Set<SignalName>();
  #again: number[] = [];
  #nextBatch = 1;

  /** @param measure records an event on the instruments of this process. */
  constructor(measure: (event: NervecenterEvent) => void) {
    this.#measure = measure;
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

  /** Whether there ever was an event of a signal. */
  tells(signal: SignalName): boolean {
    return this.#told.has(signal);
  }

  emit(event: NervecenterEvent): void {
    if (!this.#told.has(event.signal)) this.#told.add(event.signal);
    const dropped = this.#queue.push(event);
    if (dropped === undefined) return;
    this.drop(QUEUE_FULL, 1);
    this.#measure(dropped);
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
    const first = this.#again.shift();
    if (first !== undefined) return { batch: first, events: this.#unaccepted.get(first) ?? [], again: true };
    if (this.#queue.size === 0) return null;
    if (this.#unaccepted.size >= BATCHES_UNACCEPTED_MAX && !evenIfBehind) return null;
    const batch = this.#nextBatch++;
    const events = this.#queue.take(BATCH_EVENTS_MAX);
    this.#unaccepted.set(batch, events);
    return { batch, events, again: false };
  }

  /** The collector has taken responsibility for a batch. */
  accepted(batch: number): void {
    this.#unaccepted.delete(batch);
  }

  /**
   * The link is gone: what was not accepted goes to the next collector, in the same batches, by whose numbers it recognises
   * what the one before had accepted after all.
   */
  sendUnacceptedAgain(): void {
    this.#again = [...this.#unaccepted.keys()];
  }
}
