import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { empty } from '../../../dashboards/web/src/fixtures/empty.ts';
import { breakdownOf } from '../../../dashboards/web/src/rag/breakdown.ts';

describe('the latency breakdown', () => {
  const shares = (rag: Partial<typeof busy.rag>) =>
    breakdownOf({ ...busy.rag, ...rag }).map(({ id, percent }) => [id, Math.round(percent)]);

  test('shows the remainder as other', () => {
    const actual = shares({ latency_avg_ms: 200, embedding_avg_ms: 50, search_avg_ms: 100 });
    assert.deepEqual(actual, [
      ['embedding', 25],
      ['search', 50],
      ['other', 25],
    ]);
  });

  test('never adds up to more than the whole', () => {
    const actual = shares({ latency_avg_ms: 100, embedding_avg_ms: 100, search_avg_ms: 300 });
    assert.deepEqual(actual, [
      ['embedding', 25],
      ['search', 75],
      ['other', 0],
    ]);
  });

  test('is empty without a query', () => {
    assert.deepEqual(breakdownOf(empty.rag), []);
  });
});
