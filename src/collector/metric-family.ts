import type { Attributes } from '../core/frame.ts';

/** Cumulative state of one metric, as the Prometheus endpoint renders it. `name` and `unit` are OpenTelemetry's. */
export interface MetricFamily {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly series: Iterable<MetricSeries>;
}

export type MetricSeries = ScalarSeries | HistogramSeries;

export interface ScalarSeries {
  readonly attributes: Attributes;
  readonly value: number;
}

/**
 * `doublings` maps k to the number of values in (2^k, 2^(k+1)]. Exponential buckets fall into powers of two without rest,
 * so classic buckets at `le = 2^(k+1)` are exact.
 */
export interface HistogramSeries {
  readonly attributes: Attributes;
  readonly count: number;
  readonly sum: number;
  readonly zeroCount: number;
  readonly doublings: ReadonlyMap<number, number>;
}
