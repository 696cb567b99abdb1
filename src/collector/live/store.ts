import type { Attributes, Frame, GaugePoint, Point } from '../../core/frame.ts';
import { OVERFLOW } from '../../core/label-bounds.ts';
import { isLasting } from '../../core/measured.ts';
import { type Meeting, SeriesNames } from '../../core/series-names.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { MetricFamily, MetricSeries } from '../metric-family.ts';
import {
  type AnySeries,
  absorbCounter,
  absorbHistogram,
  addToCounter,
  addToHistogram,
  type CounterSeries,
  type GaugeSeries,
  type HistogramSeries,
  type Now,
  newSeries,
  type SeriesName,
  seriesKey,
} from './series.ts';
import { slotAt, WINDOW_SLOTS } from './sliding.ts';

/** Past so many series of one metric those make room that were not used for longest. */
const SERIES_MAX_PER_METRIC = 2000;
const METRICS_MAX = 2000;
/**
 * Larger than any quantity there is; a larger value, or NaN, is a bug of its sender that would poison a counter's total for
 * ever, and sums of what is smaller stay finite, as every number of a snapshot is.
 */
const MAGNITUDE_MAX = 1e30;
const OVERFLOW_KEY = seriesKey(OVERFLOW);

interface AnyMetric {
  readonly kind: Point['kind'];
  readonly unit: string;
  readonly description: string;
  /** Of our signals: its labels are bounded by name. */
  readonly isOurs: boolean;
  readonly series: Map<string, AnySeries>;
}

/** What a series is to be found or made for. */
interface Wanted extends Now {
  readonly meeting: Meeting;
}

/** How many more series the stores that share it may begin. */
export interface SeriesBudget {
  left: number;
}

const NONE_REFUSED: readonly Point[] = [];

/**
 * Everything the frames of all instances add up to. Counters and histograms of all instances are one series, so they
 * outlive any of them; gauges are kept per instance and forgotten with it. Names and series past their bounds give up their
 * places to busier ones; what they counted goes on as that of `other`, so that no sum over all of them ever falls.
 */
export class LiveStore {
  readonly #windowMs: Milliseconds;
  readonly #budget: SeriesBudget;
  readonly #metrics = new Map<string, AnyMetric>();
  #series = 0;
  /** By which its series are told apart; of stores that are shown together the same. */
  readonly names: SeriesNames;

  /**
   * @param budget of all stores that share it. @default without a bound of its own
   * @param names of all stores that are shown together. @default its own
   */
  constructor(
    windowMs: Milliseconds,
    budget: SeriesBudget = { left: Number.POSITIVE_INFINITY },
    names = new SeriesNames(),
  ) {
    this.#windowMs = windowMs;
    this.#budget = budget;
    this.names = names;
    names.join((attribute, name, nowMs) => this.#foldName(attribute, name, nowMs));
  }

  /**
   * A gauge that is NaN has no value any more.
   *
   * @param meeting `recalled`: what was counted before everything else, for which nothing has to make room. @default 'used'
   * @returns the points that were not taken: past a bound, of another kind than their metric, or no quantity.
   */
  merge(
    instanceId: string,
    frame: Pick<Frame, 'points'>,
    nowMs: number,
    meeting: Meeting = 'used',
  ): readonly Point[] {
    const now = { ...this.#at(nowMs), meeting };
    if (meeting === 'used') this.names.meet(frame.points, nowMs);
    let refused: Point[] | null = null;
    for (const point of frame.points) {
      if (this.#mergePoint(instanceId, point, now)) continue;
      refused ??= [];
      refused.push(point);
    }
    return refused ?? NONE_REFUSED;
  }

  /** Takes in the counters and histograms of another one, which ends by that. Nothing makes room for its names. */
  absorb(other: LiveStore, nowMs: number): void {
    const now: Wanted = { ...this.#at(nowMs), meeting: 'recalled' };
    for (const [name, metric] of other.#metrics) {
      for (const one of metric.series.values()) {
        const series = this.#seriesFor({ ...metric, name, attributes: one.attributes }, now);
        if (series !== null) absorb(metric.kind, series, one, now);
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
  #mergePoint(instanceId: string, point: Point, now: Wanted): boolean {
    if (point.kind === 'gauge' && Number.isNaN(point.value)) {
      this.#forgetGauge(instanceId, point);
      return true;
    }
    if (!(Math.abs(point.kind === 'histogram' ? point.sum : point.value) <= MAGNITUDE_MAX)) return false;
    const series = this.#seriesFor(point, now);
    if (series === null) return false;
    const at: Now =
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

  #at(nowMs: number): Now {
    return { nowMs, slot: slotAt(nowMs, this.#windowMs) };
  }

  #seriesFor(point: SeriesName, now: Wanted): AnySeries | null {
    const metric = this.#metricOf(point);
    if (metric === undefined || metric.kind !== point.kind) return null;
    const { isOurs } = metric;
    const attributes = isOurs ? this.names.of(point.attributes, now.meeting) : point.attributes;
    const key = seriesKey(attributes);
    const known = metric.series.get(key);
    if (known !== undefined) {
      known.usedMs = Math.max(known.usedMs, now.nowMs);
      return known;
    }
    if (this.#budget.left <= 0) return null;
    if (metric.series.size < SERIES_MAX_PER_METRIC || this.#makeRoom(metric, now))
      return this.#add(metric, key, newSeries({ ...point, attributes }, now.nowMs));
    return isOurs ? this.#nameless(metric, attributes, now) : null;
  }

  /** What the series without names have is told apart by nothing but what is few. */
  #nameless(metric: AnyMetric, attributes: Attributes, { nowMs }: Now): AnySeries {
    const few = this.names.withoutAny(attributes);
    const key = seriesKey(few);
    return metric.series.get(key) ?? this.#add(metric, key, newSeries({ ...metric, attributes: few }, nowMs));
  }

  #add(metric: AnyMetric, key: string, series: AnySeries): AnySeries {
    metric.series.set(key, series);
    this.#budget.left--;
    this.#series++;
    return series;
  }

  #remove(metric: AnyMetric, key: string): void {
    metric.series.delete(key);
    this.#budget.left++;
    this.#series--;
  }

  #metricOf({ name, kind, unit, description }: SeriesName): AnyMetric | undefined {
    let metric = this.#metrics.get(name);
    if (metric === undefined && this.#metrics.size < METRICS_MAX) {
      metric = { kind, unit, description, isOurs: isLasting({ name, kind }), series: new Map() };
      this.#metrics.set(name, metric);
    }
    return metric;
  }

  /** A name has lost its place: its series go on as those of `other`. */
  #foldName(attribute: string, name: string, nowMs: number): void {
    const now = this.#at(nowMs);
    for (const metric of this.#metrics.values()) {
      if (!metric.isOurs) continue;
      for (const [key, series] of metric.series) {
        if (series.attributes[attribute] !== name) continue;
        this.#remove(metric, key);
        this.#fold(metric, series, this.names.without(series.attributes, attribute), now);
      }
    }
  }

  /** Makes room in a metric that has as many series as it may. False: there is none to be made. */
  #makeRoom(metric: AnyMetric, { nowMs, slot, meeting }: Wanted): boolean {
    const isFull = () => metric.series.size >= SERIES_MAX_PER_METRIC;
    if (metric.isOurs) {
      while (meeting === 'used' && isFull()) if (!this.names.makeRoom(metric.series.values(), nowMs)) break;
      return !isFull();
    }
    while (isFull()) {
      const [key, series] = leastUsed(metric.series) ?? [];
      if (key === undefined || series === undefined) return false;
      this.#remove(metric, key);
      this.names.count();
      // The value of a gauge that is not set any more is nobody's.
      if (metric.kind !== 'gauge') this.#fold(metric, series, OVERFLOW, { nowMs, slot });
    }
    return true;
  }

  #fold(metric: AnyMetric, series: AnySeries, attributes: Attributes, now: Now): void {
    const key = seriesKey(attributes);
    const into =
      metric.series.get(key) ?? this.#add(metric, key, newSeries({ ...metric, attributes }, now.nowMs));
    into.usedMs = Math.max(into.usedMs, series.usedMs);
    absorb(metric.kind, into, series, now);
  }
}

function absorb(kind: Point['kind'], into: AnySeries, series: AnySeries, now: Now): void {
  if (kind === 'counter') absorbCounter(into as CounterSeries, series as CounterSeries, now.slot);
  if (kind === 'histogram') absorbHistogram(into as HistogramSeries, series as HistogramSeries, now);
}

/** But for the one that holds what others have left. */
function leastUsed(series: ReadonlyMap<string, AnySeries>): [key: string, series: AnySeries] | null {
  let oldest: [string, AnySeries] | null = null;
  for (const entry of series)
    if (entry[0] !== OVERFLOW_KEY && (oldest === null || entry[1].usedMs < oldest[1].usedMs)) oldest = entry;
  return oldest;
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
