import assert from 'node:assert/strict';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { CounterPoint, GaugePoint, HistogramPoint, Point } from '../../src/core/frame.ts';
import { HistogramDelta, PERCENTILE_ERROR_BOUND, percentile } from '../../src/core/histogram.ts';
import { DeltaMeterProvider } from '../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../src/metrics/snapshot-reader.ts';

/** As the agent wires it: through a real reader of a real provider. */
function collecting() {
  const own = new DeltaMeterProvider();
  const reader = new SnapshotReader([own]);
  const provider = new MeterProvider({ readers: [reader] });
  const meter = own.getMeter();
  return {
    counter: meter.createCounter('test.counter', { unit: 's' }),
    gauge: meter.createGauge('test.gauge', { unit: 's' }),
    histogram: meter.createHistogram('test.histogram', { unit: 's' }),
    meter,
    provider,
    collect: () => reader.collectPoints(),
  };
}

const pointValue = (points: readonly Point[], name: string) =>
  (points.find((point) => point.name === name) as CounterPoint | GaugePoint | undefined)?.value;

describe('the provider of deltas', () => {
  it('observes when it is collected, and leaves out what fails', async () => {
    const { meter, collect } = collecting();
    let total = 3;
    const observed = meter.createObservableCounter('observed');
    observed.addCallback((result) => result.observe(total, { by: 'one' }));
    meter.createObservableGauge('failing').addCallback(() => assert.fail('not told to anybody'));
    const level = meter.createObservableUpDownCounter('level');
    meter.addBatchObservableCallback((result) => result.observe(level, -total), [level]);
    const values = async () => {
      const points = await collect();
      return [pointValue(points, 'observed'), pointValue(points, 'level')];
    };
    assert.deepEqual(await values(), [3, -3]);
    total = 10;
    assert.deepEqual(await values(), [7, -10]);
  });

  it('keeps the level of an up-down counter from one collection to the next', async () => {
    const { meter, collect } = collecting();
    const open = meter.createUpDownCounter('open');
    open.add(3);
    open.add(-1);
    assert.equal(pointValue(await collect(), 'open'), 2);
    open.add(-1);
    assert.equal(pointValue(await collect(), 'open'), 1);
  });

  it('gives the sum of a counter once, and a gauge as last set', async () => {
    const { counter, gauge, collect } = collecting();
    counter.add(2);
    counter.add(3);
    gauge.record(7);
    gauge.record(-1);
    const first = await collect();
    assert.deepEqual([pointValue(first, 'test.counter'), pointValue(first, 'test.gauge')], [5, -1]);
    assert.deepEqual(await collect(), []);
    counter.add(1);
    assert.equal(pointValue(await collect(), 'test.counter'), 1);
  });

  it('adds up values gathered elsewhere with those recorded one by one', async () => {
    const { histogram, collect } = collecting();
    const gathered = new HistogramDelta();
    const alone = new HistogramDelta();
    for (const value of [0, 0.001, 0.02, 3]) gathered.record(value);
    for (const value of [0, 0.001, 0.02, 3, 0.5]) alone.record(value);
    histogram.merge(gathered.take(), { a: 1 });
    histogram.record(0.5, { a: 1 });
    const [point] = (await collect()) as HistogramPoint[];
    const { count, sum, min, max, zeroCount } = point as HistogramPoint;
    const expected = alone.take();
    assert.deepEqual([count, sum, min, max, zeroCount], [5, expected.sum, 0, 3, 1]);
    for (const quantile of [0.5, 0.95]) {
      assert.equal(percentile(point as HistogramPoint, quantile), percentile(expected, quantile));
    }
    assert.deepEqual(await collect(), []);
  });

  it('keeps series apart by names and values of attributes, text and number included', async () => {
    const { counter, collect } = collecting();
    const all = [{}, { a: 1 }, { a: '1' }, { a: 1, b: 'x' }, { b: 1 }, { a: 'b', b: 1 }, { a: true }];
    for (const [i, attributes] of all.entries()) counter.add(i + 1, attributes);
    for (const attributes of all) counter.add(100, { ...attributes });
    const points = (await collect()) as CounterPoint[];
    assert.deepEqual(
      points.map(({ attributes, value }) => [attributes, value]),
      all.map((attributes, i) => [attributes, i + 101]),
    );
  });

  it('knows frozen attributes again, and never those that have changed', async () => {
    const { counter, histogram, collect } = collecting();
    const frozen = Object.freeze({ a: 1 });
    const changing: Record<string, number> = { a: 1 };
    const sealed = Object.seal({ a: 1 });
    for (const attributes of [frozen, changing, sealed, frozen, { a: 1 }]) counter.add(1, attributes);
    changing['a'] = 2;
    sealed.a = 3;
    for (const attributes of [frozen, changing, sealed]) counter.add(10, attributes);
    histogram.record(1, frozen);
    const points = await collect();
    assert.deepEqual(
      points.map((point) => [point.attributes, point.kind === 'histogram' ? point.count : point.value]),
      [
        [{ a: 1 }, 15],
        [{ a: 2 }, 10],
        [{ a: 3 }, 10],
        [{ a: 1 }, 1],
      ],
    );
    counter.add(5, frozen);
    assert.equal(pointValue(await collect(), 'test.counter'), 5);
  });

  it('aggregates histograms exactly in count, sum and extremes, and within the bound in percentiles', async () => {
    const latency = fc.double({ min: 0.001, max: 1020, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(latency, { minLength: 1, maxLength: 300 }), async (values) => {
        const { histogram, collect } = collecting();
        for (const value of values) histogram.record(value, { route: '/' });
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
    const { counter, histogram, collect } = collecting();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      counter.add(value);
      histogram.record(value);
    }
    histogram.record(0);
    histogram.record(Number.MIN_VALUE);
    histogram.record(Number.MAX_VALUE);
    const [point, ...others] = (await collect()) as HistogramPoint[];
    assert.deepEqual(others, []);
    assert.deepEqual([point?.count, point?.zeroCount, point?.min], [3, 1, 0]);
    assert.equal(
      point?.counts.reduce((sum, count) => sum + count, 0),
      2,
    );
  });

  it('folds series past the bound into one that says so, and loses nothing', async () => {
    const { counter, collect } = collecting();
    for (let i = 0; i < 2100; i++) counter.add(1, { i });
    const points = (await collect()) as CounterPoint[];
    assert.equal(points.length, 2001);
    assert.equal(points.find(({ attributes }) => attributes['otel.metric.overflow'] === true)?.value, 100);
  });

  it('keeps apart what is measured now, however many series there were before', async () => {
    const { counter, histogram, collect } = collecting();
    const measure = (i: number | string) => {
      counter.add(1, { i });
      histogram.record(1, Object.freeze({ i }));
    };
    const last = Object.freeze({ i: 'known' });
    for (let interval = 0; interval < 3; interval++) {
      counter.add(1, last);
      for (let i = 0; i < 1900; i++) measure(`${interval} ${i}`);
      const points = await collect();
      assert.equal(
        points.some(({ attributes }) => 'otel.metric.overflow' in attributes),
        false,
      );
      assert.equal(points.length, 3801);
      assert.equal((points.find(({ attributes }) => attributes['i'] === 'known') as CounterPoint)?.value, 1);
    }
  });

  it('gives a series its name again that came when there was no room', async () => {
    const { counter, collect } = collecting();
    for (let i = 0; i < 2001; i++) counter.add(1, { i });
    await collect();
    counter.add(5, { i: 2000 });
    assert.deepEqual(
      (await collect()).map(({ attributes }) => attributes),
      [{ i: 2000 }],
    );
  });

  it('keeps what an up-down counter and an observed counter stand at', async () => {
    const { meter, collect } = collecting();
    const open = meter.createUpDownCounter('open');
    let total = 3;
    meter.createObservableCounter('observed').addCallback((result) => {
      if (total > 0) result.observe(total, { by: 'one' });
      for (let i = 0; i < 2100; i++) result.observe(1, { i });
    });
    open.add(1, { of: 'one' });
    await collect();
    for (let i = 0; i < 2100; i++) open.add(1, { i });
    total = 10;
    await collect();
    open.add(1, { of: 'one' });
    const points = await collect();
    const standsAt = (name: string, key: string) =>
      (points.find((point) => point.name === name && point.attributes[key] === 'one') as CounterPoint)?.value;
    assert.deepEqual([standsAt('open', 'of'), standsAt('observed', 'by')], [2, 0]);
  });

  it("leaves an app's busy series their names, which the SDK bounds by the interval", async () => {
    const { collect, provider } = collecting();
    const jobs = provider.getMeter('app').createCounter('app.jobs');
    for (let i = 0; i < 3000; i++) jobs.add(1, { job: `made up ${i}` });
    await collect();
    for (let i = 0; i < 200; i++) jobs.add(1, { job: 'late' });
    assert.deepEqual(
      (await collect()).map((point) => [point.attributes['job'], pointValue([point], 'app.jobs')]),
      [['late', 200]],
    );
  });

  it("comes out beside the app's own instruments", async () => {
    const { counter, collect, provider } = collecting();
    counter.add(1);
    provider.getMeter('app').createCounter('app.orders').add(2);
    const points = await collect();
    assert.deepEqual([pointValue(points, 'test.counter'), pointValue(points, 'app.orders')], [1, 2]);
  });
});
