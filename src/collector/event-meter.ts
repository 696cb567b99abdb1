import type { NervecenterEvent } from '../core/event.ts';
import type { Point } from '../core/frame.ts';
import { signalOf } from '../core/signals/index.ts';
import { measureCost, type PricedLlmCallEvent } from '../core/signals/llm-call.ts';
import { Aggregator } from '../metrics/aggregator.ts';
import { SnapshotReader } from '../metrics/snapshot-reader.ts';

/** Measures events with the instruments of their signals, each batch of events by itself. */
export class EventMeter {
  readonly #aggregator = new Aggregator();
  readonly #reader = new SnapshotReader([this.#aggregator]);

  /** What these events add. */
  measure(events: readonly NervecenterEvent[]): Point[] {
    for (const event of events) {
      signalOf(event).measure(event, this.#aggregator.record);
      if (event.signal === 'llm-call') measureCost(event as PricedLlmCallEvent, this.#aggregator.record);
    }
    return this.#reader.collectNow();
  }
}
