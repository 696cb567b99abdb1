import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { distributionOf } from '../../../../../src/collector/receivers/otlp/metrics/distribution.ts';
import {
  explicitFigures,
  exponentialFigures,
  type Figures,
  isUnusable,
  type Read,
  UNUSABLE,
} from '../../../../../src/collector/receivers/otlp/metrics/figures.ts';
import { PERCENTILE_ERROR_BOUND, percentile, rescale } from '../../../../../src/core/histogram.ts';
import { explicitOf, exponentialOf } from './sender.ts';

describe('buckets', () => {
  const read = (counts: readonly number[], scale: number, offset = 0) => {
    const count = counts.reduce((sum, one) => sum + one, 0);
    return exponentialFigures(exponentialOf({ count, sum: count, scale, positive: { offset, counts } }));
  };

  it('that are empty are not kept at both ends of an exponential histogram', () => {
    const counts = [...Array<number>(9000).fill(0), 2, 0, 1, ...Array<number>(9000).fill(0)];
    const figures = usable(read(counts, 20, -100));
    assert.deepEqual([figures.scale, figures.offset, figures.counts], [20, 8900, [2, 0, 1]]);
    assert.deepEqual(usable(read(Array<number>(100).fill(0), 5, 7)).counts, []);
  });

  it('of an exponential histogram become coarser where there are many, and percentiles stay what they were', () => {
    const counts = Array.from({ length: 4000 }, (_, at) => at % 3);
    const figures = usable(read(counts, 10, -1000));
    assert.equal(figures.scale, 7);
    assert.equal(figures.counts.length, 500);
    const { count, ...buckets } = distributionOf(figures, 1);
    assert.equal(
      count,
      counts.reduce((sum, one) => sum + one, 0),
    );
    const exact = rescale(10, -1000, counts);
    assert.deepEqual({ offset: buckets.offset, counts: buckets.counts }, exact);
  });

  it('are refused where they are still many', () => {
    assert.deepEqual(read(Array<number>(600).fill(1), 3), { unusable: UNUSABLE.tooManyBuckets });
    const bounds = Array.from({ length: 600 }, (_, at) => at);
    const point = explicitOf({ explicitBounds: bounds, bucketCounts: [...bounds.map(() => 0), 0] });
    assert.deepEqual(explicitFigures(point), { unusable: UNUSABLE.tooManyBuckets });
  });
});

const LATENCIES = fc.array(fc.double({ min: 0.001, max: 1000, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
});
const QUANTILE = fc.constantFrom(0.5, 0.9, 0.95, 0.99);
const BOUNDS = fc
  .uniqueArray(fc.double({ min: 0.001, max: 500, noNaN: true }), { minLength: 1, maxLength: 20 })
  .map((bounds) => bounds.toSorted((a, b) => a - b));
const EPSILON = 1e-9;

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const rank = (values: readonly number[], quantile: number) =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(quantile * values.length) - 1)]!;

function usable<F extends Figures>(read: Read<F>): F {
  assert.ok(!isUnusable(read), JSON.stringify(read));
  return read;
}

function explicit(values: readonly number[], bounds: readonly number[], edges: boolean) {
  const bucketCounts = new Array<number>(bounds.length + 1).fill(0);
  for (const value of values) {
    const at = bounds.findIndex((bound) => value <= bound);
    bucketCounts[at === -1 ? bounds.length : at]!++;
  }
  return usable(
    explicitFigures(
      explicitOf({
        count: values.length,
        sum: total(values),
        ...(edges && { min: Math.min(...values), max: Math.max(...values) }),
        explicitBounds: bounds,
        bucketCounts,
      }),
    ),
  );
}

function exponential(values: readonly number[], scale: number, edges: boolean) {
  const indexes = values.map((value) => Math.ceil(Math.log2(value) * 2 ** scale) - 1);
  const offset = Math.min(...indexes);
  const counts = new Array<number>(Math.max(...indexes) - offset + 1).fill(0);
  for (const index of indexes) counts[index - offset]!++;
  const positive = { offset, counts };
  const moments = { count: values.length, sum: total(values) };
  const known = edges ? { min: Math.min(...values), max: Math.max(...values) } : {};
  return usable(exponentialFigures(exponentialOf({ ...moments, ...known, scale, positive })));
}

const close = (actual: number, expected: number) =>
  assert.ok(
    Math.abs(actual - expected) <= EPSILON * Math.max(1, Math.abs(expected)),
    `${actual} for ${expected}`,
  );
const countOf = ({ zeroCount, counts }: { zeroCount: number; counts: readonly number[] }) =>
  zeroCount + total(counts);

describe('histograms of senders', () => {
  it('with boundaries keep count and sum, and a percentile within its bucket', () => {
    fc.assert(
      fc.property(LATENCIES, BOUNDS, QUANTILE, fc.boolean(), (values, bounds, quantile, edges) => {
        const distribution = distributionOf(explicit(values, bounds, edges), 1);
        assert.equal(distribution.count, values.length);
        assert.equal(countOf(distribution), values.length);
        close(distribution.sum, total(values));
        const exact = rank(values, quantile);
        const at = bounds.findIndex((bound) => exact <= bound);
        const low = at === 0 ? 0 : (bounds[at === -1 ? bounds.length - 1 : at - 1] ?? 0);
        const high = at === -1 ? Number.POSITIVE_INFINITY : bounds[at]!;
        const reported = percentile(distribution, quantile);
        assert.ok(reported >= low * (1 - PERCENTILE_ERROR_BOUND - EPSILON), `${reported} below ${low}`);
        assert.ok(reported <= high * (1 + PERCENTILE_ERROR_BOUND + EPSILON), `${reported} above ${high}`);
      }),
    );
  });

  it('that are exponential keep count and sum at any scale, and from ours on the stated bound', () => {
    fc.assert(
      fc.property(
        LATENCIES,
        fc.integer({ min: -2, max: 12 }),
        QUANTILE,
        fc.boolean(),
        (values, scale, quantile, edges) => {
          const distribution = distributionOf(exponential(values, scale, edges), 1);
          assert.equal(distribution.count, values.length);
          assert.equal(countOf(distribution), values.length);
          close(distribution.sum, total(values));
          const exact = rank(values, quantile);
          const width =
            scale >= 3 ? PERCENTILE_ERROR_BOUND : 2 ** (2 ** -scale) * (1 + PERCENTILE_ERROR_BOUND) - 1;
          const reported = percentile(distribution, quantile);
          assert.ok(reported <= exact * (1 + width + EPSILON), `${reported} for ${exact}`);
          assert.ok(reported >= exact / (1 + width + EPSILON), `${reported} for ${exact}`);
        },
      ),
    );
  });

  it('in milliseconds are the same in seconds', () => {
    fc.assert(
      fc.property(LATENCIES, QUANTILE, (values, quantile) => {
        const inMs = values.map((value) => value * 1000);
        // As fine as its range allows.
        const figures = exponential(inMs, 8, true);
        const distribution = distributionOf(figures, 1e-3);
        assert.equal(countOf(distribution), values.length);
        close(distribution.sum, total(values));
        const exact = rank(values, quantile);
        // Buckets of a finer scale lie across the boundaries of ours once they are moved.
        const bound = (1 + PERCENTILE_ERROR_BOUND) * 2 ** (2 ** -figures.scale) + EPSILON;
        const reported = percentile(distribution, quantile);
        assert.ok(reported <= exact * bound && reported >= exact / bound, `${reported} for ${exact}`);
      }),
    );
  });

  it('say more than their buckets: a value alone, the mean of one bucket, what is above all boundaries', () => {
    const p50 = (values: readonly number[], bounds: readonly number[], quantile = 0.5) =>
      percentile(distributionOf(explicit(values, bounds, false), 1), quantile);
    const within = (actual: number, expected: number) =>
      assert.ok(Math.abs(actual / expected - 1) <= PERCENTILE_ERROR_BOUND);
    within(p50([3], [1, 10]), 3);
    within(p50([8, 8, 8], [1, 10]), 8);
    within(p50([50, 50, 50], [1, 10]), 50);
    within(p50([0.5, 50, 50, 50], [1, 10], 0.75), 50);
    within(p50([7, 7, 7], []), 7);
  });

  it('count zeros apart, by a boundary at zero or by being all there is', () => {
    const zeros = (values: readonly number[], bounds: readonly number[]) =>
      distributionOf(explicit(values, bounds, false), 1).zeroCount;
    assert.equal(zeros([0, 0, 3], [0, 5]), 2);
    assert.equal(zeros([0, 0], [5]), 2);
  });

  it('that cannot be right are refused with the reason', () => {
    const reason = (read: Read<Figures>) => (isUnusable(read) ? read.unusable : null);
    const buckets = { explicitBounds: [1], bucketCounts: [1, 1] };
    assert.equal(reason(explicitFigures(explicitOf({ count: 2, sum: null, ...buckets }))), UNUSABLE.noSum);
    assert.equal(reason(explicitFigures(explicitOf({ count: 2, sum: -1, ...buckets }))), UNUSABLE.negative);
    assert.equal(
      reason(explicitFigures(explicitOf({ count: 2, sum: 1, min: -1, max: 2, ...buckets }))),
      UNUSABLE.negative,
    );
    assert.equal(
      reason(explicitFigures(explicitOf({ count: 3, sum: 1, ...buckets }))),
      UNUSABLE.inconsistent,
    );
    assert.equal(
      reason(explicitFigures(explicitOf({ count: 2, sum: Number.NaN, ...buckets }))),
      UNUSABLE.noNumber,
    );
    const falling = { explicitBounds: [2, 1], bucketCounts: [1, 1, 0] };
    assert.equal(
      reason(explicitFigures(explicitOf({ count: 2, sum: 1, ...falling }))),
      UNUSABLE.inconsistent,
    );
    const negative = { count: 1, sum: 0, negative: { offset: 0, counts: [1] } };
    assert.equal(reason(exponentialFigures(exponentialOf(negative))), UNUSABLE.negative);
    const beyond = { count: 1, sum: 1, positive: { offset: 2 ** 31, counts: [1] } };
    assert.equal(reason(exponentialFigures(exponentialOf(beyond))), UNUSABLE.inconsistent);
    assert.equal(
      reason(exponentialFigures(exponentialOf({ count: 1, sum: 1, zeroCount: 1, scale: 300 }))),
      UNUSABLE.inconsistent,
    );
  });

  it('of the coarsest scale and the largest numbers come to an end', () => {
    const huge = { count: 3, sum: 1e30, scale: -10, positive: { offset: -1, counts: [1, 2] } };
    const distribution = distributionOf(usable(exponentialFigures(exponentialOf(huge))), 1);
    assert.equal(countOf(distribution), 3);
    const many = {
      count: 2 ** 52,
      sum: 2 ** 52,
      explicitBounds: [1e-300, 1e300],
      bucketCounts: [0, 2 ** 52, 0],
    };
    assert.equal(countOf(distributionOf(usable(explicitFigures(explicitOf(many))), 1)), 2 ** 52);
  });
});
