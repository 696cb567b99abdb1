import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { createPricer } from '../../../src/collector/pricing/pricer.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../src/core/signals/llm-call.ts';
import { milliseconds, usd } from '../../../src/core/units.ts';

const folder = mkdtempSync(join(tmpdir(), 'nervecenter-prices-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
    [{ model: 'gpt-4o', serviceTier: 'default' }, 12.5],
    [{ model: 'gpt-4o', provider: 'azure.ai.openai', serverAddress: 'x.openai.azure.com' }, 12.5],
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
      { usd: expected, cacheSavingsUsd: 0, source: 'table', priceVersion: pricer.version },
      JSON.stringify(fields),
    );
  }
});

test('the table says which it is and of which day, in the room that its column has', () => {
  assert.match(pricer.version, /^genai-prices@\d+\.\d+\.\d+ \d{4}-\d\d-\d\d$/);
  assert.ok(`${pricer.version} ~rate~units~tier`.length <= 50);
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
    const unknown = { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null };
    assert.deepEqual(cost, unknown, JSON.stringify(fields));
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
  assert.deepEqual(own.price(call({})), {
    usd: 3,
    cacheSavingsUsd: 0,
    source: 'override',
    priceVersion: 'overrides',
  });
  assert.equal(own.price(call({ model: 'private' })).usd, 8);
  assert.equal(own.price(call({ model: 'gpt-4o-mini' })).source, 'table');
  assert.deepEqual(own.price(call({ reportedCostUsd: usd(0.25), usage: null })), {
    usd: 0.25,
    cacheSavingsUsd: null,
    source: 'provider',
    priceVersion: null,
  });
});

test('the models of the specification are priced', () => {
  const usage = tokenUsage({ inputUncached: 1_000_000, outputText: 1_000_000 });
  for (const [model, provider, serverAddress, usd] of [
    ['grok-4-1-fast-reasoning', 'x_ai', 'api.x.ai', 0.7],
    ['grok-4-1', 'x_ai', 'api.x.ai', 0.7],
    ['grok-4-1', 'xai', null, 0.7],
    ['claude-3-sonnet', 'anthropic', 'api.anthropic.com', 18],
  ] as const) {
    assert.equal(pricer.price(call({ model, provider, serverAddress, usage })).usd, usd, model);
  }
});

test('a price is that of the time of the call', () => {
  const at = (timeMs: number) => pricer.price(call({ model: 'o3', timeMs: milliseconds(timeMs) })).usd;
  assert.deepEqual([at(Date.UTC(2025, 4, 1)), at(Date.UTC(2025, 5, 11))], [50, 10]);
});

test('what the price lacks is said beside its version', () => {
  const cached = tokenUsage({ inputUncached: 10, cacheRead: 1_000_000, outputText: 10 });
  const version = (fields: Partial<LlmCallEvent>) =>
    pricer.price(call(fields)).priceVersion?.replace(pricer.version, '');
  const turbo = { model: 'gpt-4-turbo', usage: cached };
  assert.equal(version(turbo), ' ~rate');
  assert.equal(pricer.price(call(turbo)).cacheSavingsUsd, null);
  const claude = { provider: 'anthropic', serverAddress: 'api.anthropic.com', model: 'claude-sonnet-4-5' };
  for (const serviceTier of ['flex', 'priority', 'batch', 'Batch', 'scale', 'fast']) {
    assert.equal(version({ serviceTier }), ' ~tier', serviceTier);
    assert.equal(version({ ...claude, serviceTier }), ' ~tier', serviceTier);
  }
  for (const serviceTier of [null, 'default', 'standard', 'auto', 'on_demand']) {
    assert.equal(version({ serviceTier }), '', String(serviceTier));
  }
  assert.equal(version({ ...turbo, serviceTier: 'flex', billedUnits: { images: 1 } }), ' ~rate~units~tier');
  const batch = { provider: 'openrouter', serverAddress: 'openrouter.ai', model: 'openai/gpt-6-sol' };
  assert.equal(version({ ...batch, serviceTier: 'batch' }), '');
  const [full = 0, half = 0] = [null, 'batch'].map((serviceTier) =>
    Number(pricer.price(call({ ...batch, serviceTier })).usd),
  );
  assert.ok(full > 0 && half === full / 2);
  // Anthropic's list matches names by their beginning.
  assert.equal(version({ model: 'claude-3-sonnet', provider: 'anthropic', serviceTier: 'batch' }), ' ~tier');
});

test('what the cache saved is told, also of what the provider billed itself', () => {
  const usage = tokenUsage({ inputUncached: 1_000_000, cacheRead: 1_000_000 });
  const grok = { model: 'grok-4-1-fast-reasoning', provider: 'x_ai', serverAddress: 'api.x.ai', usage };
  assert.equal(pricer.price(call(grok)).cacheSavingsUsd, 0.15);
  assert.deepEqual(pricer.price(call({ ...grok, reportedCostUsd: usd(0.2) })), {
    usd: 0.2,
    cacheSavingsUsd: 0.15,
    source: 'provider',
    priceVersion: pricer.version,
  });
});

test('searches, audio and rerankers are priced by what is billed', () => {
  const none = { usage: null };
  const priced = (fields: Partial<LlmCallEvent>) => pricer.price(call(fields)).usd;
  const cohere = { ...none, provider: 'cohere', serverAddress: 'api.cohere.com' };
  assert.equal(priced({ ...cohere, model: 'rerank-v3.5', billedUnits: { searches: 2 } }), 0.004);
  const voyage = { provider: 'voyageai', serverAddress: 'api.voyageai.com', model: 'rerank-2.5' };
  assert.equal(priced({ ...voyage, usage: tokenUsage({ inputUncached: 1_000_000 }) }), 0.05);
  assert.equal(priced({ ...none, model: 'whisper-1', billedUnits: { audioSeconds: 60 } }), 0.006);
  const groq = { ...none, provider: 'groq', serverAddress: 'api.groq.com', model: 'whisper-large-v3' };
  const short = priced({ ...groq, billedUnits: { audioSeconds: 1 } });
  assert.equal(short, priced({ ...groq, billedUnits: { audioSeconds: 10 } }));
  assert.equal(priced({ ...none, model: 'dall-e-3', billedUnits: { images: 1 } }), null);
  assert.equal(priced({ model: 'gpt-audio', usage: tokenUsage({ inputAudio: 1_000_000 }) }), 32);
  const searching = { model: 'gpt-5', usage: tokenUsage({}), billedUnits: { searches: 1 } };
  assert.equal(priced(searching), 0.01);
  const claude = { provider: 'anthropic', serverAddress: 'api.anthropic.com', model: 'claude-sonnet-4-5' };
  assert.equal(priced({ ...searching, ...claude, billedUnits: { searches: 3 } }), 0.03);
});

test('a name can be given its model, as an Azure deployment is, and a tier its prices', () => {
  const path = join(folder, 'names.json');
  writeFileSync(
    path,
    JSON.stringify({
      'azure.ai.openai/prod': { model: 'gpt-4o' },
      large: { model: 'claude-3-sonnet', provider: 'anthropic' },
      chain: { model: 'own' },
      own: { input: 1, output: 1 },
      'own:flex': { input: 0.5, output: 0.5 },
      nowhere: { model: 'no-such-model' },
    }),
  );
  const own = pricerWith(path);
  const azure = { provider: 'azure.ai.openai', serverAddress: 'x.openai.azure.com' };
  assert.deepEqual(own.price(call({ ...azure, model: 'prod' })), {
    usd: 12.5,
    cacheSavingsUsd: 0,
    source: 'table',
    priceVersion: pricer.version,
  });
  const gateway = { provider: 'gw.example.com', serverAddress: 'gw.example.com' };
  assert.equal(own.price(call({ ...gateway, model: 'prod' })).usd, null);
  assert.equal(own.price(call({ ...gateway, model: 'large' })).usd, 18);
  assert.equal(own.price(call({ ...gateway, model: 'chain' })).usd, 2);
  assert.equal(own.price(call({ ...gateway, model: 'chain', serviceTier: 'flex' })).usd, 1);
  assert.equal(own.price(call({ model: 'own', serviceTier: 'priority' })).priceVersion, 'overrides ~tier');
  assert.equal(own.price(call({ model: 'nowhere' })).usd, null);
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
      const [inputUncached, cacheRead, cacheWrite5m, searches, outputText] = counts;
      const usage = tokenUsage({ inputUncached, cacheRead, cacheWrite5m, outputText });
      const fields = { provider: id, serverAddress: null, model: name, usage, serviceTier: id };
      const cost = pricer.price(call({ ...fields, billedUnits: { searches } }));
      assert.ok(cost.usd === null || (Number.isFinite(cost.usd) && cost.usd >= 0), JSON.stringify(cost));
    }),
    { numRuns: 300 },
  );
  assert.ok(log.length <= 1, 'a failing price is logged once');
});

test("xAI's price for long inputs begins at its threshold, Anthropic's behind it", () => {
  const inputUsd = (fields: Partial<LlmCallEvent>, inputUncached: number) =>
    pricer.price(call({ ...fields, usage: tokenUsage({ inputUncached }) })).usd ?? 0;
  const xai = { model: 'grok-4.3', provider: 'x_ai', serverAddress: 'api.x.ai' };
  const anthropic = { model: 'claude-sonnet-4-5', provider: 'anthropic', serverAddress: 'api.anthropic.com' };
  assert.ok(inputUsd(xai, 200_000) > 1.5 * inputUsd(xai, 199_999));
  assert.ok(inputUsd(anthropic, 200_000) < 1.1 * inputUsd(anthropic, 199_999));
  assert.ok(inputUsd(anthropic, 200_001) > 1.5 * inputUsd(anthropic, 200_000));
});
