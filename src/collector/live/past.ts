import type { Point } from '../../core/frame.ts';
import type { PastSlot } from '../../core/past.ts';
import type { Milliseconds } from '../../core/units.ts';
import { type CounterSeries, type HistogramSeries, LiveStore } from './store.ts';

/** What the sections of a snapshot read. */
export type SeriesSource = Pick<LiveStore, 'counters' | 'histograms' | 'gauges'>;

/** Nobody's: counters and histograms are one series over all instances. */
const NO_INSTANCE = '';
/** Totals of all time are in no window. */
const LONG_AGO_MS = 0;

/**
 * What earlier processes counted, beside what this one counts: in the snapshot a series of theirs and ours of the same
 * attributes add up like those of two instances. `/metrics` does not read this.
 */
export class Past {
  readonly #windowMs: Milliseconds;
  #window: LiveStore;
  #totals: LiveStore;
  #sinceMs = Number.POSITIVE_INFINITY;

  constructor(windowMs: Milliseconds) {
    this.#windowMs = windowMs;
    this.#window = new LiveStore(windowMs);
    this.#totals = new LiveStore(windowMs);
  }

  /**
   * Replaces the window.
   *
   * @param slots in the order of time.
   */
  setWindow(slots: readonly PastSlot[]): void {
    this.#window = new LiveStore(this.#windowMs);
    this.#sinceMs = slots[0]?.atMs ?? Number.POSITIVE_INFINITY;
    for (const { atMs, points } of slots) this.#window.merge(NO_INSTANCE, { points }, atMs);
  }

  /** When the window begins to hold something; infinity while it does not. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Replaces the totals. */
  setTotals(points: readonly Point[]): void {
    this.#totals = new LiveStore(this.#windowMs);
    this.#totals.merge(NO_INSTANCE, { points }, LONG_AGO_MS);
  }

  /** The store's series, those of before in front: where a section is bounded they keep their place. */
  before(store: LiveStore): SeriesSource {
    return {
      counters: (name) => [
        ...this.#totals.counters(name),
        ...this.#window.counters(name).map(windowOfCounter),
        ...store.counters(name),
      ],
      histograms: (name) => [
        ...this.#totals.histograms(name),
        ...this.#window.histograms(name).map(windowOfHistogram),
        ...store.histograms(name),
      ],
      gauges: (name) => store.gauges(name),
    };
  }
}

/** The rows of the window are in the totals, too. */
const windowOfCounter = (series: CounterSeries): CounterSeries => ({ ...series, total: 0 });
const windowOfHistogram = (series: HistogramSeries): HistogramSeries => ({
  ...series,
  count: 0,
  sum: 0,
  zeroCount: 0,
});
