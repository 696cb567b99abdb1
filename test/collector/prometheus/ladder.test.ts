import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { CumulativeBuckets } from '../../../src/collector/live/cumulative.ts';
import type { HistogramSeries } from '../../../src/collector/metric-family.ts';
import {
  CLASSIC_BUCKETS_MAX,
  cumulativeCounts,
  exemplarsByRung,
  ladderOf,
} from '../../../src/collector/prometheus/ladder.ts';
import {
  bucketIndex,
  HistogramDelta,
  PERCENTILE_ERROR_BOUND,
  percentile,
} from '../../../src/core/histogram.ts';

function seriesOf(values: readonly number[]): HistogramSeries {
  const buckets = new CumulativeBuckets();
  const zeroCount = values.filter((value) => value === 0).length;
  for (const value of values) if (value > 0) buckets.add({ offset: bucketIndex(value), counts: [1] });
  const sum = values.reduce((all, value) => all + value, 0);
  return { attributes: {}, count: values.length, sum, zeroCount, buckets };
}

/** As Prometheus computes it: linear within the bucket of rank `quantile * count`. */
function histogramQuantile(quantile: number, series: HistogramSeries): number {
  const ladder = ladderOf([series]);
  const counts = cumulativeCounts(series, ladder);
  const rank = quantile * series.count;
  const rung = counts.findIndex((count) => count >= rank);
  if (rung === -1) return ladder.boundaries.at(-1) ?? Number.NaN;
  const [begin, before] = rung === 0 ? [0, 0] : [ladder.boundaries[rung - 1] ?? 0, counts[rung - 1] ?? 0];
  const [end, within] = [ladder.boundaries[rung] ?? 0, (counts[rung] ?? 0) - before];
  return begin + (end - begin) * ((rank - before) / within);
}

/** 1 ms to 17 min. */
const seconds = fc.double({ min: 0.001, max: 1024, noNaN: true });
const quantile = fc.constantFrom(0.5, 0.9, 0.95, 0.99);
const ROUNDING = 1e-9;

describe('the boundaries of classic buckets', () => {
  it('let histogram_quantile be as near to the snapshot as that is to the truth, and within a bucket of it', () => {
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 2, maxLength: 200 }), quantile, (values, q) => {
        const distribution = new HistogramDelta();
        for (const value of values) distribution.record(value);
        const found = histogramQuantile(q, seriesOf(values));
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1] ?? 0;
        const taken = distribution.take();
        // The highest rank is known exactly by the snapshot alone.
        if (Math.ceil(q * values.length) < values.length) {
          const shown = percentile({ ...taken, min: 0, max: Number.POSITIVE_INFINITY }, q);
          assert.ok(
            Math.abs(found / shown - 1) <= PERCENTILE_ERROR_BOUND + ROUNDING,
            `${found} for ${shown}`,
          );
        }
        assert.ok(Math.abs(found / exact - 1) <= (1 + PERCENTILE_ERROR_BOUND) ** 2 - 1 + ROUNDING);
      }),
      { numRuns: 500 },
    );
  });

  it('have a boundary below the lowest value and one at or above the highest, and count every value', () => {
    const value = fc.double({ min: 1e-8, max: 1e20, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), (values) => {
        const series = seriesOf(values);
        const ladder = ladderOf([series]);
        const counts = cumulativeCounts(series, ladder);
        assert.ok((ladder.boundaries[0] ?? 0) < Math.min(...values) * (1 + ROUNDING));
        assert.equal(counts[0], 0);
        assert.equal(counts.at(-1), values.length);
        for (const [rung, boundary] of ladder.boundaries.entries()) {
          const near = values.some((one) => Math.abs(one / boundary - 1) < ROUNDING);
          if (!near) assert.equal(counts[rung], values.filter((one) => one <= boundary).length);
        }
      }),
    );
  });

  it('get coarser with more series, by leaving out every second one', () => {
    const fine = ladderOf([seriesOf([0.001, 0.9])]);
    assert.equal(fine.boundaries.length, 10 * 8 + 1);
    let before = fine;
    for (const [count, resolution] of [
      [100, 8],
      [200, 4],
      [400, 2],
      [1000, 1],
    ] as const) {
      const ladder = ladderOf(Array.from({ length: count }, () => seriesOf([0.001, 0.9])));
      assert.equal(ladder.boundaries.length, 10 * resolution + 1, `${count} series`);
      if (resolution > 1) assert.ok(count * ladder.boundaries.length <= CLASSIC_BUCKETS_MAX);
      assert.ok(ladder.boundaries.every((boundary) => before.boundaries.includes(boundary)));
      before = ladder;
    }
  });

  it('never go while series and values only get more, but when they get coarser', () => {
    fc.assert(
      fc.property(fc.array(fc.array(seconds, { minLength: 1, maxLength: 3 }), { maxLength: 300 }), (lots) => {
        const all: HistogramSeries[] = [];
        let before = ladderOf(all);
        for (const lot of lots) {
          all.push(seriesOf(lot));
          const ladder = ladderOf(all);
          const kept = new Set(ladder.boundaries);
          const gone = before.boundaries.filter((boundary) => !kept.has(boundary));
          assert.ok(ladder.step > before.step ? true : gone.length === 0);
          assert.ok(before.boundaries.length === 0 || ladder.step >= before.step);
          before = ladder;
        }
      }),
      { numRuns: 20 },
    );
  });

  it('have the newest exemplar of each', () => {
    const ladder = ladderOf([seriesOf([1.5, 3])]);
    const exemplar = (value: number, timeMs: number) => ({ value, traceId: 'a'.repeat(32), timeMs });
    const shown = exemplarsByRung(
      [exemplar(1.5, 1), exemplar(1.51, 2), exemplar(3, 3), exemplar(9, 4)],
      ladder,
    );
    const boundaries = [...shown].map(([rung, { value }]) => [
      ladder.boundaries[rung] ?? Number.POSITIVE_INFINITY,
      value,
    ]);
    assert.deepEqual(boundaries, [
      [2 ** (5 / 8), 1.51],
      [2 ** (13 / 8), 3],
      [Number.POSITIVE_INFINITY, 9],
    ]);
  });
});
