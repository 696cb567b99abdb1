import { ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { Point } from '../../core/frame.ts';
import {
  BUCKETS_PER_DOUBLING,
  type Distribution,
  HISTOGRAM_SCALE,
  HistogramDelta,
} from '../../core/histogram.ts';
import { BoundedSeries } from '../../core/names/bounded-series.ts';
import { collectionOf } from '../../metrics/meter-provider.ts';
import { type ImmediateProducer, pointsOf } from '../../metrics/points.ts';
import type { HrTime } from '../../metrics/series.ts';

/**
 * The agent's own measurements for two readers, of a source that gives each only once: deltas for frames, totals for an
 * exporter. What the exporter takes in between waits, added up, for the next frame.
 */
export class SharedMetrics implements ImmediateProducer {
  readonly #source: ImmediateProducer;
  readonly #shown: (points: Point[]) => Point[];
  readonly #startTime: HrTime = now();
  readonly #totals = new MetricSums();
  #waiting = new MetricSums();

  /** @param shown what the exporter is to show of all points. @default all of them */
  constructor(source: ImmediateProducer, shown = (points: Point[]) => points) {
    this.#source = source;
    this.#shown = shown;
  }

  /** Everything since the last call. */
  take(): MetricData[] {
    const taken = this.#takeIn();
    if (this.#waiting.isEmpty) return taken;
    this.#waiting.add(taken);
    const points = this.#waiting.points();
    this.#waiting = new MetricSums();
    return metricsOf(points, (same) => deltas(same, this.#times()));
  }

  async collect(): Promise<CollectionResult> {
    return collectionOf(this.take());
  }

  /** Everything since the start, with explicit buckets: Prometheus' text knows no others. */
  readonly totals: MetricProducer = {
    collect: async () => {
      this.#waiting.add(this.#takeIn());
      const points = this.#shown(this.#totals.points());
      return collectionOf(metricsOf(points, (same) => totals(same, this.#times())));
    },
  };

  #takeIn(): MetricData[] {
    const taken = this.#source.take();
    this.#totals.add(taken);
    return taken;
  }

  #times(): Times {
    return { startTime: this.#startTime, endTime: now() };
  }
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function now(): HrTime {
  const ms = Date.now();
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6];
}

/** One series as it adds up. */
interface Sum {
  readonly point: Point;
  value: number;
  readonly histogram: HistogramDelta;
}

/** Past so many series of all metrics those end that were not used for longest. */
const SERIES_MAX = 10_000;

/** Deltas added up by series. */
class MetricSums {
  readonly #series = new BoundedSeries<Sum>({
    max: SERIES_MAX,
    make: (point, attributes) => ({
      point: { ...point, attributes },
      value: 0,
      histogram: new HistogramDelta(),
    }),
    absorb: (into, from) => {
      into.value += from.value;
      into.histogram.add(from.histogram.take());
    },
  });

  get isEmpty(): boolean {
    return this.#series.size === 0;
  }

  add(metrics: readonly MetricData[]): void {
    const nowMs = Date.now();
    const points = metrics.flatMap(pointsOf);
    this.#series.meet(points, nowMs);
    for (const point of points) {
      const sum = this.#series.of(point, nowMs);
      if (point.kind === 'histogram') sum.histogram.add(point);
      else if (point.kind === 'gauge') sum.value = point.value;
      else sum.value += point.value;
    }
  }

  points(): Point[] {
    return [...this.#series.values()].map(({ point, value, histogram }) =>
      point.kind === 'histogram' ? { ...point, ...kept(histogram) } : { ...point, value },
    );
  }
}

/** A distribution without taking it away. */
function kept(histogram: HistogramDelta): Distribution {
  const distribution = histogram.take();
  histogram.add(distribution);
  return distribution;
}

/** Points of one instrument, which are all of one kind. */
type Same = readonly [Point, ...Point[]];

function metricsOf(points: readonly Point[], metricOf: (same: Same) => MetricData): MetricData[] {
  return [...Map.groupBy(points, ({ name }) => name).values()].map((same) => metricOf(same as [Point]));
}

function deltas(same: Same, times: Times): MetricData {
  const base = { ...described(same), aggregationTemporality: AggregationTemporality.DELTA };
  if (same[0].kind !== 'histogram') return scalars(same, times, base);
  const dataPoints = histograms(same).map(({ attributes, zeroCount, offset, counts, ...rest }) => ({
    ...times,
    attributes,
    value: {
      ...summary(rest),
      zeroCount,
      scale: HISTOGRAM_SCALE,
      positive: { offset, bucketCounts: [...counts] },
      negative: { offset: 0, bucketCounts: [] },
    },
  }));
  return { ...base, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints };
}

function totals(same: Same, times: Times): MetricData {
  const base = { ...described(same), aggregationTemporality: AggregationTemporality.CUMULATIVE };
  if (same[0].kind !== 'histogram') return scalars(same, times, base);
  const all = histograms(same);
  const { lowest, boundaries } = boundariesOf(all);
  const dataPoints = all.map((point) => ({
    ...times,
    attributes: point.attributes,
    value: { ...summary(point), buckets: { boundaries, counts: countsOf(point, lowest, boundaries.length) } },
  }));
  return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
}

type Base = Pick<MetricData, 'descriptor' | 'aggregationTemporality'>;

function scalars(same: Same, times: Times, base: Base): MetricData {
  const dataPoints = same.flatMap((point) =>
    point.kind === 'histogram' ? [] : [{ ...times, attributes: point.attributes, value: point.value }],
  );
  if (same[0].kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function described([{ name, unit, description }]: Same): Pick<MetricData, 'descriptor'> {
  return { descriptor: { name, unit, description, valueType: ValueType.DOUBLE } };
}

type HistogramPoint = Extract<Point, { kind: 'histogram' }>;

function histograms(same: Same): HistogramPoint[] {
  return same.filter((point) => point.kind === 'histogram');
}

function summary({ count, sum, min, max }: Pick<Distribution, 'count' | 'sum' | 'min' | 'max'>) {
  return { count, sum, min, max };
}

/** Which power of two a bucket lies below: k for values in (2^k, 2^(k+1)]. */
function doublingOf({ offset }: HistogramPoint, bucket: number): number {
  return Math.floor((offset + bucket) / BUCKETS_PER_DOUBLING);
}

/** Powers of two, into which exponential buckets fall without rest; the same for all series, as sums over them need it. */
function boundariesOf(points: readonly HistogramPoint[]) {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point.counts.length === 0) continue;
    lowest = Math.min(lowest, doublingOf(point, 0));
    highest = Math.max(highest, doublingOf(point, point.counts.length - 1));
  }
  const boundaries: number[] = [];
  for (let doubling = lowest; doubling <= highest; doubling++) boundaries.push(2 ** (doubling + 1));
  return { lowest, boundaries };
}

/** Zeros are in the lowest bucket; the last one, past all boundaries, is empty. */
function countsOf(point: HistogramPoint, lowest: number, boundaries: number): number[] {
  const counts = new Array<number>(boundaries + 1).fill(0);
  counts[0] = point.zeroCount;
  for (const [bucket, count] of point.counts.entries()) {
    const at = doublingOf(point, bucket) - lowest;
    counts[at] = (counts[at] ?? 0) + count;
  }
  return counts;
}
