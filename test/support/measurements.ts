import type { Attributes } from '@opentelemetry/api';
import type { Point } from '../../src/core/frame.ts';
import { eventMeasure, type NervecenterEvent } from '../../src/core/signals/index.ts';
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
