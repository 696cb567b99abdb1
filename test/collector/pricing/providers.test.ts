import assert from 'node:assert/strict';
import { test } from 'vitest';
import { priceKeys } from '../../../src/collector/pricing/providers.ts';
import { inItsTier } from '../../../src/collector/pricing/service-tier.ts';

const call = { provider: 'openai', serverAddress: 'api.openai.com', model: 'm', responseModel: 'm-2026' };

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
  // Nobody is paid for a model that runs on this machine, whatever it is called by there.
  for (const provider of ['127.0.0.1', 'ollama', 'vllm'])
    assert.ok(
      priceKeys({
        provider,
        serverAddress: '127.0.0.1',
        model: 'llama3.2',
        responseModel: 'gpt-oss:20b',
      }).every(({ tableId }) => tableId === provider),
    );
  const groq = priceKeys({
    provider: 'groq',
    serverAddress: 'api.groq.com',
    model: 'gpt-4o',
    responseModel: null,
  });
  assert.ok(groq.every(({ tableId }) => tableId === 'groq'));
});

test('a tier beyond the standard one is part of the name that is looked up', () => {
  for (const tier of [null, '', 'default', 'standard', 'auto', 'ON_DEMAND']) {
    assert.equal(inItsTier(call, tier), null);
  }
  assert.deepEqual(inItsTier(call, 'Flex'), { ...call, model: 'm:flex', responseModel: 'm-2026:flex' });
  assert.equal(inItsTier({ ...call, responseModel: null }, 'batch')?.responseModel, null);
});
