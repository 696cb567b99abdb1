import assert from 'node:assert/strict';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'vitest';
import { slotAt } from '../../../src/collector/live/sliding.ts';
import { COLLECTOR_INSTANCE, LiveStore } from '../../../src/collector/live/store.ts';
import type { Point } from '../../../src/core/frame.ts';
import { LLM_COST, LLM_INFERENCE_DURATION } from '../../../src/core/llm/call-instruments.ts';
import { REQUEST_DURATION } from '../../../src/core/signals/request.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { histogramOf, pointOf, requestsOf } from './agents.ts';

const COUNTER = { name: 'c', unit: '1', kind: 'counter' } as const;
const GAUGE = { name: 'g', unit: '1', kind: 'gauge' } as const;
const HISTOGRAM = { name: 'h', unit: 's' } as const;

let store: LiveStore;
const merge = (instanceId: string, ...points: readonly Point[]) => store.merge(instanceId, { points }, 0);
const total = (): number => store.counters('c').reduce((sum, series) => sum + series.total, 0);

beforeEach(() => {
  store = new LiveStore(milliseconds(60_000));
});

describe('LiveStore', () => {
  it('never lets a counter fall, whatever comes and whoever leaves', () => {
    const anyValue = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -1, Number.NEGATIVE_INFINITY, 1e308));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), anyValue, fc.boolean())), (steps) => {
        store = new LiveStore(milliseconds(60_000));
        let before = 0;
        for (const [instanceId, value, leaves] of steps) {
          merge(instanceId, pointOf(COUNTER, value));
          if (leaves) store.forgetInstance(instanceId);
          const now = total();
          assert.ok(now >= before, `${now} after ${before}`);
          before = now;
        }
      }),
    );
  });

  it('adds counters and histograms of all instances, and keeps gauges apart', () => {
    merge('a', pointOf(COUNTER, 2), histogramOf(HISTOGRAM, [1, 0]), pointOf(GAUGE, 5));
    merge('b', pointOf(COUNTER, 3), histogramOf(HISTOGRAM, [4]), pointOf(GAUGE, 7));
    assert.equal(total(), 5);
    const [series] = store.histograms('h');
    assert.deepEqual([series?.count, series?.sum, series?.zeroCount], [3, 5, 1]);
    const [gauge] = store.gauges('g');
    assert.deepEqual(
      [...(gauge?.values ?? [])],
      [
        ['a', 5],
        ['b', 7],
      ],
    );
  });

  it('counts what the buckets hold, and refuses what would be more than can be told exactly', () => {
    const values = histogramOf(HISTOGRAM, [1, 2, 4]);
    merge('a', { ...values, count: 7 });
    merge('a', { ...values, counts: [2 ** 52] });
    const [series] = store.histograms('h');
    assert.deepEqual([series?.count, series?.sum], [3, 7]);
    assert.equal(
      series?.buckets.counts.reduce((sum, count) => sum + count, 0),
      3,
    );
  });

  it('forgets the gauges of an instance with it, and nothing else', () => {
    merge('a', pointOf(COUNTER, 2), pointOf(GAUGE, 5), pointOf(GAUGE, 6, { of: 'a alone' }));
    merge('b', pointOf(GAUGE, 7));
    store.forgetInstance('a');
    assert.deepEqual(
      store.gauges('g').map(({ values }) => [...values]),
      [[['b', 7]]],
    );
    assert.equal(total(), 2);
  });

  it('keeps what is not finite, or would not stay so in a sum, out of every kind', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308]) {
      merge('a', pointOf(COUNTER, value), pointOf(GAUGE, value), {
        ...histogramOf(HISTOGRAM, [1]),
        sum: value,
      });
    }
    assert.deepEqual([...store.families()], []);
  });

  it('tells series apart by their attributes, in any order, by type of value not', () => {
    merge('a', pointOf(COUNTER, 1, { x: 'a', y: 'b' }), pointOf(COUNTER, 1, { y: 'b', x: 'a' }));
    assert.equal(store.counters('c').length, 1);
    merge('a', pointOf(COUNTER, 1, { x: 'a' }), pointOf(COUNTER, 1, { x: 'a', y: 'c' }), pointOf(COUNTER, 1));
    assert.equal(store.counters('c').length, 4);
  });

  it('takes names of the language itself for names', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    for (const name of names) {
      const attributes = Object.fromEntries([[name, name]]);
      merge(
        '__proto__',
        pointOf({ ...COUNTER, name }, 1, attributes),
        pointOf({ ...GAUGE, name: `${name}.g` }, 1),
      );
    }
    for (const name of names) {
      assert.equal(store.counters(name)[0]?.total, 1);
      assert.deepEqual([...(store.gauges(`${name}.g`)[0]?.values.keys() ?? [])], ['__proto__']);
    }
    assert.equal([...store.families()].length, 2 * names.length);
  });

  it('bounds the series of a metric and the metrics, and loses nothing of what series have counted', () => {
    const at = (nowMs: number, point: Point) => store.merge('a', { points: [point] }, nowMs);
    for (let i = 0; i < 2100; i++) {
      at(i, pointOf(COUNTER, 1, { i }));
      at(i, pointOf(COUNTER, 1, { i: 0 }));
      at(i, histogramOf(HISTOGRAM, [1], { i }));
      at(i, pointOf(GAUGE, i, { i }));
    }
    assert.equal(store.counters('c').length, 2000);
    const totalOf = (attributes: object) =>
      store
        .counters('c')
        .find((series) => Object.entries(attributes).every(([k, v]) => series.attributes[k] === v))?.total;
    assert.deepEqual([totalOf({ i: 0 }), totalOf({ i: 2099 }), totalOf({ i: 1 })], [2101, 1, undefined]);
    assert.equal(totalOf({ 'otel.metric.overflow': true }), 101);
    assert.equal(total(), 4200);
    const histograms = store.histograms('h');
    assert.deepEqual(
      [histograms.length, histograms.reduce((sum, { count }) => sum + count, 0)],
      [2000, 2100],
    );
    assert.equal(store.gauges('g').length, 2000);
    assert.equal(
      store.gauges('g').some(({ attributes }) => attributes['i'] === 0),
      false,
    );
    for (let i = 0; i < 2100; i++) merge('a', pointOf({ ...COUNTER, name: `metric-${i}` }, 1));
    assert.equal([...store.families()].length, 2000);
  });

  describe('names of our own metrics', () => {
    const cost = (model: string, usd = 1) =>
      pointOf(LLM_COST, usd, { 'gen_ai.provider.name': 'p', 'gen_ai.request.model': model });
    const calls = (model: string, seconds: readonly number[]) =>
      histogramOf(LLM_INFERENCE_DURATION, seconds, {
        'gen_ai.provider.name': 'p',
        'gen_ai.request.model': model,
      });
    const at = (nowMs: number, ...points: readonly Point[]) => store.merge('a', { points }, nowMs);
    const totalsOf = (name: string) =>
      Object.fromEntries(
        store.counters(name).map(({ attributes, total: all }) => [attributes['gen_ai.request.model'], all]),
      );
    const shownOf = (name: string): Record<string, number> => {
      const family = [...store.families()].find((one) => one.name === name);
      const series = [...(family?.series ?? [])].map((one) => [
        String(one.attributes['gen_ai.request.model']),
        'value' in one ? one.value : one.count,
      ]);
      return Object.fromEntries(series);
    };
    const sum = (values: Readonly<Record<string, number>>) =>
      Object.values(values).reduce((all, one) => all + one, 0);

    it('are displaced in all of them at once, by who is busy, and what they counted goes on as other', () => {
      for (let i = 0; i < 200; i++) at(i, cost(`m${i}`), calls(`m${i}`, [0.1]));
      for (let i = 0; i < 200; i++) at(1000 + i, cost('gpt-4o'), calls('gpt-4o', [1]));
      const costs = totalsOf(LLM_COST.name);
      assert.deepEqual([costs['gpt-4o'], costs['other'], costs['m0'], costs['m1']], [200, 1, undefined, 1]);
      const durations = store.histograms(LLM_INFERENCE_DURATION.name);
      const other = durations.find(({ attributes }) => attributes['gen_ai.request.model'] === 'other');
      assert.deepEqual([durations.length, other?.count, other?.window.distribution(0).count], [201, 1, 1]);
      assert.deepEqual(store.names.takeFolded(), [['gen_ai.request.model', 1]]);
    });

    it('leave the window of others as they would have left their own', () => {
      at(0, calls('old', [0.1]));
      for (let i = 0; i < 200; i++) at(30_000, calls(`m${i}`, [0.1]));
      const other = store
        .histograms(LLM_INFERENCE_DURATION.name)
        .find(({ attributes }) => attributes['gen_ai.request.model'] === 'other');
      const windowAt = (ms: number) => other?.window.distribution(slotAt(ms, milliseconds(60_000))).count;
      assert.deepEqual([windowAt(30_000), windowAt(61_000)], [1, 0]);
    });

    it('never let the sum over all of them fall, in totals or at /metrics, nor a series that goes on', () => {
      const step = fc.tuple(fc.nat(260), fc.nat(3), fc.nat(20_000));
      fc.assert(
        fc.property(fc.array(step, { minLength: 200, maxLength: 600 }), (steps) => {
          store = new LiveStore(milliseconds(60_000));
          let nowMs = 0;
          let counted = 0;
          let before: Record<string, number> = {};
          for (const [model, usd, passed] of steps) {
            nowMs += passed;
            counted += usd;
            at(nowMs, cost(`m${model}`, usd), calls(`m${model}`, [0.1]));
            const shown = shownOf(LLM_COST.name);
            assert.equal(sum(shown), counted);
            assert.ok((shown['other'] ?? 0) >= (before['other'] ?? 0));
            before = shown;
          }
          assert.equal(sum(totalsOf(LLM_COST.name)), counted);
          assert.equal(sum(shownOf(LLM_INFERENCE_DURATION.name)), steps.length);
        }),
        { numRuns: 10 },
      );
    });

    it('begin anew when they come back, and are made room for by nothing that is taken back', () => {
      for (let i = 0; i <= 200; i++) at(i, cost(`m${i}`, 5));
      const retracted = { ...cost('m0', -5), countedMs: 0 };
      at(300, retracted);
      assert.deepEqual([totalsOf(LLM_COST.name)['other'], totalsOf(LLM_COST.name)['m0']], [0, undefined]);
      assert.equal(shownOf(LLM_COST.name)['other'], 5, 'a scraped counter does not fall');
      at(400, cost('m0', 2));
      assert.equal(totalsOf(LLM_COST.name)['m0'], 2);
      assert.equal(
        store.counters(LLM_COST.name).find(({ attributes }) => attributes['gen_ai.request.model'] === 'm0')
          ?.createdMs,
        400,
      );
    });

    it('are given up where a metric has more series than it may, and none of its counts is lost', () => {
      let requests = 0;
      for (let route = 0; route < 150; route++)
        for (let status = 200; status < 220; status++) {
          requests++;
          at(requests, requestsOf(`/r${route}`, [0.1], status));
        }
      const series = store.histograms(REQUEST_DURATION.name);
      assert.ok(series.length <= 2000);
      assert.equal(
        series.reduce((all, { count }) => all + count, 0),
        requests,
      );
      assert.ok(series.some(({ attributes }) => attributes['http.route'] === '/r149'));
      assert.ok(series.every(({ attributes }) => attributes['http.response.status_code'] !== undefined));
    });
  });

  it('keeps a metric what it was first, and refuses another kind under its name', () => {
    merge('a', pointOf(COUNTER, 1));
    merge('b', pointOf({ ...GAUGE, name: 'c' }, 9), histogramOf({ ...HISTOGRAM, name: 'c' }, [1]));
    assert.equal(total(), 1);
    assert.deepEqual([...store.gauges('c'), ...store.histograms('c')], []);
  });

  it('names the instance of a gauge for the Prometheus endpoint, but not of the host’s', () => {
    merge('a', pointOf(GAUGE, 5));
    merge(COLLECTOR_INSTANCE, pointOf(GAUGE, 6));
    const [family] = store.families();
    assert.deepEqual(
      [...(family?.series ?? [])],
      [
        { attributes: { 'service.instance.id': 'a' }, value: 5 },
        { attributes: {}, value: 6 },
      ],
    );
  });
});
