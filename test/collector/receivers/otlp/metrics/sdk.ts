import {
  type AggregationTemporality,
  AggregationType,
  type CollectionResult,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  InstrumentType,
  type MetricData,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type {
  OtlpMetric,
  OtlpMetricData,
  OtlpResource,
} from '../../../../../src/collector/receivers/otlp/model.ts';

interface Choice {
  readonly temporality: AggregationTemporality;
  readonly exponential: boolean;
}

/** What OpenTelemetry's own SDK would export, collected by hand. */
export class ChoosingReader extends MetricReader {
  constructor({ temporality, exponential }: Choice) {
    super({
      aggregationTemporalitySelector: () => temporality,
      aggregationSelector: (type) =>
        exponential && type === InstrumentType.HISTOGRAM
          ? { type: AggregationType.EXPONENTIAL_HISTOGRAM }
          : { type: AggregationType.DEFAULT },
    });
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** The same as the decoders give it. */
export function otlpOf({ resourceMetrics }: CollectionResult, resource: OtlpResource): OtlpMetric[] {
  return resourceMetrics.scopeMetrics.flatMap(({ scope, metrics }) =>
    metrics.map((metric) => ({
      resource,
      scope: { name: scope.name, version: scope.version ?? '' },
      name: metric.descriptor.name,
      description: metric.descriptor.description,
      unit: metric.descriptor.unit,
      data: dataOf(metric),
    })),
  );
}

const ms = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1000 + nanoseconds / 1e6;

function dataOf(metric: MetricData): OtlpMetricData {
  const temporality = metric.aggregationTemporality === 0 ? 'delta' : 'cumulative';
  const base = (point: MetricData['dataPoints'][number]) => ({
    attributes: point.attributes as Record<string, string>,
    startMs: ms(point.startTime),
    timeMs: ms(point.endTime),
    noRecordedValue: false,
  });
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE: {
      const points = metric.dataPoints.map((point) => ({ ...base(point), value: point.value }));
      if (metric.dataPointType === DataPointType.GAUGE) return { kind: 'gauge', points };
      return { kind: 'sum', isMonotonic: metric.isMonotonic, temporality, points };
    }
    case DataPointType.HISTOGRAM:
      return {
        kind: 'histogram',
        temporality,
        points: metric.dataPoints.map((point) => ({ ...base(point), ...explicitOf(point.value) })),
      };
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return {
        kind: 'exponential',
        temporality,
        points: metric.dataPoints.map((point) => ({ ...base(point), ...exponentialOf(point.value) })),
      };
    default:
      return { kind: 'none' };
  }
}

function explicitOf({ count, sum, min, max, buckets }: Histogram) {
  return {
    count,
    sum: sum ?? null,
    min: min ?? null,
    max: max ?? null,
    explicitBounds: buckets.boundaries,
    bucketCounts: buckets.counts,
  };
}

function exponentialOf({ count, sum, min, max, scale, zeroCount, positive, negative }: ExponentialHistogram) {
  return {
    count,
    sum: sum ?? null,
    min: min ?? null,
    max: max ?? null,
    scale,
    zeroCount,
    zeroThreshold: 0,
    positive: { offset: positive.offset, counts: positive.bucketCounts },
    negative: { offset: negative.offset, counts: negative.bucketCounts },
  };
}
