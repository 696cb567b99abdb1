import type { Attributes, Frame, Point } from '../../core/frame.ts';
import { type Meeting, SeriesNames } from '../../core/names/series-names.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { MetricFamily, MetricSeries } from '../metric-family.ts';
import { Metric, type SeriesBudget } from './metric.ts';
import {
  type AnySeries,
  absorbSeries,
  addToCounter,
  addToHistogram,
  type CounterSeries,
  type GaugeSeries,
  type HistogramSeries,
  type Now,
  type SeriesName,
} from './series.ts';
import { slotAt, WINDOW_SLOTS } from './sliding.ts';

const METRICS_MAX = 2000;
/**
 * Larger than any quantity there is; a larger value, or NaN, is a bug of its sender that would poison a counter's total for
 * ever, and sums of what is smaller stay finite, as every number of a snapshot is.
 */
const MAGNITUDE_MAX = 1e30;
/** What a series is to be found or made for. */
interface Wanted extends Now {
  readonly meeting: Meeting;
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
  readonly #metrics = new Map<string, Metric>();
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
      for (const one of metric.series) {
        const series = this.#seriesFor({ ...metric, name, attributes: one.attributes }, now);
        if (series !== null) absorbSeries(metric.kind, series, one, now);
      }
      metric.clear();
    }
    other.#metrics.clear();
  }

  /** Gives back the memory of what has left the window; series that are read do so by themselves. */
  forgetPast(nowMs: number): void {
    const slot = slotAt(nowMs, this.#windowMs);
    for (const metric of this.#metrics.values()) metric.forgetPast(slot);
  }

  /** Forgets the gauges of an instance that is gone; its counts stay. */
  forgetInstance(instanceId: string): void {
    for (const metric of this.#metrics.values()) metric.forget(instanceId);
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
      yield { name, kind, unit, description, series: cumulative(kind, series) };
    }
  }

  #seriesOf(name: string, kind: Point['kind']): readonly unknown[] {
    const metric = this.#metrics.get(name);
    return metric?.kind === kind ? metric.series : [];
  }

  /** Returns whether it was taken. */
  #mergePoint(instanceId: string, point: Point, now: Wanted): boolean {
    if (point.kind === 'gauge' && Number.isNaN(point.value)) {
      this.#metrics.get(point.name)?.forget(instanceId, point.attributes);
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

  #at(nowMs: number): Now {
    return { nowMs, slot: slotAt(nowMs, this.#windowMs) };
  }

  #seriesFor(point: SeriesName, now: Wanted): AnySeries | null {
    const metric = this.#metricOf(point);
    if (metric === undefined || metric.kind !== point.kind) return null;
    const { isOurs } = metric;
    const attributes = isOurs ? this.names.of(point.attributes, now.meeting) : point.attributes;
    const known = metric.find(attributes);
    if (known !== undefined) {
      known.usedMs = Math.max(known.usedMs, now.nowMs);
      return known;
    }
    if (this.#budget.left <= 0) return null;
    const hasRoom = !metric.isFull || this.#makeRoom(metric, now);
    // What series without names have is told apart by nothing but what is few.
    return metric.of(hasRoom ? attributes : this.names.withoutAny(attributes), now.nowMs);
  }

  #metricOf(name: SeriesName): Metric | undefined {
    let metric = this.#metrics.get(name.name);
    if (metric === undefined && this.#metrics.size < METRICS_MAX) {
      metric = new Metric(name, this.#budget);
      this.#metrics.set(name.name, metric);
    }
    return metric;
  }

  /** A name has lost its place: its series go on as those of `other`. */
  #foldName(attribute: string, name: string, nowMs: number): void {
    const now = this.#at(nowMs);
    const bears = (attributes: Attributes) => attributes[attribute] === name;
    const without = (attributes: Attributes) => this.names.without(attributes, attribute);
    for (const metric of this.#metrics.values()) if (metric.isOurs) metric.fold(bears, without, now);
  }

  /** Makes room in a metric that has as many series as it may. False: there is none to be made. */
  #makeRoom(metric: Metric, now: Wanted): boolean {
    if (metric.isOurs) {
      while (now.meeting === 'used' && metric.isFull)
        if (!this.names.makeRoom(metric.series, now.nowMs)) return false;
      return !metric.isFull;
    }
    // The overflow may be one more.
    while (metric.isFull) {
      metric.overflow(now);
      this.names.count();
    }
    return true;
  }
}

function* cumulative(kind: Point['kind'], series: Iterable<AnySeries>): Iterable<MetricSeries> {
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
