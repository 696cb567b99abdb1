import type { Point } from '../core/frame.ts';
import { eventMeasure, type NervecenterEvent } from '../core/signals/index.ts';
import { DeltaMeterProvider } from '../metrics/meter-provider.ts';
import { SnapshotReader } from '../metrics/snapshot-reader.ts';

/** Measures events with the instruments of their signals, and tells of each lot what it adds. */
export class EventMeter {
  readonly #provider = new DeltaMeterProvider();
  readonly #reader = new SnapshotReader([this.#provider]);
  readonly #measure = eventMeasure(this.#provider.getMeter());

  measure(events: readonly NervecenterEvent[]): Point[] {
    if (events.length === 0) return [];
    for (const event of events) this.#measure(event);
    return this.#reader.collectNow();
  }
}
