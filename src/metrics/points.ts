import {
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { Attributes, AttributeValue, Point } from '../core/frame.ts';
import { rescale } from '../core/histogram.ts';
import type { HistogramDataPoint } from './series.ts';

/** A producer whose instruments need not be waited for. */
export interface ImmediateProducer extends MetricProducer {
  /** Everything since the last call. */
  take(): MetricData[];
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
