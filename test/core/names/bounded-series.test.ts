import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { Attributes, CounterPoint } from '../../../src/core/frame.ts';
import { BoundedSeries } from '../../../src/core/names/bounded-series.ts';
import { CACHE_REQUESTS } from '../../../src/core/signals/cache.ts';

interface Sum {
  readonly attributes: Attributes;
  readonly again: boolean;
  value: number;
}

const counts = (max: number) => {
  const series = new BoundedSeries<Sum>({
    max,
    make: (_point, attributes, again) => ({ attributes, again, value: 0 }),
    absorb: (into, from) => {
      into.value += from.value;
    },
  });
  const pointOf = (name: string, attributes: Attributes): CounterPoint => ({
    name,
    kind: 'counter',
    unit: '',
    description: '',
    attributes,
    value: 1,
  });
  return {
    add: (name: string, attributes: Attributes, nowMs = 0) => {
      const point = pointOf(name, attributes);
      series.meet([point], nowMs);
      series.of(point, nowMs).value++;
    },
    get all() {
      return [...series.values()];
    },
    get sum() {
      return this.all.reduce((sum, { value }) => sum + value, 0);
    },
    series,
  };
};

describe('series that are bounded', () => {
  it('add up to all that was counted, whatever gives up its place', () => {
    const step = fc.tuple(fc.constantFrom('one', CACHE_REQUESTS.name), fc.nat(400), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const counted = counts(20);
        let nowMs = 0;
        for (const [name, value, passed] of steps) {
          nowMs += passed;
          counted.add(name, { 'cache.name': `c${value}`, 'cache.result': 'hit' }, nowMs);
        }
        assert.equal(counted.sum, steps.length);
        assert.ok(counted.series.size <= 22, String(counted.series.size));
      }),
    );
  });

  it('of an app’s own metric go on as overflow, of ours by what is few', () => {
    const counted = counts(10);
    for (let i = 0; i < 11; i++) counted.add('app.jobs', { job: `j${i}` }, i);
    const overflow = counted.all.find(({ attributes }) => attributes['otel.metric.overflow'] === true);
    assert.equal(overflow?.value, 1);
    const ours = counts(300);
    for (let i = 0; i < 150; i++)
      ours.add(CACHE_REQUESTS.name, { 'cache.name': `c${i}`, 'cache.result': 'hit' }, i);
    const others = ours.all.filter(({ attributes }) => attributes['cache.name'] === 'other');
    assert.deepEqual(
      others.map(({ attributes, value }) => [attributes['cache.result'], value]),
      [['hit', 50]],
    );
    ours.add(CACHE_REQUESTS.name, { 'cache.name': 'c0', 'cache.result': 'hit' }, 200);
    const back = ours.all.find(({ attributes }) => attributes['cache.name'] === 'c0');
    assert.deepEqual([back?.value, back?.again], [1, true]);
  });
});
