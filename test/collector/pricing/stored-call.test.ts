import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { STORED_CALL_COLUMNS, storedCall, storedUsage } from '../../../src/collector/pricing/stored-call.ts';
import { completionTokens, promptTokens } from '../../../src/core/llm/usage.ts';

test('the buckets of a row are what it was made from', () => {
  const row = {
    prompt_tokens: 100,
    completion_tokens: 60,
    cached_tokens: 10,
    cache_write_tokens: 30,
    cache_write_1h_tokens: 20,
    audio_in_tokens: 5,
    image_in_tokens: 6,
    reasoning_tokens: 7,
    audio_out_tokens: 8,
    image_out_tokens: 9,
  };
  assert.deepEqual(
    storedUsage(row),
    tokenUsage({
      inputUncached: 49,
      cacheRead: 10,
      cacheWrite5m: 10,
      cacheWrite1h: 20,
      inputAudio: 5,
      inputImage: 6,
      outputText: 36,
      outputReasoning: 7,
      outputAudio: 8,
      outputImage: 9,
    }),
  );
});

test('a row of another writer is plain input and output, with what it tells of cached ones', () => {
  const row = { provider: 'xai', model: 'grok-4-1', time_ms: 1, prompt_tokens: 10, cached_tokens: 4 };
  assert.deepEqual(storedCall(row), {
    timeMs: 1,
    provider: 'xai',
    serverAddress: null,
    model: 'grok-4-1',
    responseModel: null,
    usage: tokenUsage({ inputUncached: 6, cacheRead: 4 }),
    reportedCostUsd: null,
    serviceTier: null,
    billedUnits: null,
  });
  assert.equal(storedUsage({ total_tokens: 5 }), null);
  assert.deepEqual(storedCall({ ...row, billed_units: { searches: 2, other: 'x' } }).billedUnits, {
    searches: 2,
  });
  assert.equal(storedCall({ ...row, billed_units: [1] }).billedUnits, null);
});

test('whatever the columns say, buckets are never negative and add up to the columns of the specification', () => {
  const value = fc.oneof(fc.integer({ min: -5, max: 1000 }), fc.constant(null));
  fc.assert(
    fc.property(fc.tuple(...STORED_CALL_COLUMNS.map(() => value)), (values) => {
      const row: Record<string, number | null> = Object.fromEntries(
        STORED_CALL_COLUMNS.map((column, index) => [column, values[index] ?? null]),
      );
      const usage = storedUsage(row);
      if (usage === null) return;
      assert.ok(Object.values(usage).every((count) => count >= 0));
      assert.equal(promptTokens(usage), Math.max(0, row['prompt_tokens'] ?? 0));
      assert.equal(completionTokens(usage), Math.max(0, row['completion_tokens'] ?? 0));
    }),
  );
});
