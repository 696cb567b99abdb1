import type { Attributes, Frame, GaugePoint, HistogramPoint, Point } from '../../core/frame.ts';
import { HISTOGRAM_SCALE } from '../../core/histogram.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { MetricFamily, MetricSeries } from '../metric-family.ts';
import { SlidingHistogram, SlidingSum, slotAt } from './sliding.ts';

/** Past so many series of one metric the rest is refused: the label that explodes is a bug of its sender. */
const SERIES_MAX_PER_METRIC = 2000;
const METRICS_MAX = 2000;
/**
 * Larger than any quantity there is; a larger value, or NaN, is a bug of its sender that would poison a counter's total for
 * ever, and sums of what is smaller stay finite, as every number of a snapshot is.
 */
const MAGNITUDE_MAX = 1e30;

/** One counter with its attributes: the total since the collector started, and the window. */
export interface CounterSeries {
  readonly attributes: Attributes;
  total: number;
  readonly window: SlidingSum;
}

/** One histogram with its attributes: totals since the collector started, and the window. */
export interface HistogramSeries {
  readonly attributes: Attributes;
  count: number;
  sum: number;
  zeroCount: number;
  /** See `core/metric-family.ts`: enough for the Prometheus endpoint, a fraction of the size. */
  readonly doublings: Map<number, number>;
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

type AnySeries = CounterSeries | HistogramSeries | GaugeSeries;
type AnyMetric = Metric<AnySeries>;
type SeriesName = Pick<Point, 'name' | 'kind' | 'unit' | 'description' | 'attributes'>;

/** How many more series the stores that share it may begin. */
export interface SeriesBudget {
  left: number;
}

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
  merge(instanceId: string, frame: Pick<Frame, 'points'>, nowMs: number): Point[] {
    const slot = slotAt(nowMs, this.#windowMs);
    return frame.points.filter((point) => !this.#mergePoint(instanceId, point, slot));
  }

  /** Takes in the counters and histograms of another one, which ends by that; what its window holds counts as of now. */
  absorb(other: LiveStore, nowMs: number): void {
    const slot = slotAt(nowMs, this.#windowMs);
    for (const [name, metric] of other.#metrics) {
      for (const one of metric.series.values()) {
        const series = this.#seriesFor({ ...metric, name, attributes: one.attributes });
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
      yield { name, kind, unit, description, series: cumulative(kind, series.values()) };
    }
  }

  #seriesOf(name: string, kind: Point['kind']): readonly unknown[] {
    const metric = this.#metrics.get(name);
    return metric?.kind === kind ? [...metric.series.values()] : [];
  }

  /** Returns whether it was taken. */
  #mergePoint(instanceId: string, point: Point, slot: number): boolean {
    if (point.kind === 'gauge' && Number.isNaN(point.value)) {
      this.#forgetGauge(instanceId, point);
      return true;
    }
    if (!(Math.abs(point.kind === 'histogram' ? point.sum : point.value) <= MAGNITUDE_MAX)) return false;
    const series = this.#seriesFor(point);
    if (series === null) return false;
    if (point.kind === 'counter') addToCounter(series as CounterSeries, point.value, slot);
    else if (point.kind === 'histogram') addToHistogram(series as HistogramSeries, point, slot);
    else (series as GaugeSeries).values.set(instanceId, point.value);
    return true;
  }

  #forgetGauge(instanceId: string, { name, attributes }: GaugePoint): void {
    const metric = this.#metrics.get(name);
    if (metric?.kind !== 'gauge') return;
    const key = seriesKey(attributes);
    const values = (metric.series.get(key) as GaugeSeries | undefined)?.values;
    values?.delete(instanceId);
    if (values?.size === 0) metric.series.delete(key);
  }

  #seriesFor(point: SeriesName): AnySeries | null {
    const metric = this.#metricOf(point);
    if (metric === undefined || metric.kind !== point.kind) return null;
    const key = seriesKey(point.attributes);
    let series = metric.series.get(key);
    if (series === undefined) {
      if (metric.series.size >= SERIES_MAX_PER_METRIC || this.#budget.left <= 0) return null;
      series = newSeries(point);
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

function newSeries({ kind, attributes }: SeriesName): AnySeries {
  if (kind === 'counter') return { attributes, total: 0, window: new SlidingSum() };
  if (kind === 'gauge') return { attributes, values: new Map() };
  return { attributes, count: 0, sum: 0, zeroCount: 0, doublings: new Map(), window: new SlidingHistogram() };
}

function addToCounter(series: CounterSeries, value: number, slot: number): void {
  if (value < 0) return; // A total never falls.
  series.total += value;
  series.window.add(value, slot);
}

function addToHistogram(series: HistogramSeries, point: HistogramPoint, slot: number): void {
  series.count += point.count;
  series.sum += point.sum;
  series.zeroCount += point.zeroCount;
  for (let i = 0; i < point.counts.length; i++) {
    const count = point.counts[i] ?? 0;
    if (count === 0) continue;
    const doubling = (point.offset + i) >> HISTOGRAM_SCALE;
    series.doublings.set(doubling, (series.doublings.get(doubling) ?? 0) + count);
  }
  series.window.add(point, slot);
}

function absorbCounter(series: CounterSeries, other: CounterSeries, slot: number): void {
  series.total += other.total;
  series.window.add(other.window.sum(slot), slot);
}

function absorbHistogram(series: HistogramSeries, other: HistogramSeries, slot: number): void {
  series.count += other.count;
  series.sum += other.sum;
  series.zeroCount += other.zeroCount;
  for (const [doubling, count] of other.doublings)
    series.doublings.set(doubling, (series.doublings.get(doubling) ?? 0) + count);
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
    if (kind === 'counter') yield { attributes: one.attributes, value: (one as CounterSeries).total };
    else if (kind === 'histogram') yield one as HistogramSeries;
    else yield* gaugesByInstance(one as GaugeSeries);
  }
}

/** The instance id under which the collector records what belongs to no agent: the host's gauges. */
export const COLLECTOR_INSTANCE = '';

function* gaugesByInstance({ attributes, values }: GaugeSeries): Iterable<MetricSeries> {
  for (const [instanceId, value] of values) {
    if (instanceId === COLLECTOR_INSTANCE) yield { attributes, value };
    else yield { attributes: { ...attributes, 'service.instance.id': instanceId }, value };
  }
}
