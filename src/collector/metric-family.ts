import type { Attributes, Exemplar } from '../core/frame.ts';

/** Cumulative state of one metric, as the Prometheus endpoint renders it. `name` and `unit` are OpenTelemetry's. */
export interface MetricFamily {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** `info`: what is known of a thing, as labels; its series have the value 1. */
  readonly kind: 'counter' | 'gauge' | 'histogram' | 'info';
  readonly series: Iterable<MetricSeries>;
}

export type MetricSeries = ScalarSeries | HistogramSeries;

export interface ScalarSeries {
  readonly attributes: Attributes;
  readonly value: number;
  /** When counting began, in milliseconds since the epoch; absent where nothing counts. */
  readonly createdMs?: number;
}

/**
 * A base-2 exponential histogram at `HISTOGRAM_SCALE`: `buckets.counts[i]` is bucket `buckets.offset + i`. `count` is what the
 * buckets and `zeroCount` add up to. A bucket once shown neither vanishes nor falls.
 */
export interface HistogramSeries {
  readonly attributes: Attributes;
  readonly count: number;
  readonly sum: number;
  readonly zeroCount: number;
  readonly buckets: { readonly offset: number; readonly counts: readonly number[] };
  readonly createdMs?: number;
  /** Values with the trace they were measured in, in the order of time. */
  readonly exemplars?: Iterable<Exemplar>;
}
