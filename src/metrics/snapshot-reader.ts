import {
  AggregationTemporality,
  AggregationType,
  type DataPoint,
  DataPointType,
  InstrumentType,
  type MetricData,
  type MetricProducer,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Attributes, AttributeValue, Point } from '../core/frame.ts';
import { HISTOGRAM_BUCKETS_MAX, rescale } from '../core/histogram.ts';
import { SCOPE } from './meter-provider.ts';
import type { HistogramDataPoint } from './series.ts';

/** What an app's observable instrument may take to answer; a slower one is left out of the frame. */
const OBSERVE_TIMEOUT_MS = 500;

/** A producer whose instruments need not be waited for. */
export interface ImmediateProducer extends MetricProducer {
  /** Everything since the last call. */
  take(): MetricData[];
}

/**
 * Collects the deltas of an interval as points of a frame.
 *
 * Histograms become exponential through the reader's own selector, never through a View: a View shares its storage
 * between readers and leaks when one of them is idle. Twice the merged histogram's buckets keep the scale at 3 or finer
 * even when one interval holds values from microseconds to minutes.
 */
export class SnapshotReader extends MetricReader {
  /** Collecting a delta twice at once gives everything to the first and nothing to the second. */
  #collecting: Promise<Point[]> | null = null;
  readonly #producers: readonly ImmediateProducer[];
  readonly #asApps: (point: Point) => Point;

  /**
   * @param producers what else to collect beside the SDK's instruments.
   * @param asApps what becomes of a point of the SDK's instruments, which are an app's. @default it stays
   */
  constructor(
    producers: readonly ImmediateProducer[] = [],
    asApps: (point: Point) => Point = (point) => point,
  ) {
    super({
      metricProducers: [...producers],
      aggregationSelector: (type) =>
        type === InstrumentType.HISTOGRAM
          ? {
              type: AggregationType.EXPONENTIAL_HISTOGRAM,
              options: { maxSize: 2 * HISTOGRAM_BUCKETS_MAX, recordMinMax: true },
            }
          : { type: AggregationType.DEFAULT },
      aggregationTemporalitySelector: (type) =>
        type === InstrumentType.UP_DOWN_COUNTER || type === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER
          ? AggregationTemporality.CUMULATIVE
          : AggregationTemporality.DELTA,
    });
    this.#producers = producers;
    this.#asApps = asApps;
  }

  /** The points since the last call of what can be told at once: of our own instruments, not of those that an app observes. */
  collectNow(): Point[] {
    return this.#producers.flatMap((producer) => producer.take().flatMap(pointsOf));
  }

  /** The points since the last call. Never rejects: an instrument that fails is left out. */
  collectPoints(): Promise<Point[]> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = null;
    });
    return this.#collecting;
  }

  protected override async onShutdown(): Promise<void> {}

  protected override async onForceFlush(): Promise<void> {}

  async #collect(): Promise<Point[]> {
    try {
      const { resourceMetrics } = await this.collect({ timeoutMillis: OBSERVE_TIMEOUT_MS });
      return resourceMetrics.scopeMetrics.flatMap(({ scope, metrics }) => {
        const points = metrics.flatMap(pointsOf);
        return scope === SCOPE ? points : points.map(this.#asApps);
      });
    } catch {
      return []; // Shut down, or not bound to a provider yet: there is nothing to report.
    }
  }
}

/** What was collected of one instrument as points of a frame. */
export function pointsOf(metric: MetricData): Point[] {
  const { name, unit, description } = metric.descriptor;
  const base = { name, unit, description };
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.dataPoints.map((point) => ({
        ...base,
        kind: metric.isMonotonic ? 'counter' : 'gauge',
        attributes: attributesOf(point),
        value: point.value,
      }));
    case DataPointType.GAUGE:
      return metric.dataPoints.map((point) => ({
        ...base,
        kind: 'gauge',
        attributes: attributesOf(point),
        value: point.value,
      }));
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return metric.dataPoints.map((point) => ({ ...base, ...histogramOf(point) }));
    default:
      return []; // Explicit buckets: this reader never asks for them.
  }
}

function histogramOf(
  point: HistogramDataPoint,
): Omit<Point & { kind: 'histogram' }, 'name' | 'unit' | 'description'> {
  const { count, sum = 0, min = 0, max = 0, zeroCount, scale, positive } = point.value;
  return {
    kind: 'histogram',
    attributes: attributesOf(point),
    count,
    sum,
    min,
    max,
    zeroCount,
    ...rescale(scale, positive.offset, positive.bucketCounts),
    ...(point.exemplar && { exemplar: point.exemplar }),
  };
}

/** Attribute values of an app's own metrics may be lists; a series is told apart by text, number or boolean. */
function attributesOf({ attributes }: Pick<DataPoint<unknown>, 'attributes'>): Attributes {
  if (arePlain(attributes)) return attributes;
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined || value === null ? [] : [[name, plain(value)]],
    ),
  );
}

/** As those of our own instruments are. */
function arePlain(attributes: object): attributes is Attributes {
  for (const name in attributes) {
    const type = typeof (attributes as Readonly<Record<string, unknown>>)[name];
    if (type !== 'string' && type !== 'number' && type !== 'boolean') return false;
  }
  return true;
}

function plain(value: unknown): AttributeValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
