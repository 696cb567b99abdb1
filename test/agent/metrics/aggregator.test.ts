import assert from 'node:assert/strict';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { Aggregator } from '../../../src/agent/metrics/aggregator.ts';
import { SnapshotReader } from '../../../src/agent/metrics/snapshot-reader.ts';
import type { CounterPoint, GaugePoint, HistogramPoint, Point } from '../../../src/core/frame.ts';
import { HistogramDelta, PERCENTILE_ERROR_BOUND, percentile } from '../../../src/core/histogram.ts';
import type { InstrumentSpec } from '../../../src/core/signal.ts';

const spec = (kind: InstrumentSpec['kind']): InstrumentSpec => ({
  name: `test.${kind}`,
  kind,
  unit: 's',
  description: kind,
});

/** As the agent wires it: through a real reader of a real provider. */
function collecting() {
  const aggregator = new Aggregator();
  const reader = new SnapshotReader([aggregator]);
  const provider = new MeterProvider({ readers: [reader] });
  return {
    record: aggregator.record,
    recordAll: aggregator.recordAll,
    provider,
    collect: () => reader.collectPoints(),
  };
}

const pointValue = (points: readonly Point[], name: string) =>
  (points.find((point) => point.name === name) as CounterPoint | GaugePoint | undefined)?.value;

describe('Aggregator', () => {
  it('gives the sum of a counter once, and a gauge as last set', async () => {
    const { record, collect } = collecting();
    const [counter, gauge] = [spec('counter'), spec('gauge')];
    record(counter, 2, {});
    record(counter, 3, {});
    record(gauge, 7, {});
    record(gauge, -1, {});
    const first = await collect();
    assert.deepEqual([pointValue(first, 'test.counter'), pointValue(first, 'test.gauge')], [5, -1]);
    assert.deepEqual(await collect(), []);
    record(counter, 1, {});
    assert.equal(pointValue(await collect(), 'test.counter'), 1);
  });

  it('adds up values gathered elsewhere with those recorded one by one', async () => {
    const { record, recordAll, collect } = collecting();
    const histogram = spec('histogram');
    const gathered = new HistogramDelta();
    const alone = new HistogramDelta();
    for (const value of [0, 0.001, 0.02, 3]) gathered.record(value);
    for (const value of [0, 0.001, 0.02, 3, 0.5]) alone.record(value);
    recordAll(histogram, gathered.take(), { a: 1 });
    record(histogram, 0.5, { a: 1 });
    const [point] = (await collect()) as HistogramPoint[];
    const { count, sum, min, max, zeroCount } = point as HistogramPoint;
    const expected = alone.take();
    assert.deepEqual([count, sum, min, max, zeroCount], [5, expected.sum, 0, 3, 1]);
    for (const quantile of [0.5, 0.95]) {
      assert.equal(percentile(point as HistogramPoint, quantile), percentile(expected, quantile));
    }
    recordAll(spec('counter'), alone.take(), {});
    assert.deepEqual(await collect(), []);
  });

  it('keeps series apart by names and values of attributes, text and number included', async () => {
    const { record, collect } = collecting();
    const counter = spec('counter');
    const all = [{}, { a: 1 }, { a: '1' }, { a: 1, b: 'x' }, { b: 1 }, { a: 'b', b: 1 }, { a: true }];
    for (const [i, attributes] of all.entries()) record(counter, i + 1, attributes);
    for (const attributes of all) record(counter, 100, { ...attributes });
    const points = (await collect()) as CounterPoint[];
    assert.deepEqual(
      points.map(({ attributes, value }) => [attributes, value]),
      all.map((attributes, i) => [attributes, i + 101]),
    );
  });

  it('aggregates histograms exactly in count, sum and extremes, and within the bound in percentiles', async () => {
    const latency = fc.double({ min: 0.001, max: 1020, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(latency, { minLength: 1, maxLength: 300 }), async (values) => {
        const { record, collect } = collecting();
        const histogram = spec('histogram');
        for (const value of values) record(histogram, value, { route: '/' });
        const [point] = (await collect()) as HistogramPoint[];
        assert.ok(point);
        assert.equal(point.count, values.length);
        assert.ok(Math.abs(point.sum - values.reduce((sum, value) => sum + value, 0)) < 1e-6);
        assert.deepEqual([point.min, point.max], [Math.min(...values), Math.max(...values)]);
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(0.95 * values.length) - 1] ?? 0;
        assert.ok(Math.abs(percentile(point, 0.95) - exact) / exact <= PERCENTILE_ERROR_BOUND + 1e-9);
      }),
      { numRuns: 50 },
    );
  });

  it('ignores what would poison a sum, and counts zero apart', async () => {
    const { record, collect } = collecting();
    const [counter, histogram] = [spec('counter'), spec('histogram')];
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      record(counter, value, {});
      record(histogram, value, {});
    }
    record(histogram, 0, {});
    record(histogram, Number.MIN_VALUE, {});
    record(histogram, Number.MAX_VALUE, {});
    const [point, ...others] = (await collect()) as HistogramPoint[];
    assert.deepEqual(others, []);
    assert.deepEqual([point?.count, point?.zeroCount, point?.min], [3, 1, 0]);
    assert.equal(
      point?.counts.reduce((sum, count) => sum + count, 0),
      2,
    );
  });

  it('folds series past the bound into one that says so, and loses nothing', async () => {
    const { record, collect } = collecting();
    const counter = spec('counter');
    for (let i = 0; i < 2100; i++) record(counter, 1, { i });
    const points = (await collect()) as CounterPoint[];
    assert.equal(points.length, 2001);
    assert.equal(points.find(({ attributes }) => attributes['otel.metric.overflow'] === true)?.value, 100);
  });

  it("comes out beside the app's own instruments", async () => {
    const { record, collect, provider } = collecting();
    record(spec('counter'), 1, {});
    provider.getMeter('app').createCounter('app.orders').add(2);
    const points = await collect();
    assert.deepEqual([pointValue(points, 'test.counter'), pointValue(points, 'app.orders')], [1, 2]);
  });
});
