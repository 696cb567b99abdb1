import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenUsage } from '../../../src/core/llm/usage.ts';
import { findOverride, overrideCost, parseOverrides, roundUsd } from '../../../src/core/pricing/overrides.ts';
import { priceKeys } from '../../../src/core/pricing/providers.ts';

const call = { provider: 'openai', serverAddress: 'api.openai.com', model: 'm', responseModel: 'm-2026' };

test('a price file is read, with the input price for cached tokens that have none of their own', () => {
  const { overrides, problems } = parseOverrides({
    m: { input: 3, output: 15 },
    'openai/n': { input: 1, output: 2, cache_read: 0.1, cache_write: 1.25 },
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(overrides.get('m'), { input: 3, output: 15, cacheRead: 3, cacheWrite: 3 });
  assert.deepEqual(overrides.get('openai/n'), { input: 1, output: 2, cacheRead: 0.1, cacheWrite: 1.25 });
});

test('what is wrong in a price file is said, all of it, by model', () => {
  assert.deepEqual(parseOverrides([]).problems, ['expected an object of models, got something else']);
  const { overrides, problems } = parseOverrides({
    a: 7,
    b: { input: -1 },
    c: { input: '3', output: 1, cached: 2 },
    good: { input: 0, output: 0 },
  });
  assert.deepEqual([...overrides.keys()], ['good']);
  assert.deepEqual(problems, [
    '"a": expected an object with input and output, got something else',
    '"b": output is missing',
    '"b": input must be USD per million tokens from 0 on, got -1',
    '"c": "cached" is not one of input, output, cache_read, cache_write',
    '"c": input must be USD per million tokens from 0 on, got "3"',
  ]);
});

test('the more specific key comes first, then the model that was really used', () => {
  const price = (input: number) => ({ input, output: 1 });
  const of = (document: Record<string, unknown>) =>
    findOverride(parseOverrides(document).overrides, call)?.input;
  assert.equal(of({ m: price(1), 'm-2026': price(2), 'openai/m': price(3), 'openai/m-2026': price(4) }), 4);
  assert.equal(of({ m: price(1), 'm-2026': price(2), 'openai/m': price(3) }), 3);
  assert.equal(of({ m: price(1), 'm-2026': price(2) }), 2);
  assert.equal(of({ m: price(1) }), 1);
  assert.equal(of({ other: price(1) }), undefined);
});

test('every bucket is charged at its own price, without the dust of binary fractions', () => {
  const usage = tokenUsage({
    inputUncached: 1_000_000,
    cacheRead: 2_000_000,
    cacheWrite5m: 1_000_000,
    cacheWrite1h: 1_000_000,
    outputText: 500_000,
    outputReasoning: 500_000,
  });
  assert.equal(overrideCost({ input: 1, output: 10, cacheRead: 0.1, cacheWrite: 2 }, usage), 15.2);
  assert.equal(roundUsd(0.1 + 0.2), 0.3);
});

test('where a price is looked for: the own list, for Azure also OpenAI, for stand-ins also the maker', () => {
  assert.deepEqual(
    priceKeys({
      ...call,
      provider: 'x_ai',
      serverAddress: 'api.x.ai',
      model: 'grok-4-1',
      responseModel: null,
    }),
    [{ tableId: 'x-ai', model: 'grok-4-1-fast-reasoning' }],
  );
  const azure = priceKeys({
    ...call,
    provider: 'azure.ai.openai',
    model: 'deployment',
    responseModel: 'gpt-4o',
  });
  assert.ok(azure.some(({ tableId, model }) => tableId === 'openai' && model === 'gpt-4o'));
  const gateway = { provider: 'gw.example.com', serverAddress: 'gw.example.com', responseModel: null };
  assert.ok(
    priceKeys({ ...gateway, model: 'anthropic/claude-3-sonnet' }).some(
      ({ tableId }) => tableId === 'anthropic',
    ),
  );
  assert.ok(priceKeys({ ...gateway, model: 'llama-3' }).every(({ tableId }) => tableId === 'gw.example.com'));
  const groq = priceKeys({
    provider: 'groq',
    serverAddress: 'api.groq.com',
    model: 'gpt-4o',
    responseModel: null,
  });
  assert.ok(groq.every(({ tableId }) => tableId === 'groq'));
});
