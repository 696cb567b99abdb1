import type { Attributes, Meter } from '@opentelemetry/api';
import type { Point } from '../../src/core/frame.ts';
import { eventMeasure, type NervecenterEvent } from '../../src/core/signals/index.ts';
import type { InstrumentSpec } from '../../src/core/signals/instruments.ts';
import { DeltaMeterProvider } from '../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../src/metrics/snapshot-reader.ts';

/** What the instruments of the signals collect of some events, the collector's price included where they have one. */
export function measured(events: readonly NervecenterEvent[]): Point[] {
  const provider = new DeltaMeterProvider();
  const measure = eventMeasure(provider.getMeter());
  for (const event of events) measure(event);
  return new SnapshotReader([provider]).collectNow();
}

/** The values that an attribute has among them. */
export function attributeValues(points: readonly Point[], name: string): Set<unknown> {
  return new Set(points.flatMap(({ attributes }) => (name in attributes ? [attributes[name]] : [])));
}

/** The attributes of the series of one metric. */
export function seriesOf(points: readonly Point[], metric: string): Attributes[] {
  return points.filter((point) => point.name === metric).map(({ attributes }) => attributes);
}

/** Records one measurement on whatever instrument it is of. */
export function recorderOf(meter: Meter) {
  return (spec: InstrumentSpec, value: number, attributes: Attributes): void => {
    const { name, kind, unit, description } = spec;
    if (kind === 'counter') meter.createCounter(name, { unit, description }).add(value, attributes);
    else if (kind === 'gauge') meter.createGauge(name, { unit, description }).record(value, attributes);
    else meter.createHistogram(name, { unit, description }).record(value, attributes);
  };
}
