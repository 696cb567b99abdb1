import type { Point } from '../../core/frame.ts';
import { netOf } from '../../core/measured.ts';
import type { SeriesNames } from '../../core/names/series-names.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { CounterSeries, HistogramSeries } from './series.ts';
import { LiveStore } from './store.ts';

/** What the sections of a snapshot read. */
export type SeriesSource = Pick<LiveStore, 'counters' | 'histograms' | 'gauges'>;

/** What was counted before this process, as storage reads it back. */
export interface EarlierFigures {
  readonly totals: readonly Point[];
  /** What was measured of late, in the order of time. */
  readonly window: readonly { readonly atMs: number; readonly points: readonly Point[] }[];
}

/** Nobody's: counters and histograms are one series over all instances. */
const NO_INSTANCE = '';
/** Totals of all time are in no window. */
const LONG_AGO_MS = 0;

/**
 * What was counted before, beside what this process counts: in the snapshot a series of then and one of now of the same
 * attributes add up like those of two instances. `/metrics` does not read this.
 */
export class Earlier {
  readonly #windowMs: Milliseconds;
  readonly #window: LiveStore;
  readonly #totals: LiveStore;
  #sinceMs = Number.POSITIVE_INFINITY;

  /** @param names of the store that it is shown beside. */
  constructor(windowMs: Milliseconds, names: SeriesNames) {
    this.#windowMs = windowMs;
    this.#window = new LiveStore(windowMs, undefined, names);
    this.#totals = new LiveStore(windowMs, undefined, names);
  }

  /** Adds to what is known. What has left the window by `nowMs` is in the totals only. */
  add({ totals, window }: EarlierFigures, nowMs: number): void {
    // What was in use of late has its name before what ever was; of that, what there is most of.
    for (const { atMs, points: told } of window) {
      const points = told.map((point) => ({ ...point, countedMs: Math.min(atMs, nowMs) }));
      if (atMs <= nowMs - this.#windowMs) continue;
      this.#sinceMs = Math.min(this.#sinceMs, atMs);
      this.#window.merge(NO_INSTANCE, { points }, Math.min(atMs, nowMs));
    }
    this.#totals.merge(NO_INSTANCE, { points: netOf(totals).map(inOneBucket) }, LONG_AGO_MS, 'recalled');
  }

  /** Takes in another one, which ends by that. */
  absorb(other: Earlier, nowMs: number): void {
    this.#totals.absorb(other.#totals, LONG_AGO_MS);
    this.#window.absorb(other.#window, nowMs);
  }

  /** When the window begins to hold something; infinity while it does not. */
  get sinceMs(): number {
    return this.#sinceMs;
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

/** The figures of the window are in the totals, too. */
const windowOfCounter = (series: CounterSeries): CounterSeries => ({ ...series, total: 0 });
const windowOfHistogram = (series: HistogramSeries): HistogramSeries => ({
  ...series,
  count: 0,
  sum: 0,
  zeroCount: 0,
});

/** Totals are stored without buckets, and a store counts what its buckets hold; of these nobody reads which they are. */
const inOneBucket = (point: Point): Point =>
  point.kind === 'histogram' && point.counts.length === 0
    ? { ...point, offset: 0, counts: [point.count - point.zeroCount] }
    : point;
