import assert from 'node:assert/strict';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'vitest';
import { COLLECTOR_INSTANCE, LiveStore } from '../../../src/collector/live/store.ts';
import type { Point } from '../../../src/core/frame.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { histogramOf, pointOf } from './agents.ts';

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

  it('bounds the series of a metric and the metrics', () => {
    for (let i = 0; i < 2100; i++) merge('a', pointOf(COUNTER, 1, { i }));
    assert.equal(store.counters('c').length, 2000);
    for (let i = 0; i < 2100; i++) merge('a', pointOf({ ...COUNTER, name: `metric-${i}` }, 1));
    assert.equal([...store.families()].length, 2000);
    // What was known goes on.
    merge('a', pointOf(COUNTER, 1, { i: 0 }));
    assert.equal(store.counters('c')[0]?.total, 2);
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
