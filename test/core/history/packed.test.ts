import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  BUCKET_MAX,
  BUCKET_MIN,
  merged,
  packedPercentile,
  tokenOf,
  unpack,
  ZERO_BUCKET,
} from '../../../src/core/history/packed.ts';

/** The same sequence at every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

function bytesOf(tokens: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(tokens.length * 2));
  for (const [at, token] of tokens.entries()) bytes.setInt16(at * 2, token);
  return new Uint8Array(bytes.buffer);
}

describe('packed histograms', () => {
  test('tell every bucket and count that they are told, merged or not', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const counts = new Map<number, number>();
      const tokens = Array.from({ length: random(200) }, () => {
        const bucket = random(8) === 0 ? ZERO_BUCKET : BUCKET_MIN + random(BUCKET_MAX - BUCKET_MIN + 1);
        const [digit, exponent] = [1 + random(7), random(6)];
        counts.set(bucket, (counts.get(bucket) ?? 0) + digit * 8 ** exponent);
        return tokenOf(bucket, digit, exponent);
      });
      for (const bytes of [bytesOf(tokens), merged(bytesOf(tokens))]) {
        const { count, zeroCount, offset, counts: found } = unpack(bytes);
        assert.equal(
          count,
          [...counts.values()].reduce((sum, one) => sum + one, 0),
        );
        assert.equal(zeroCount, counts.get(ZERO_BUCKET) ?? 0);
        for (const [at, one] of found.entries())
          assert.equal(one, counts.get(offset + at) ?? 0, `bucket ${offset + at}`);
      }
    }
  });

  test('merge to a token for each octal digit of a count, in the order of their buckets', () => {
    const tokens = [tokenOf(7), ...Array.from({ length: 9 }, () => tokenOf(3)), tokenOf(ZERO_BUCKET, 2)];
    const expected = [tokenOf(ZERO_BUCKET, 2), tokenOf(3, 1, 0), tokenOf(3, 1, 1), tokenOf(7)];
    assert.deepEqual(merged(bytesOf(tokens)), bytesOf(expected));
    assert.deepEqual(merged(bytesOf([])), bytesOf([]));
  });

  test('keep a percentile within the exact least and greatest value', () => {
    const bytes = bytesOf([tokenOf(10, 4), tokenOf(11, 4)]);
    assert.equal(packedPercentile(bytes, { min: 2.4, max: 2.5 }, 0.99), 2.5);
    assert.equal(packedPercentile(bytesOf([]), { min: 0, max: 0 }, 0.5), null);
  });
});
