import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isRateLimited, rateLimitReset } from '../../../src/core/llm/rate-limit.ts';
import { milliseconds } from '../../../src/core/units.ts';

const NOW = milliseconds(Date.parse('2026-11-22T10:00:00Z'));
const wait = (headers: Record<string, string>, statusCode = 429) =>
  rateLimitReset(statusCode, (name) => headers[name] ?? null, NOW);

test('each way in which providers say when to come back', () => {
  const cases: [Record<string, string>, number | null][] = [
    [{ 'retry-after-ms': '1234' }, 1234],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Sun, 22 Nov 2026 10:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'x-ratelimit-reset-requests': '6m0s' }, 360_000],
    [{ 'x-ratelimit-reset-tokens': '17ms' }, 17],
    [{ 'x-ratelimit-reset-tokens': '1h2m3.5s' }, 3_723_500],
    [{ 'anthropic-ratelimit-input-tokens-reset': '2026-11-22T10:00:30Z' }, 30_000],
    [{ 'x-ratelimit-reset': String((NOW + 2000) / 1000) }, 2000],
    [{ 'x-ratelimit-reset': String(NOW + 2500) }, 2500],
    [{ 'x-ratelimit-reset': '3' }, 3000],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '-3' }, null],
    [{ 'retry-after': '99999999' }, null],
    [{ 'retry-after': '' }, null],
    [{}, null],
  ];
  for (const [headers, expected] of cases) assert.equal(wait(headers), expected, JSON.stringify(headers));
});

test('the direct word comes first, then the longest wait of the limits that are used up', () => {
  const limits = {
    'x-ratelimit-reset-requests': '2s',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-tokens': '8s',
    'x-ratelimit-remaining-tokens': '0',
  };
  assert.equal(wait({ ...limits, 'retry-after-ms': '10', 'retry-after': '1' }), 10);
  assert.equal(wait(limits), 8000);
  assert.equal(wait({ ...limits, 'x-ratelimit-remaining-tokens': '900' }), 2000);
  assert.equal(wait({ 'x-ratelimit-reset-requests': '2s', 'x-ratelimit-reset-tokens': '8s' }), 2000);
});

test('only refusals are waited for', () => {
  assert.equal(wait({ 'retry-after': '1' }, 503), 1000);
  assert.equal(wait({ 'retry-after': '1' }, 529), 1000);
  assert.equal(wait({ 'x-ratelimit-reset-requests': '1s' }, 200), null);
  assert.equal(wait({ 'retry-after': '1' }, 500), null);
});

test('too many requests, by the status or by the word of a provider whose stream had begun', () => {
  assert.ok(isRateLimited(429, 'anything'));
  for (const type of ['rate_limit_error', 'RESOURCE_EXHAUSTED', 'throttlingException']) {
    assert.ok(isRateLimited(200, type), type);
  }
  assert.equal(isRateLimited(529, 'overloaded_error'), false);
  assert.equal(isRateLimited(null, null), false);
});
