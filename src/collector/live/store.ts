import type { Attributes, Frame, GaugePoint, HistogramPoint, Point } from '../../core/frame.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { MetricFamily, MetricSeries } from '../metric-family.ts';
import { CumulativeBuckets, Exemplars, ShownHistogram } from './cumulative.ts';
import { SlidingHistogram, SlidingSum, slotAt, WINDOW_SLOTS } from './sliding.ts';

/** Past so many series of one metric the rest is refused: the label that explodes is a bug of its sender. */
const SERIES_MAX_PER_METRIC = 2000;
const METRICS_MAX = 2000;
/**
 * Larger than any quantity there is; a larger value, or NaN, is a bug of its sender that would poison a counter's total for
 * ever, and sums of what is smaller stay finite, as every number of a snapshot is.
 */
const MAGNITUDE_MAX = 1e30;
/** A million values a second for 140 years. Up to twice as many, sums and differences of counts are exact. */
const COUNT_MAX = 2 ** 52;

/** One counter with its attributes: the total since the collector started, and the window. */
export interface CounterSeries {
  readonly attributes: Attributes;
  total: number;
  /** The most that `/metrics` has shown. */
  shown: number;
  /** When it was first counted. */
  readonly createdMs: number;
  readonly window: SlidingSum;
}

/** One histogram with its attributes: totals since the collector started, and the window. */
export interface HistogramSeries {
  readonly attributes: Attributes;
  count: number;
  sum: number;
  zeroCount: number;
  readonly buckets: CumulativeBuckets;
  /** What `/metrics` shows instead, since something was taken back; `null`: nothing was. */
  shown: ShownHistogram | null;
  readonly exemplars: Exemplars;
  /** When it was first measured. */
  readonly createdMs: number;
  readonly window: SlidingHistogram;
}

/** One gauge with its attributes: each instance's latest value. */
export interface GaugeSeries {
  readonly attributes: Attributes;
  readonly values: Map<string, number>;
}

interface Metric<S> {
  readonly kind: Point['kind'];
  readonly unit: string;
  readonly description: string;
  readonly series: Map<string, S>;
}

/** The moment of a merge, and the part of the window that it is in. */
interface Now {
  readonly nowMs: number;
  readonly slot: number;
  /** Of what is taken back: the part it was counted in, `null` where that has left the window. */
  readonly countedIn?: number | null;
}

type AnySeries = CounterSeries | HistogramSeries | GaugeSeries;
type AnyMetric = Metric<AnySeries>;
type SeriesName = Pick<Point, 'name' | 'kind' | 'unit' | 'description' | 'attributes'>;

/** How many more series the stores that share it may begin. */
export interface SeriesBudget {
  left: number;
}

const NONE_REFUSED: readonly Point[] = [];

/**
 * Everything the frames of all instances add up to. Counters and histograms of all instances are one series, so they
 * outlive any of them; gauges are kept per instance and forgotten with it.
 */
export class LiveStore {
  readonly #windowMs: Milliseconds;
  readonly #budget: SeriesBudget;
  readonly #metrics = new Map<string, AnyMetric>();
  #series = 0;

  /** @param budget of all stores that share it. @default without a bound of its own */
  constructor(windowMs: Milliseconds, budget: SeriesBudget = { left: Number.POSITIVE_INFINITY }) {
    this.#windowMs = windowMs;
    this.#budget = budget;
  }

  /**
   * A gauge that is NaN has no value any more.
   *
   * @returns the points that were not taken: past a bound, of another kind than their metric, or no quantity.
   */
  merge(instanceId: string, frame: Pick<Frame, 'points'>, nowMs: number): readonly Point[] {
    const now = { nowMs, slot: slotAt(nowMs, this.#windowMs) };
    let refused: Point[] | null = null;
    for (const point of frame.points) {
      if (this.#mergePoint(instanceId, point, now)) continue;
      refused ??= [];
      refused.push(point);
    }
    return refused ?? NONE_REFUSED;
  }

  /** Takes in the counters and histograms of another one, which ends by that; what its window holds counts as of now. */
  absorb(other: LiveStore, nowMs: number): void {
    const slot = slotAt(nowMs, this.#windowMs);
    for (const [name, metric] of other.#metrics) {
      for (const one of metric.series.values()) {
        const series = this.#seriesFor({ ...metric, name, attributes: one.attributes }, nowMs);
        if (series === null) continue;
        if (metric.kind === 'counter') absorbCounter(series as CounterSeries, one as CounterSeries, slot);
        if (metric.kind === 'histogram')
          absorbHistogram(series as HistogramSeries, one as HistogramSeries, slot);
      }
    }
    other.#budget.left += other.#series;
    other.#series = 0;
    other.#metrics.clear();
  }

  /** Gives back the memory of what has left the window; series that are read do so by themselves. */
  forgetPast(nowMs: number): void {
    const slot = slotAt(nowMs, this.#windowMs);
    for (const { kind, series } of this.#metrics.values()) {
      if (kind !== 'histogram') continue;
      for (const one of series.values()) (one as HistogramSeries).window.distribution(slot);
    }
  }

  /** Forgets the gauges of an instance that is gone; its counts stay. */
  forgetInstance(instanceId: string): void {
    for (const metric of this.#metrics.values()) {
      if (metric.kind !== 'gauge') continue;
      for (const [key, series] of metric.series) {
        const { values } = series as GaugeSeries;
        values.delete(instanceId);
        if (values.size === 0) metric.series.delete(key);
      }
    }
  }

  counters(name: string): readonly CounterSeries[] {
    return this.#seriesOf(name, 'counter') as readonly CounterSeries[];
  }

  histograms(name: string): readonly HistogramSeries[] {
    return this.#seriesOf(name, 'histogram') as readonly HistogramSeries[];
  }

  gauges(name: string): readonly GaugeSeries[] {
    return this.#seriesOf(name, 'gauge') as readonly GaugeSeries[];
  }

  /** The cumulative state of every metric, for the Prometheus endpoint. */
  *families(): Iterable<MetricFamily> {
    for (const [name, { kind, unit, description, series }] of this.#metrics) {
      // As they are now: a scrape takes several turns, and gauges that are forgotten and come back would be in it twice.
      yield { name, kind, unit, description, series: cumulative(kind, [...series.values()]) };
    }
  }

  #seriesOf(name: string, kind: Point['kind']): readonly unknown[] {
    const metric = this.#metrics.get(name);
    return metric?.kind === kind ? [...metric.series.values()] : [];
  }

  /** Returns whether it was taken. */
  #mergePoint(instanceId: string, point: Point, now: Now): boolean {
    if (point.kind === 'gauge' && Number.isNaN(point.value)) {
      this.#forgetGauge(instanceId, point);
      return true;
    }
    if (!(Math.abs(point.kind === 'histogram' ? point.sum : point.value) <= MAGNITUDE_MAX)) return false;
    const series = this.#seriesFor(point, now.nowMs);
    if (series === null) return false;
    const at =
      point.countedMs === undefined ? now : { ...now, countedIn: this.#slotOf(point.countedMs, now) };
    if (point.kind === 'counter') addToCounter(series as CounterSeries, point.value, at);
    else if (point.kind === 'histogram') addToHistogram(series as HistogramSeries, point, at);
    else (series as GaugeSeries).values.set(instanceId, point.value);
    return true;
  }

  #slotOf(countedMs: number, { slot }: Now): number | null {
    const counted = Math.min(slot, slotAt(countedMs, this.#windowMs));
    return counted > slot - WINDOW_SLOTS ? counted : null;
  }

  #forgetGauge(instanceId: string, { name, attributes }: GaugePoint): void {
    const metric = this.#metrics.get(name);
    if (metric?.kind !== 'gauge') return;
    const key = seriesKey(attributes);
    const values = (metric.series.get(key) as GaugeSeries | undefined)?.values;
    values?.delete(instanceId);
    if (values?.size === 0) metric.series.delete(key);
  }

  #seriesFor(point: SeriesName, nowMs: number): AnySeries | null {
    const metric = this.#metricOf(point);
    if (metric === undefined || metric.kind !== point.kind) return null;
    const key = seriesKey(point.attributes);
    let series = metric.series.get(key);
    if (series === undefined) {
      if (metric.series.size >= SERIES_MAX_PER_METRIC || this.#budget.left <= 0) return null;
      series = newSeries(point, nowMs);
      metric.series.set(key, series);
      this.#budget.left--;
      this.#series++;
    }
    return series;
  }

  #metricOf({ name, kind, unit, description }: SeriesName): AnyMetric | undefined {
    let metric = this.#metrics.get(name);
    if (metric === undefined && this.#metrics.size < METRICS_MAX) {
      metric = { kind, unit, description, series: new Map() };
      this.#metrics.set(name, metric);
    }
    return metric;
  }
}

function newSeries({ kind, attributes }: SeriesName, createdMs: number): AnySeries {
  if (kind === 'counter') return { attributes, total: 0, shown: 0, createdMs, window: new SlidingSum() };
  if (kind === 'gauge') return { attributes, values: new Map() };
  const totals = { count: 0, sum: 0, zeroCount: 0, buckets: new CumulativeBuckets(), shown: null };
  return { attributes, ...totals, exemplars: new Exemplars(), createdMs, window: new SlidingHistogram() };
}

function addToCounter(series: CounterSeries, value: number, { slot, countedIn }: Now): void {
  if (value < 0) {
    if (countedIn === undefined) return; // A total falls by what the collector takes back, and by nothing else.
    series.shown = Math.max(series.shown, series.total);
  }
  series.total += value;
  const into = countedIn === undefined ? slot : countedIn;
  if (into !== null) series.window.add(value, into);
}

/** What its buckets hold is what counts: a histogram whose count is another one is refused by who scrapes it. */
function addToHistogram(
  series: HistogramSeries,
  point: HistogramPoint,
  { slot, nowMs, countedIn }: Now,
): void {
  const count = point.counts.reduce((sum, inBucket) => sum + inBucket, point.zeroCount);
  if (series.count + count > COUNT_MAX) return;
  if (count < 0) series.shown ??= new ShownHistogram(series);
  series.count += count;
  series.buckets.add(point);
  series.sum += point.sum;
  series.zeroCount += point.zeroCount;
  if (point.exemplar !== undefined) series.exemplars.add(point.exemplar, nowMs);
  const into = countedIn === undefined ? slot : countedIn;
  if (into !== null) series.window.add(point, into);
}

function absorbCounter(series: CounterSeries, other: CounterSeries, slot: number): void {
  series.total += other.total;
  series.window.add(other.window.sum(slot), slot);
}

function absorbHistogram(series: HistogramSeries, other: HistogramSeries, slot: number): void {
  series.count += other.count;
  series.sum += other.sum;
  series.zeroCount += other.zeroCount;
  series.buckets.add(other.buckets);
  const window = other.window.distribution(slot);
  if (window.count > 0) series.window.add(window, slot);
}

/** One text per set of attributes, whatever their order. */
function seriesKey(attributes: Attributes): string {
  const names = Object.keys(attributes);
  if (names.length > 1) names.sort();
  let key = '';
  for (const name of names) key += `${name}\u0001${String(attributes[name])}\u0002`;
  return key;
}

function* cumulative(
  kind: Point['kind'],
  series: Iterable<CounterSeries | HistogramSeries | GaugeSeries>,
): Iterable<MetricSeries> {
  for (const one of series) {
    if (kind === 'counter') yield cumulativeCounter(one as CounterSeries);
    else if (kind === 'histogram') yield cumulativeHistogram(one as HistogramSeries);
    else yield* gaugesByInstance(one as GaugeSeries);
  }
}

/** Who scrapes takes a counter that falls for one that began anew: what was taken back is made up by what comes next. */
function cumulativeCounter(series: CounterSeries): MetricSeries {
  const { attributes, createdMs } = series;
  series.shown = Math.max(series.shown, series.total);
  return { attributes, value: series.shown, createdMs };
}

function cumulativeHistogram(series: HistogramSeries): MetricSeries {
  if (series.shown === null) return series;
  series.shown.follow(series);
  const { attributes, exemplars, createdMs } = series;
  const { count, sum, zeroCount, buckets } = series.shown;
  return { attributes, exemplars, createdMs, count, sum, zeroCount, buckets };
}

/** The instance id under which the collector records what belongs to no agent: the host's gauges. */
export const COLLECTOR_INSTANCE = '';

function* gaugesByInstance({ attributes, values }: GaugeSeries): Iterable<MetricSeries> {
  for (const [instanceId, value] of values) {
    if (instanceId === COLLECTOR_INSTANCE) yield { attributes, value };
    else yield { attributes: { ...attributes, 'service.instance.id': instanceId }, value };
  }
}
