import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { listedRates } from '../../../src/collector/pricing/listed-price.ts';
import { chargeFor, type Rates } from '../../../src/collector/pricing/rates.ts';
import type { TokenUsage } from '../../../src/core/llm/usage.ts';
import { tokens } from '../../../src/core/units.ts';

const BUCKETS = Object.keys(tokenUsage({})) as (keyof TokenUsage)[];
/** Prices as price lists have them: at most four decimals, up to 1,000 USD per million. */
const DECIMALS = 10_000;
const price = fc.integer({ min: 0, max: 1000 * DECIMALS });
const prices = fc.tuple(...BUCKETS.map(() => price));
const counts = fc.tuple(...BUCKETS.map(() => fc.nat({ max: 2_000_000 })));

const ratesOf = (units: readonly number[]): Rates => ({
  tokens: Object.fromEntries(BUCKETS.map((bucket, index) => [bucket, (units[index] ?? 0) / DECIMALS])),
  units: {},
});
const usageOf = (values: readonly number[]): TokenUsage =>
  Object.fromEntries(
    BUCKETS.map((bucket, index) => [bucket, tokens(values[index] ?? 0)]),
  ) as unknown as TokenUsage;
const costOf = (rates: Rates, usage: TokenUsage): number => {
  const { usd } = chargeFor(rates, usage, null);
  assert.ok(usd !== null);
  return usd;
};

test('a cost is less than 1e-9 USD off the exact one', () => {
  fc.assert(
    fc.property(prices, counts, (units, values) => {
      // Prices times 1e4, per 1e6 tokens: the exact cost in units of 1e-10 USD.
      const exact = units.reduce((sum, unit, index) => sum + BigInt(unit) * BigInt(values[index] ?? 0), 0n);
      const cost = costOf(ratesOf(units), usageOf(values));
      const error = BigInt(Math.round(cost * 1e10)) - exact;
      assert.ok(error > -10n && error < 10n, `${cost} instead of ${exact}e-10`);
    }),
  );
});

test('no bucket makes a call cheaper by having more tokens, and the whole is the sum of its buckets', () => {
  fc.assert(
    fc.property(
      prices,
      counts,
      fc.nat({ max: BUCKETS.length - 1 }),
      fc.nat({ max: 10_000 }),
      (units, values, at, more) => {
        const rates = ratesOf(units);
        const cost = costOf(rates, usageOf(values));
        const larger = values.map((value, index) => (index === at ? value + more : value));
        assert.ok(costOf(rates, usageOf(larger)) >= cost);
        const apart = values.map((value, index) => values.map((_, other) => (other === index ? value : 0)));
        const sum = apart.reduce((total, alone) => total + costOf(rates, usageOf(alone)), 0);
        assert.ok(Math.abs(sum - cost) < 1e-8, `${sum} and ${cost}`);
      },
    ),
  );
});

test('longer inputs have the price of their tier, all of their tokens', () => {
  const listed = {
    input_mtok: {
      base: 1,
      tiers: [
        { start: 200, price: 4 },
        { start: 100, price: 2 },
      ],
    },
    output_mtok: 10,
  };
  const input = (inputTokens: number) => listedRates(listed, inputTokens).tokens.inputUncached;
  assert.deepEqual([0, 100, 101, 200, 201].map(input), [1, 1, 2, 2, 4]);
});

test('what the price list has by other units is used, and what it lacks is said', () => {
  const rates = listedRates({ web_searches_kcount: 10, audio_hours: 0.36, input_mtok: 1, output_mtok: 2 }, 0);
  const million = tokenUsage({ inputUncached: 1_000_000 });
  assert.deepEqual(chargeFor(rates, million, { searches: 3 }), { usd: 1.03, cacheSavingsUsd: 0, gaps: [] });
  assert.deepEqual(chargeFor(rates, null, { audioSeconds: 90 }), {
    usd: 0.009,
    cacheSavingsUsd: null,
    gaps: [],
  });
  assert.deepEqual(chargeFor(rates, million, { images: 3 }), { usd: 1, cacheSavingsUsd: 0, gaps: ['units'] });
  const nothing = { usd: null, cacheSavingsUsd: null, gaps: [] };
  assert.deepEqual(chargeFor(rates, null, { images: 3 }), nothing);
  assert.deepEqual(chargeFor(rates, tokenUsage({}), { images: 3 }), nothing);
  assert.deepEqual(chargeFor({ tokens: {}, units: {} }, million, null), nothing);
  assert.deepEqual(
    chargeFor({ tokens: { inputUncached: 1 }, units: {} }, tokenUsage({ outputText: 1 }), null),
    nothing,
  );
  const perRequest = listedRates({ requests_kcount: 5, input_mtok: 1, output_mtok: 1 }, 0);
  assert.equal(chargeFor(perRequest, million, null).usd, 1.005);
});

test('a model billed by something else than tokens costs nothing for them', () => {
  const reranker: Rates = { tokens: {}, units: { searches: 0.002 } };
  const usage = tokenUsage({ inputUncached: 5000 });
  assert.equal(chargeFor(reranker, usage, { searches: 2 }).usd, 0.004);
  const short: Rates = { tokens: {}, units: { audioSeconds: 0.001 }, audioSecondsMin: 10 };
  assert.equal(chargeFor(short, null, { audioSeconds: 3 }).usd, 0.01);
});

test('reading from the cache saves against the input price; where a price is missing nobody knows how much', () => {
  const usage = tokenUsage({ inputUncached: 1_000_000, cacheRead: 2_000_000, cacheWrite5m: 1_000_000 });
  const full: Rates = { tokens: { inputUncached: 3, cacheRead: 0.3, cacheWrite5m: 3.75 }, units: {} };
  assert.deepEqual(chargeFor(full, usage, null), { usd: 7.35, cacheSavingsUsd: 5.4, gaps: [] });
  const plain: Rates = { tokens: { inputUncached: 3 }, units: {} };
  assert.deepEqual(chargeFor(plain, usage, null), { usd: 12, cacheSavingsUsd: null, gaps: ['rate'] });
});

test('images at the price of text are marked, and audio without a price of its own has none', () => {
  const plain: Rates = { tokens: { inputUncached: 3, outputText: 12 }, units: {} };
  const gaps = (usage: Partial<TokenUsage>) => chargeFor(plain, tokenUsage(usage), null).gaps;
  assert.deepEqual(gaps({ inputImage: tokens(1) }), ['rate']);
  assert.deepEqual(gaps({ outputImage: tokens(1) }), ['rate']);
  assert.deepEqual(gaps({ outputReasoning: tokens(1) }), []);
  assert.equal(chargeFor(plain, tokenUsage({ inputUncached: 5, inputAudio: 1 }), null).usd, null);
  assert.equal(chargeFor(plain, tokenUsage({ inputUncached: 5, outputAudio: 1 }), null).usd, null);
});
