import { ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import type { HistogramKind, Temporality } from '../../../../config/otlp/target.ts';
import type { Attributes, HistogramPoint, Point } from '../../../../core/frame.ts';
import { type Distribution, HISTOGRAM_SCALE, HistogramDelta } from '../../../../core/histogram.ts';
import { BoundedSeries } from '../../../../core/names/bounded-series.ts';
import {
  CPU_COUNT,
  FILESYSTEM_LIMIT,
  FILESYSTEM_USAGE,
  HEAP_USED,
  MEMORY_LIMIT,
  MEMORY_USAGE,
  PROCESS_MEMORY,
  PROCESS_THREADS,
} from '../../../../core/signals/system.ts';
import { hrTime } from '../encode/time.ts';

export interface SumOptions {
  readonly temporality: Temporality;
  readonly histograms: HistogramKind;
}

type HrTime = ReturnType<typeof hrTime>;
type Scalar = Exclude<Point, HistogramPoint>;
type Series = Pick<Point, 'name' | 'unit' | 'description' | 'attributes'> & {
  touched: boolean;
  /** When it began, where that was not with all of them. */
  readonly since: HrTime | null;
} & (
    | { readonly kind: 'histogram'; readonly sum: HistogramDelta }
    | { readonly kind: Scalar['kind']; value: number }
  );

/** Amounts that rise and fall: by the conventions sums that are not monotonic, in which those of several processes add up. */
const UP_DOWN_COUNTERS: ReadonlySet<string> = new Set(
  [
    CPU_COUNT,
    MEMORY_USAGE,
    MEMORY_LIMIT,
    FILESYSTEM_USAGE,
    FILESYSTEM_LIMIT,
    PROCESS_MEMORY,
    PROCESS_THREADS,
    HEAP_USED,
  ].map(({ name }) => name),
);

/** Past so many series of one process those end that were not used for longest: a label that explodes is a bug of its sender. */
const SERIES_MAX = 10_000;

/** What the deltas of one process add up to, for one target: totals since the first, or what came since the last collection. */
export class SeriesSums {
  readonly #options: SumOptions;
  readonly #series: BoundedSeries<Series>;
  #nowMs: number;
  /** Since when there are sums at all: amounts are told as they are by every preference of temporality. */
  readonly #since: HrTime;
  #start: HrTime;

  constructor(options: SumOptions, nowMs: number) {
    this.#options = options;
    this.#since = hrTime(nowMs);
    this.#start = this.#since;
    this.#nowMs = nowMs;
    this.#series = new BoundedSeries({
      max: SERIES_MAX,
      make: (point, attributes, again) => this.#make(point, attributes, again),
      absorb,
    });
  }

  get empty(): boolean {
    return this.#series.size === 0;
  }

  add(points: readonly Point[], nowMs: number): void {
    this.#nowMs = nowMs;
    this.#series.meet(points, nowMs);
    for (const point of points) {
      const series = this.#series.of(point, nowMs);
      if (series.kind !== point.kind) continue;
      series.touched = true;
      if (series.kind === 'histogram') series.sum.add(point as HistogramPoint);
      else if (point.kind === 'counter') series.value += point.value;
      else if (point.kind === 'gauge') series.value = point.value;
    }
  }

  /** What there is to tell now, in the SDK's shape; the next collection begins here. */
  collect(nowMs: number): MetricData[] {
    const end = hrTime(nowMs);
    const times = { startTime: this.#start, endTime: end };
    const byName = Map.groupBy(this.#series.values(), ({ name }) => name);
    const metrics = [...byName.values()].flatMap((series) => this.#metricData(series, times) ?? []);
    if (!this.#cumulative) {
      this.#start = end;
      this.#series.clear();
    }
    return metrics;
  }

  get #cumulative(): boolean {
    return this.#options.temporality === 'cumulative';
  }

  #metricData(
    series: readonly Series[],
    { startTime, endTime }: { startTime: HrTime; endTime: HrTime },
  ): MetricData | null {
    // A gauge says what was seen last, and nothing where nothing was seen.
    const all = series.filter(({ kind, touched }) => kind !== 'gauge' || touched);
    const [first] = all;
    if (first === undefined) return null;
    const { name, unit, description, kind } = first;
    const timesOf = ({ since }: Series) => ({
      startTime: this.#cumulative ? (since ?? startTime) : startTime,
      endTime,
    });
    for (const series of all) series.touched = false;
    const base = {
      descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
      aggregationTemporality: this.#cumulative
        ? AggregationTemporality.CUMULATIVE
        : AggregationTemporality.DELTA,
    };
    const scalars = () =>
      all.flatMap((one) =>
        one.kind === 'histogram' ? [] : [{ ...timesOf(one), attributes: one.attributes, value: one.value }],
      );
    if (UP_DOWN_COUNTERS.has(name)) return amounts(base, scalars(), this.#since);
    if (kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: scalars() };
    if (kind === 'counter')
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: scalars() };
    const distributions = all.flatMap((one) =>
      one.kind === 'histogram' ? [{ ...timesOf(one), attributes: one.attributes, value: peek(one.sum) }] : [],
    );
    if (this.#options.histograms === 'explicit_bucket_histogram') {
      const dataPoints = distributions.map((point) => ({ ...point, value: explicit(point.value) }));
      return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    const dataPoints = distributions.map((point) => ({ ...point, value: exponential(point.value) }));
    return { ...base, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints };
  }

  #make({ name, unit, description, kind }: Point, attributes: Attributes, again: boolean): Series {
    const base = { name, unit, description, attributes, touched: true };
    // One that comes back counts from then on: it has ended in between.
    const since = again ? hrTime(this.#nowMs) : null;
    return kind === 'histogram'
      ? { ...base, kind, since, sum: new HistogramDelta() }
      : { ...base, kind, since, value: 0 };
  }
}

/** A series that gave up its place goes on as the one of all the others. */
function absorb(into: Series, from: Series): void {
  into.touched ||= from.touched;
  if (into.kind === 'histogram' && from.kind === 'histogram') into.sum.add(from.sum.take());
  else if (into.kind !== 'histogram' && from.kind !== 'histogram') into.value += from.value;
}

function amounts(
  base: Pick<MetricData, 'descriptor'>,
  points: readonly DataPoint<number>[],
  startTime: HrTime,
): SumMetricData {
  return {
    ...base,
    dataPointType: DataPointType.SUM,
    isMonotonic: false,
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints: points.map((point) => ({ ...point, startTime })),
  };
}

function peek(sum: HistogramDelta): Distribution {
  const taken = sum.take();
  sum.add(taken);
  return taken;
}

function exponential({ count, sum, min, max, zeroCount, offset, counts }: Distribution) {
  return {
    count,
    sum,
    ...(count === 0 ? {} : { min, max }),
    zeroCount,
    scale: HISTOGRAM_SCALE,
    positive: { offset, bucketCounts: [...counts] },
    negative: { offset: 0, bucketCounts: [] },
  };
}

/** Bounds at powers of two, which our buckets fall between without rest: counts are exact. */
function explicit({ count, sum, min, max, zeroCount, offset, counts }: Distribution) {
  const doublings = new Map<number, number>();
  for (const [index, one] of counts.entries()) {
    if (one === 0) continue;
    const doubling = (offset + index) >> HISTOGRAM_SCALE;
    doublings.set(doubling, (doublings.get(doubling) ?? 0) + one);
  }
  const known = [...doublings.keys()];
  const [lowest, highest] = known.length === 0 ? [0, -1] : [Math.min(...known), Math.max(...known)];
  const range = Array.from({ length: highest - lowest + 1 }, (_, step) => lowest + step);
  // The first bucket is what is at most the lower end of the first doubling: what was 0.
  const boundaries =
    range.length === 0 ? [0] : [2 ** lowest, ...range.map((doubling) => 2 ** (doubling + 1))];
  const bucketCounts = [zeroCount, ...range.map((doubling) => doublings.get(doubling) ?? 0), 0];
  return { count, sum, ...(count === 0 ? {} : { min, max }), buckets: { boundaries, counts: bucketCounts } };
}
