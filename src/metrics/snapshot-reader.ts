import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Point } from '../core/frame.ts';
import { HISTOGRAM_BUCKETS_MAX } from '../core/histogram.ts';
import { SCOPE } from './meter-provider.ts';
import { type ImmediateProducer, pointsOf } from './points.ts';

/** What an app's observable instrument may take to answer; a slower one is left out of the frame. */
const OBSERVE_TIMEOUT_MS = 500;

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
