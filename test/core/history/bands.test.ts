import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { bucketIndex } from '../../../src/core/histogram.ts';
import { bandsOf } from '../../../src/core/history/bands.ts';
import { tokenOf, ZERO_BUCKET } from '../../../src/core/history/packed.ts';

/** As the database packs them: a token per value. */
function packed(values: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(values.length * 2));
  for (const [at, value] of values.entries())
    bytes.setInt16(at * 2, tokenOf(value <= 0 ? ZERO_BUCKET : bucketIndex(value)));
  return new Uint8Array(bytes.buffer);
}

/** The same sequence at every run. */
function randomValues(seed: number, count: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.exp((state / 2 ** 31) * 22 - 6);
  });
}

describe('bands', () => {
  test('hold every value once, between their bounds, and are never more than asked for', () => {
    for (const bandsMax of [4, 7, 24, 48]) {
      for (let seed = 1; seed <= 40; seed++) {
        const columns = [randomValues(seed, seed * 5), [], randomValues(seed + 100, 3)];
        const { bounds, counts } = bandsOf(
          columns.map((values) => (values.length === 0 ? null : packed(values))),
          bandsMax,
        );
        assert.ok(bounds.length - 1 <= bandsMax, `${bounds.length - 1} bands of at most ${bandsMax}`);
        const ratios = bounds.slice(1).map((bound, at) => bound / (bounds[at] ?? 0));
        for (const ratio of ratios) assert.ok(Math.abs(ratio / (ratios[0] ?? 0) - 1) < 1e-9);
        columns.forEach((values, column) => {
          const expected = ratios.map(
            (_, at) =>
              values.filter((value) => value > (bounds[at] ?? 0) && value <= (bounds[at + 1] ?? 0)).length,
          );
          assert.deepEqual(counts[column], expected);
        });
      }
    }
  });

  test('zero is in the lowest, alone or not', () => {
    assert.deepEqual(bandsOf([packed([0, 0])], 8).counts, [[2]]);
    const { bounds, counts } = bandsOf([packed([0, 8, 100])], 4);
    assert.equal(counts[0]?.[0], 2);
    assert.equal(counts[0]?.at(-1), 1);
    assert.ok((bounds.at(-1) ?? 0) >= 100);
  });

  test('nothing without values', () => {
    assert.deepEqual(bandsOf([null, packed([])], 8), { bounds: [], counts: [] });
    assert.deepEqual(bandsOf([], 8), { bounds: [], counts: [] });
  });
});
