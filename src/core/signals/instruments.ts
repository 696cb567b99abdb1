import type { Counter, Gauge, Histogram, Meter } from '@opentelemetry/api';

/** An OpenTelemetry instrument as data: what documents and readers know of it. */
export interface InstrumentSpec<
  K extends 'counter' | 'histogram' | 'gauge' = 'counter' | 'histogram' | 'gauge',
> {
  readonly name: string;
  readonly kind: K;
  readonly unit: string;
  readonly description: string;
}

export type CounterSpec = InstrumentSpec<'counter'>;
export type HistogramSpec = InstrumentSpec<'histogram'>;
export type GaugeSpec = InstrumentSpec<'gauge'>;

/** The instrument itself, made by a meter of OpenTelemetry's API. */
export const counterOf = (meter: Meter, { name, unit, description }: CounterSpec): Counter =>
  meter.createCounter(name, { unit, description });
export const histogramOf = (meter: Meter, { name, unit, description }: HistogramSpec): Histogram =>
  meter.createHistogram(name, { unit, description });
export const gaugeOf = (meter: Meter, { name, unit, description }: GaugeSpec): Gauge =>
  meter.createGauge(name, { unit, description });
