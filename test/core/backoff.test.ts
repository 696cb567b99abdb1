import assert from 'node:assert/strict';
import { test } from 'vitest';
import { backoffMs } from '../../src/core/backoff.ts';

test('backoff doubles from a quarter of a second to 30 s, half of it random', () => {
  assert.equal(backoffMs(1, 0), 125);
  assert.equal(backoffMs(1, 1), 250);
  assert.equal(backoffMs(2, 1), 500);
  assert.equal(backoffMs(50, 1), 30_000);
  assert.equal(backoffMs(5000, 0), 15_000);
});

test('backoff begins, ends and scatters as it is told', () => {
  const backoff = { firstMs: 1000, ceilingMs: 5000, jitter: 1 };
  for (const [failures, ceilingMs] of [1000, 2000, 4000, 5000, 5000].entries()) {
    assert.equal(backoffMs(failures + 1, 1, backoff), ceilingMs);
    assert.equal(backoffMs(failures + 1, 0, backoff), 0);
  }
  assert.equal(backoffMs(2, 0.5, { ...backoff, jitter: 0 }), 2000);
});
