import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { CumulativeBuckets, Exemplars } from '../../../src/collector/live/cumulative.ts';

describe('CumulativeBuckets', () => {
  it('adds up whatever comes, within its bounds, and lets no bucket fall', () => {
    const lot = fc.tuple(fc.integer({ min: -9000, max: 9000 }), fc.array(fc.nat(3), { maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(lot, { maxLength: 20 }), (lots) => {
        const buckets = new CumulativeBuckets();
        const at = (index: number) => buckets.counts[index - buckets.offset] ?? 0;
        let total = 0;
        for (const [offset, counts] of lots) {
          const before = new Map(buckets.counts.map((count, i) => [buckets.offset + i, count]));
          buckets.add({ offset, counts });
          total += counts.reduce((sum, count) => sum + count, 0);
          for (const [index, count] of before) assert.ok(at(index) >= count);
          counts.forEach((count, i) => {
            const index = Math.min(799, Math.max(-240, offset + i));
            assert.ok(at(index) >= count);
          });
        }
        assert.equal(
          buckets.counts.reduce((sum, count) => sum + count, 0),
          total,
        );
        assert.ok(buckets.counts.length <= 1040);
        assert.ok(total === 0 || (at(buckets.offset) > 0 && (buckets.counts.at(-1) ?? 0) > 0));
      }),
    );
  });
});

describe('Exemplars', () => {
  const exemplar = (value: number, timeMs: number) => ({
    value,
    traceId: String(timeMs).padStart(32, '0'),
    timeMs,
  });

  it('keeps the newest of each doubling, none from the future, in the order of time', () => {
    const exemplars = new Exemplars();
    exemplars.add(exemplar(3, 10), 100);
    exemplars.add(exemplar(1.5, 20), 100);
    exemplars.add(exemplar(1.9, 15), 100);
    exemplars.add(exemplar(2.5, 5000), 100);
    assert.deepEqual(
      [...exemplars].map(({ value, timeMs }) => [value, timeMs]),
      [
        [1.5, 20],
        [2.5, 100],
      ],
    );
    exemplars.add(exemplar(2.6, 150), 200);
    assert.deepEqual(
      [...exemplars].map(({ value }) => value),
      [1.5, 2.6],
    );
  });

  it('keeps no more than sixteen, the last ones', () => {
    const exemplars = new Exemplars();
    for (let i = 0; i < 40; i++) exemplars.add(exemplar(1.5 * 2 ** i, i), 100);
    assert.deepEqual(
      [...exemplars].map(({ timeMs }) => timeMs),
      Array.from({ length: 16 }, (_, i) => 24 + i),
    );
  });
});
