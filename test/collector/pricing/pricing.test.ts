import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { createPricer } from '../../../src/collector/pricing.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../src/core/event.ts';
import { tokenUsage } from '../../../src/core/llm/usage.ts';
import { milliseconds, usd } from '../../../src/core/units.ts';
import { NervecenterError } from '../../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'nervecenter-prices-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const log: string[] = [];
const pricerWith = (overridesPath: string | null) =>
  createPricer({ overridesPath, log: (component, message) => void log.push(`${component}: ${message}`) });
const pricer = pricerWith(null);

function call(fields: Partial<LlmCallEvent>): LlmCallEvent {
  return {
    signal: 'llm-call',
    ...NO_CALL_DETAILS,
    id: '019a0000-0000-7000-8000-000000000000',
    timeMs: milliseconds(Date.UTC(2026, 9, 1)),
    traceId: null,
    userEmail: null,
    department: null,
    provider: 'openai',
    serverAddress: 'api.openai.com',
    operation: 'chat',
    model: 'gpt-4o',
    responseModel: null,
    streaming: false,
    usage: tokenUsage({ inputUncached: 1_000_000, outputText: 1_000_000 }),
    usageSource: 'provider',
    durationMs: milliseconds(1),
    firstTokenMs: null,
    outcome: 'ok',
    errorType: null,
    queryCategory: null,
    reportedCostUsd: null,
    ...fields,
  };
}

test('prices known models, also behind a stub on this machine', () => {
  const cases: readonly (readonly [Partial<LlmCallEvent>, number])[] = [
    [{ model: 'gpt-4o' }, 12.5],
    [{ model: 'my-deployment', responseModel: 'gpt-4o-2024-08-06', provider: 'azure.ai.openai' }, 12.5],
    [{ model: 'grok-4-1-fast-reasoning', provider: 'x_ai', serverAddress: 'api.x.ai' }, 0.7],
    [{ model: 'grok-4-1', provider: 'x_ai', serverAddress: 'api.x.ai' }, 0.7],
    [{ model: 'grok-4-1', serverAddress: '127.0.0.1' }, 0.7],
    [{ model: 'claude-3-sonnet', provider: 'anthropic', serverAddress: 'localhost' }, 18],
    [{ model: 'openai/gpt-4o', provider: 'gw.example.com', serverAddress: 'gw.example.com' }, 12.5],
    [{ model: 'text-embedding-3-small', usage: tokenUsage({ inputUncached: 1_000_000 }) }, 0.02],
  ];
  for (const [fields, expected] of cases) {
    const cost = pricer.price(call(fields));
    assert.deepEqual(
      cost,
      { usd: expected, source: 'table', priceVersion: pricer.version },
      JSON.stringify(fields),
    );
  }
  assert.match(pricer.version, /^genai-prices@\d+\.\d+\.\d+$/);
});

test('cached tokens and long prompts have their own prices', () => {
  const claude = { provider: 'anthropic', serverAddress: 'api.anthropic.com', model: 'claude-sonnet-4-5' };
  const usage = tokenUsage({
    inputUncached: 10,
    cacheRead: 1000,
    cacheWrite5m: 100,
    cacheWrite1h: 100,
    outputText: 10,
  });
  const dollars = (10 * 3 + 1000 * 0.3 + 100 * 3.75 + 100 * 6 + 10 * 15) / 1e6;
  assert.equal(pricer.price(call({ ...claude, usage })).usd, Number(dollars.toFixed(10)));
  const long = tokenUsage({ inputUncached: 300_000, outputText: 100 });
  assert.equal(pricer.price(call({ ...claude, usage: long })).usd, (300_000 * 6 + 100 * 22.5) / 1e6);
});

test('an unknown price is null, never 0 and never a guess', () => {
  for (const fields of [
    { model: 'no-such-model' },
    { model: 'other' },
    { model: 'gpt-4o', provider: 'groq', serverAddress: 'api.groq.com' },
    { model: 'deepseek-r1:8b', serverAddress: '127.0.0.1' },
    { model: 'gpt-oss-120b', serverAddress: 'localhost' },
    { usage: null },
  ] satisfies Partial<LlmCallEvent>[]) {
    const cost = pricer.price(call(fields));
    assert.deepEqual(cost, { usd: null, source: 'none', priceVersion: null }, JSON.stringify(fields));
  }
});

test('what the provider billed comes first, then the own prices, then the table', () => {
  const path = join(folder, 'prices.json');
  writeFileSync(
    path,
    JSON.stringify({ 'gpt-4o': { input: 1, output: 2 }, 'openai/private': { input: 4, output: 4 } }),
  );
  const own = pricerWith(path);
  assert.match(own.version, /\+overrides$/);
  assert.deepEqual(own.price(call({})), { usd: 3, source: 'override', priceVersion: 'overrides' });
  assert.equal(own.price(call({ model: 'private' })).usd, 8);
  assert.equal(own.price(call({ model: 'gpt-4o-mini' })).source, 'table');
  assert.deepEqual(own.price(call({ reportedCostUsd: usd(0.25), usage: null })), {
    usd: 0.25,
    source: 'provider',
    priceVersion: null,
  });
});

test('a price file that cannot be used stops the start and says why and what to do', () => {
  const path = join(folder, 'bad.json');
  const refused = (pattern: RegExp) =>
    assert.throws(
      () => pricerWith(path),
      (error) =>
        error instanceof NervecenterError &&
        error.code === 'NC_CONFIG_INVALID' &&
        pattern.test(error.message),
    );
  refused(/NERVECENTER_PRICES: .*bad\.json.*ENOENT.*unset/);
  writeFileSync(path, '{"gpt-4o":');
  refused(/SyntaxError/);
  writeFileSync(path, '{"gpt-4o":{"input":"3"}}');
  refused(/output is missing.*input must be USD per million tokens/);
});

test('never throws, and any cost is finite and not negative, whatever the call', () => {
  const count = fc.oneof(
    fc.nat({ max: 2_000_000 }),
    fc.constantFrom(-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY),
  );
  const model = fc.oneof(
    fc.constantFrom('gpt-4o', 'claude-sonnet-4-5', 'sonar', 'constructor', '__proto__'),
    fc.string(),
  );
  const provider = fc.oneof(
    fc.constantFrom('openai', 'anthropic', 'perplexity', 'constructor', ''),
    fc.string(),
  );
  fc.assert(
    fc.property(provider, model, fc.tuple(count, count, count, count, count), (id, name, counts) => {
      const [inputUncached, cacheRead, cacheWrite5m, cacheWrite1h, outputText] = counts;
      const usage = tokenUsage({ inputUncached, cacheRead, cacheWrite5m, cacheWrite1h, outputText });
      const cost = pricer.price(call({ provider: id, serverAddress: null, model: name, usage }));
      assert.ok(cost.usd === null || (Number.isFinite(cost.usd) && cost.usd >= 0), JSON.stringify(cost));
    }),
    { numRuns: 300 },
  );
  assert.ok(log.length <= 1, 'a failing price is logged once');
});
