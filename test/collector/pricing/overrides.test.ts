import assert from 'node:assert/strict';
import { test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { findOverride, parseOverrides } from '../../../src/collector/pricing/overrides.ts';
import { chargeFor } from '../../../src/collector/pricing/rates.ts';

const call = { provider: 'openai', serverAddress: 'api.openai.com', model: 'm', responseModel: 'm-2026' };

test('a price file is read: tokens per million, other things per unit, names of models', () => {
  const { overrides, problems } = parseOverrides({
    m: { input: 3, output: 15 },
    'openai/n': { input: 1, output: 2, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2 },
    voice: { input: 1, output: 2, audio_in: 10, audio_out: 20, image_in: 3, image_out: 4 },
    units: { per_search: 0.002, per_image: 0.04, per_minute: 0.006 },
    deployment: { model: 'gpt-4o' },
    'gateway/large': { model: 'claude-sonnet-4-5', provider: 'anthropic' },
  });
  assert.deepEqual(problems, []);
  const tokensOf = (key: string) => {
    const override = overrides.get(key);
    return override?.kind === 'rates' ? override.rates.tokens : null;
  };
  assert.deepEqual(tokensOf('m'), { inputUncached: 3, outputText: 15, inputAudio: 3, outputAudio: 15 });
  assert.deepEqual(tokensOf('openai/n'), {
    inputUncached: 1,
    outputText: 2,
    cacheRead: 0.1,
    cacheWrite5m: 1.25,
    cacheWrite1h: 2,
    inputAudio: 1,
    outputAudio: 2,
  });
  assert.deepEqual(tokensOf('voice'), {
    inputUncached: 1,
    outputText: 2,
    inputAudio: 10,
    outputAudio: 20,
    inputImage: 3,
    outputImage: 4,
  });
  assert.deepEqual(overrides.get('units'), {
    kind: 'rates',
    rates: {
      tokens: {},
      units: { searches: 0.002, images: 0.04, audioSeconds: 0.0001 },
    },
  });
  assert.deepEqual(overrides.get('deployment'), { kind: 'model', model: 'gpt-4o', provider: null });
  assert.deepEqual(overrides.get('gateway/large'), {
    kind: 'model',
    model: 'claude-sonnet-4-5',
    provider: 'anthropic',
  });
});

test('what is wrong in a price file is said, all of it, by model', () => {
  assert.deepEqual(parseOverrides([]).problems, ['expected an object of models, got something else']);
  const { overrides, problems } = parseOverrides({
    a: 7,
    b: { input: -1 },
    c: { input: '3', output: 1, cached: 2 },
    d: { per_image: null, cache_read: 1 },
    e: { model: '', input: 1 },
    f: { provider: 'openai' },
    good: { input: 0, output: 0 },
  });
  assert.deepEqual([...overrides.keys()], ['good']);
  assert.deepEqual(problems, [
    '"a": expected an object with input and output, got something else',
    '"b": output is missing',
    '"b": input must be USD per million tokens from 0 on, got -1',
    '"c": "cached" is not one of input, output, cache_read, cache_write, cache_write_1h, audio_in, audio_out, image_in, ' +
      'image_out, per_search, per_image, per_minute, model, provider',
    '"c": input must be USD per million tokens from 0 on, got "3"',
    '"d": input is missing',
    '"d": output is missing',
    '"d": per_image must be USD per image from 0 on, got null',
    '"e": input cannot stand beside model, whose prices are used',
    '"e": model must be a name of 1 to 200 characters, got ""',
    '"f": provider is given without model',
  ]);
});

test('the more specific key comes first, then the model that was really used', () => {
  const price = (input: number) => ({ input, output: 1 });
  const of = (document: Record<string, unknown>) => {
    const override = findOverride(parseOverrides(document).overrides, call);
    return override?.kind === 'rates' ? override.rates.tokens.inputUncached : undefined;
  };
  assert.equal(of({ m: price(1), 'm-2026': price(2), 'openai/m': price(3), 'openai/m-2026': price(4) }), 4);
  assert.equal(of({ m: price(1), 'm-2026': price(2), 'openai/m': price(3) }), 3);
  assert.equal(of({ m: price(1), 'm-2026': price(2) }), 2);
  assert.equal(of({ m: price(1) }), 1);
  assert.equal(of({ other: price(1) }), undefined);
});

test('every bucket is charged at its own price, and one without at that of its plain tokens', () => {
  const usage = tokenUsage({
    inputUncached: 1_000_000,
    cacheRead: 2_000_000,
    cacheWrite5m: 1_000_000,
    cacheWrite1h: 1_000_000,
    outputText: 500_000,
    outputReasoning: 500_000,
  });
  const charged = (prices: Record<string, number>) => {
    const override = parseOverrides({ m: { input: 1, output: 10, ...prices } }).overrides.get('m');
    return override?.kind === 'rates' ? chargeFor(override.rates, usage, null).usd : null;
  };
  assert.equal(charged({ cache_read: 0.1, cache_write: 2 }), 15.2);
  assert.equal(charged({ cache_read: 0.1, cache_write: 2, cache_write_1h: 4 }), 17.2);
  assert.equal(charged({}), 15);
});
