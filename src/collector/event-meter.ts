import type { Point } from '../core/frame.ts';
import { eventMeasure, type NervecenterEvent } from '../core/signals/index.ts';
import { DeltaMeterProvider } from '../metrics/meter-provider.ts';
import { SnapshotReader } from '../metrics/snapshot-reader.ts';

/**
 * Measures events with the instruments of their signals, and tells of each lot what it adds. What cannot be measured adds
 * nothing: whoever makes its row finds out, and counts it.
 */
export class EventMeter {
  readonly #provider = new DeltaMeterProvider();
  readonly #reader = new SnapshotReader([this.#provider]);
  readonly #measure = eventMeasure(this.#provider.getMeter());

  measure(events: readonly NervecenterEvent[]): Point[] {
    if (events.length === 0) return [];
    for (const event of events) {
      try {
        this.#measure(event);
      } catch {
        // Of no signal, or of no shape that its signal knows.
      }
    }
    return this.#reader.collectNow();
  }
}
