import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  mergeDistributions,
  SlidingHistogram,
  SlidingSum,
  slotAt,
  WINDOW_SLOTS,
} from '../../src/collector/live/sliding.ts';
import type { HistogramPoint } from '../../src/core/frame.ts';
import {
  BUCKETS_PER_DOUBLING,
  BucketCounts,
  bucketIndex,
  HISTOGRAM_BUCKETS_MAX,
  mean,
  PERCENTILE_ERROR_BOUND,
  percentile,
  rescale,
} from '../../src/core/histogram.ts';

/** From 1 ms to 17 min, in seconds: the range the bound is stated for. */
const LATENCY = fc.double({ min: 0.001, max: 1020, noNaN: true, noDefaultInfinity: true });
const LATENCIES = fc.array(LATENCY, { minLength: 1, maxLength: 400 });
const QUANTILE = fc.constantFrom(0.5, 0.9, 0.95, 0.99);
/** Upper bound (inclusive) of a bucket. */
const bucketUpperBound = (index: number) => 2 ** ((index + 1) / BUCKETS_PER_DOUBLING);
/** Rounding of floating point on top of the bound. */
const EPSILON = 1e-9;

function pointOf(values: readonly number[]): HistogramPoint {
  const positive = values.filter((value) => value > 0);
  const indexes = positive.map(bucketIndex);
  const low = Math.min(...indexes);
  const counts = indexes.length === 0 ? [] : new Array<number>(Math.max(...indexes) - low + 1).fill(0);
  for (const index of indexes) counts[index - low]!++;
  return {
    kind: 'histogram',
    name: 'latency',
    unit: 's',
    description: '',
    attributes: {},
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    zeroCount: values.length - positive.length,
    offset: indexes.length === 0 ? 0 : low,
    counts,
  };
}

function nearestRank(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
}

describe('percentile', () => {
  it('stays within the stated bound of the exact value, over any split into frames', () => {
    fc.assert(
      fc.property(fc.array(LATENCIES, { minLength: 1, maxLength: 5 }), QUANTILE, (frames, quantile) => {
        const histogram = new SlidingHistogram();
        for (const [i, values] of frames.entries()) histogram.add(pointOf(values), i);
        const exact = nearestRank(frames.flat(), quantile);
        const got = percentile(histogram.distribution(frames.length - 1), quantile);
        assert.ok(Math.abs(got - exact) / exact <= PERCENTILE_ERROR_BOUND + EPSILON, `${got} for ${exact}`);
      }),
    );
  });

  it('states a bound of 4.4 %', () => {
    assert.equal((PERCENTILE_ERROR_BOUND * 100).toFixed(1), '4.4');
  });

  it('is exact for one value and 0 for none', () => {
    assert.equal(percentile({ ...pointOf([0.1234]) }, 0.95), 0.1234);
    assert.equal(percentile(mergeDistributions([]), 0.95), 0);
    assert.equal(mean(mergeDistributions([])), 0);
  });

  it('counts zeros as the smallest values', () => {
    const distribution = pointOf([0, 0, 0, 5]);
    assert.equal(percentile(distribution, 0.5), 0);
    assert.equal(percentile(distribution, 1), 5);
  });
});

describe('bucketIndex', () => {
  it('puts a value into the bucket whose bounds hold it', () => {
    fc.assert(
      fc.property(LATENCY, (value) => {
        const index = bucketIndex(value);
        assert.ok(value <= bucketUpperBound(index) * (1 + EPSILON));
        assert.ok(value >= bucketUpperBound(index - 1) * (1 - EPSILON));
      }),
    );
  });
});

describe('BucketCounts', () => {
  it('takes out exactly what was added', () => {
    fc.assert(
      fc.property(LATENCIES, LATENCIES, (kept, removed) => {
        const both = new BucketCounts();
        both.add(pointOf(kept));
        both.add(pointOf(removed));
        both.subtract(pointOf(removed));
        const alone = new BucketCounts();
        alone.add(pointOf(kept));
        assert.equal(total(both), total(alone));
        for (const quantile of [0.5, 0.95, 0.99]) {
          assert.equal(
            percentile({ ...pointOf(kept), ...both.buckets }, quantile),
            percentile({ ...pointOf(kept), ...alone.buckets }, quantile),
          );
        }
      }),
    );
  });

  it('never holds more than 160 buckets and never loses a count, whatever the values span', () => {
    const value = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.array(value, { minLength: 1, maxLength: 20 }), { maxLength: 10 }), (frames) => {
        const counts = new BucketCounts();
        for (const values of frames) counts.add(pointOf(values));
        assert.ok(counts.buckets.counts.length <= HISTOGRAM_BUCKETS_MAX);
        assert.equal(total(counts), frames.flat().length);
      }),
    );
  });

  function total(counts: BucketCounts): number {
    return counts.buckets.zeroCount + counts.buckets.counts.reduce((sum, count) => sum + count, 0);
  }
});

describe('rescale', () => {
  it('keeps every count and moves no value out of its bucket when the source is finer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 10 }),
        fc.integer({ min: -2000, max: 2000 }),
        fc.array(fc.nat(5), { maxLength: 200 }),
        (scale, offset, counts) => {
          const rescaled = rescale(scale, offset, counts);
          const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
          assert.equal(sum(rescaled.counts), sum(counts));
          for (const [i, count] of counts.entries()) {
            if (count === 0) continue;
            const upper = 2 ** ((offset + i + 1) / 2 ** scale);
            const index = bucketIndex(upper * (1 - EPSILON)) - rescaled.offset;
            assert.ok((rescaled.counts[index] ?? 0) >= 1, `bucket of ${upper}`);
          }
        },
      ),
    );
  });
});

describe('sliding window', () => {
  const WINDOW_MS = 300_000;
  const slotMs = WINDOW_MS / WINDOW_SLOTS;

  it('forgets a histogram once its slot has left the window, and nothing sooner', () => {
    const histogram = new SlidingHistogram();
    const first = slotAt(0, WINDOW_MS);
    histogram.add(pointOf([10]), first);
    histogram.add(pointOf([1]), slotAt(slotMs, WINDOW_MS));
    assert.equal(histogram.distribution(slotAt(WINDOW_MS - 1, WINDOW_MS)).count, 2);
    const later = histogram.distribution(slotAt(WINDOW_MS, WINDOW_MS));
    assert.equal(later.count, 1);
    assert.equal(later.max, 1);
    assert.equal(percentile(later, 0.99), 1);
    assert.equal(histogram.distribution(slotAt(10 * WINDOW_MS, WINDOW_MS)).count, 0);
  });

  it('forgets a counter the same way', () => {
    const sum = new SlidingSum();
    sum.add(3, 0);
    sum.add(4, 1);
    assert.equal(sum.sum(WINDOW_SLOTS - 1), 7);
    assert.equal(sum.sum(WINDOW_SLOTS), 4);
    assert.equal(sum.sum(5 * WINDOW_SLOTS), 0);
  });
});
