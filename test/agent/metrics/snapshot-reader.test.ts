import assert from 'node:assert/strict';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { SnapshotReader } from '../../../src/agent/metrics/snapshot-reader.ts';
import { mergeDistributions, slotAt } from '../../../src/collector/live/sliding.ts';
import { LiveStore } from '../../../src/collector/live/store.ts';
import type { Point } from '../../../src/core/frame.ts';
import { PERCENTILE_ERROR_BOUND, percentile } from '../../../src/core/histogram.ts';
import { milliseconds } from '../../../src/core/units.ts';

const EPSILON = 1e-9;
const WINDOW_MS = milliseconds(60_000);

function measured() {
  const reader = new SnapshotReader();
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
  return { reader, meter };
}

const named = (points: readonly Point[], name: string) => points.filter((point) => point.name === name);
const amounts = (points: readonly Point[], name: string) =>
  named(points, name).map((point) => (point.kind === 'histogram' ? point.count : point.value));

describe('SnapshotReader', () => {
  it('tells of counters and histograms only what is new since the last frame', async () => {
    const { reader, meter } = measured();
    const counter = meter.createCounter('requests');
    const histogram = meter.createHistogram('latency');
    counter.add(3);
    histogram.record(0.5);
    const first = await reader.collectPoints();
    assert.deepEqual(amounts(first, 'requests'), [3]);
    counter.add(4);
    histogram.record(0.25);
    histogram.record(0.75);
    const second = await reader.collectPoints();
    assert.deepEqual(amounts(second, 'requests'), [4]);
    const [latency] = named(second, 'latency');
    assert.ok(latency?.kind === 'histogram');
    assert.deepEqual([latency.count, latency.sum, latency.min, latency.max], [2, 1, 0.25, 0.75]);
    assert.deepEqual(await reader.collectPoints(), []);
  });

  it('tells the current value of what goes up and down, and of gauges', async () => {
    const { reader, meter } = measured();
    const open = meter.createUpDownCounter('open');
    const level = meter.createGauge('level');
    open.add(5);
    level.record(7);
    await reader.collectPoints();
    open.add(-2);
    level.record(1);
    const points = await reader.collectPoints();
    assert.deepEqual(
      points.map(({ name, kind }) => [name, kind]),
      [
        ['open', 'gauge'],
        ['level', 'gauge'],
      ],
    );
    assert.deepEqual([...amounts(points, 'open'), ...amounts(points, 'level')], [3, 1]);
  });

  it('turns what an app asks to be sorted into buckets of its own into ours', async () => {
    const { reader, meter } = measured();
    const histogram = meter.createHistogram('own', { advice: { explicitBucketBoundaries: [1, 2, 3] } });
    for (const value of [0.5, 1.5, 2.5, 99]) histogram.record(value);
    const [point] = await reader.collectPoints();
    assert.ok(point?.kind === 'histogram');
    assert.equal(point.count, 4);
    assert.equal(
      point.counts.reduce((sum, count) => sum + count, 0),
      4,
    );
  });

  it('asks observable instruments, and does not wait for one that hangs or throws', async () => {
    const { reader, meter } = measured();
    let served = 10;
    meter.createObservableCounter('served').addCallback((result) => result.observe(served));
    meter.createObservableUpDownCounter('waiting').addCallback((result) => result.observe(2));
    meter.createObservableGauge('later').addCallback(async (result) => result.observe(5, { of: 'promise' }));
    meter.createObservableGauge('hangs').addCallback(() => new Promise(() => {}));
    meter.createObservableGauge('throws').addCallback(() => {
      throw new Error('of the app');
    });
    const first = await reader.collectPoints();
    assert.deepEqual(amounts(first, 'served'), [10]);
    served = 25;
    const second = await reader.collectPoints();
    assert.deepEqual(amounts(second, 'served'), [15]);
    assert.deepEqual(amounts(second, 'waiting'), [2]);
    assert.deepEqual(named(second, 'later')[0]?.attributes, { of: 'promise' });
    assert.deepEqual([...named(second, 'hangs'), ...named(second, 'throws')], []);
  });

  it('gives every attribute as text, number or boolean, and can be cloned whatever the app used', async () => {
    const { reader, meter } = measured();
    const counter = meter.createCounter('odd');
    const odd = { list: ['a', 'b'], none: undefined, yes: true, fn: () => {}, symbol: Symbol('s') };
    counter.add(1, odd as unknown as Record<string, string>);
    const [point] = structuredClone(await reader.collectPoints());
    assert.deepEqual(point?.attributes, {
      list: '["a","b"]',
      yes: true,
      fn: '() => {}',
      symbol: 'Symbol(s)',
    });
  });

  it('gives everything once when it is asked twice at the same time', async () => {
    const { reader, meter } = measured();
    meter.createCounter('once').add(1);
    const [a, b] = await Promise.all([reader.collectPoints(), reader.collectPoints()]);
    assert.equal(a, b);
    assert.deepEqual(await reader.collectPoints(), []);
  });

  it('has nothing to tell before it is bound and after it is shut down', async () => {
    assert.deepEqual(await new SnapshotReader().collectPoints(), []);
    const { reader } = measured();
    await reader.shutdown();
    assert.deepEqual(await reader.collectPoints(), []);
  });
});

describe('frames of several agents', () => {
  const latencies = fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), { maxLength: 40 });

  it('merge into what one agent would have told of all values', async () => {
    await fc.assert(
      // Per agent, the values of each of its frames.
      fc.asyncProperty(
        fc.array(fc.array(latencies, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        async (agents) => {
          const store = new LiveStore(WINDOW_MS);
          for (const [i, frames] of agents.entries()) {
            const { reader, meter } = measured();
            const histogram = meter.createHistogram('latency');
            const counter = meter.createCounter('count');
            for (const values of frames) {
              for (const value of values) histogram.record(value);
              counter.add(values.length);
              store.merge(`agent-${i}`, { points: await reader.collectPoints() }, 0);
            }
          }
          const all = agents.flat(2).sort((a, b) => a - b);
          const [series] = store.histograms('latency');
          const [count] = store.counters('count');
          assert.equal(count?.total ?? 0, all.length);
          assert.equal(series?.count ?? 0, all.length);
          if (series === undefined) return;
          const exactSum = all.reduce((sum, value) => sum + value, 0);
          assert.ok(Math.abs(series.sum - exactSum) <= exactSum * EPSILON);
          const whole = mergeDistributions([series.window.distribution(slotAt(0, WINDOW_MS))]);
          for (const quantile of [0.5, 0.95, 0.99]) {
            const exact = all[Math.max(0, Math.ceil(quantile * all.length) - 1)] ?? 0;
            const told = percentile(whole, quantile);
            assert.ok(
              Math.abs(told - exact) / exact <= PERCENTILE_ERROR_BOUND + EPSILON,
              `${told} for ${exact}`,
            );
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
