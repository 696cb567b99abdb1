import assert from 'node:assert/strict';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { SharedMetrics } from '../../../src/agent/metrics/shared-metrics.ts';
import type { Point } from '../../../src/core/frame.ts';
import type { InstrumentSpec } from '../../../src/core/signals/instruments.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { pointsOf } from '../../../src/metrics/points.ts';
import { recorderOf } from '../../support/measurements.ts';

const spec = (name: string, kind: InstrumentSpec['kind']): InstrumentSpec => ({
  name,
  kind,
  unit: 's',
  description: `${name}.`,
});
const COUNTER = spec('counter', 'counter');
const GAUGE = spec('gauge', 'gauge');
const HISTOGRAM = spec('histogram', 'histogram');

const measuring = () => {
  const provider = new DeltaMeterProvider();
  const shared = new SharedMetrics(provider);
  const totals = async () => {
    const { resourceMetrics } = await shared.totals.collect();
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  };
  return { record: recorderOf(provider.getMeter()), shared, totals };
};
const named = (metrics: readonly MetricData[], name: string) =>
  metrics.find(({ descriptor }) => descriptor.name === name);

/** What points say once added up, as the collector does. */
function added(points: readonly Point[]): Record<string, unknown> {
  const sums: Record<string, { value: number; count: number; buckets: Record<number, number> }> = {};
  for (const point of points) {
    const key = `${point.name}${JSON.stringify(point.attributes)}`;
    const sum = sums[key] ?? { value: 0, count: 0, buckets: {} };
    sums[key] = sum;
    if (point.kind === 'gauge') sum.value = point.value;
    if (point.kind === 'counter') sum.value += point.value;
    if (point.kind !== 'histogram') continue;
    sum.value += point.sum;
    sum.count += point.count;
    sum.buckets[-Infinity] = (sum.buckets[-Infinity] ?? 0) + point.zeroCount;
    for (const [i, count] of point.counts.entries()) {
      if (count > 0) sum.buckets[point.offset + i] = (sum.buckets[point.offset + i] ?? 0) + count;
    }
  }
  return sums;
}

describe('measurements for two readers', () => {
  it('are deltas for frames and totals for an exporter, in any order of asking', async () => {
    const step = fc.oneof(
      fc.record({
        instrument: fc.constantFrom(COUNTER, GAUGE, HISTOGRAM),
        value: fc.integer({ min: 0, max: 5000 }),
        route: fc.constantFrom('/a', '/b'),
      }),
      fc.constantFrom('frame' as const, 'scrape' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { record, shared, totals } = measuring();
        const plain = new DeltaMeterProvider();
        const recordPlain = recorderOf(plain.getMeter());
        const frames: Point[] = [];
        for (const one of steps) {
          if (one === 'frame') frames.push(...shared.take().flatMap(pointsOf));
          else if (one === 'scrape') await totals();
          else {
            record(one.instrument, one.value, { route: one.route });
            recordPlain(one.instrument, one.value, { route: one.route });
          }
        }
        const all = await totals();
        frames.push(...shared.take().flatMap(pointsOf));
        const expected = plain.take().flatMap(pointsOf);
        assert.deepEqual(added(frames), added(expected));
        for (const point of expected) assertTotal(all, point);
        assert.deepEqual(shared.take(), []);
      }),
    );
  });

  it('have histograms with the same powers of two for every series, zeros in the lowest bucket', async () => {
    const { record, totals } = measuring();
    for (const value of [0, 0.3, 0.5, 0.6]) record(HISTOGRAM, value, { route: '/a' });
    for (const value of [3, 4, 4.1]) record(HISTOGRAM, value, { route: '/b' });
    const metric = named(await totals(), 'histogram');
    assert.equal(metric?.dataPointType, DataPointType.HISTOGRAM);
    assert.deepEqual(
      metric?.dataPoints.map(({ value }) => (value as { buckets: unknown }).buckets),
      [
        { boundaries: [0.5, 1, 2, 4, 8], counts: [3, 1, 0, 0, 0, 0] },
        { boundaries: [0.5, 1, 2, 4, 8], counts: [0, 0, 0, 2, 1, 0] },
      ],
    );
  });

  it('have a histogram of nothing but zeros', async () => {
    const { record, totals } = measuring();
    record(HISTOGRAM, 0, {});
    const metric = named(await totals(), 'histogram');
    assert.deepEqual(
      metric?.dataPoints.map(({ value }) => (value as { buckets: unknown }).buckets),
      [{ boundaries: [], counts: [1] }],
    );
  });

  it('reach a reader of deltas as a producer', async () => {
    const { record, shared, totals } = measuring();
    record(COUNTER, 2, {});
    await totals();
    record(COUNTER, 3, {});
    const { resourceMetrics } = await shared.collect();
    const [point] = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(pointsOf));
    assert.deepEqual([point?.name, point?.kind === 'counter' && point.value], ['counter', 5]);
  });
});

function assertTotal(metrics: readonly MetricData[], point: Point): void {
  const metric = named(metrics, point.name);
  const total = metric?.dataPoints.find(
    ({ attributes }) => JSON.stringify(attributes) === JSON.stringify(point.attributes),
  );
  assert.ok(metric !== undefined && total !== undefined, point.name);
  if (point.kind !== 'histogram') {
    assert.equal(total.value, point.value);
    return;
  }
  const { count, sum, buckets } = total.value as {
    readonly count: number;
    readonly sum: number;
    readonly buckets: { readonly counts: readonly number[] };
  };
  assert.deepEqual([count, sum], [point.count, point.sum]);
  assert.equal(
    buckets.counts.reduce((all, one) => all + one, 0),
    point.count,
  );
}
