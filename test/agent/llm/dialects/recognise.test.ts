import assert from 'node:assert/strict';
import { test } from 'vitest';
import { anthropicMessages } from '../../../../src/agent/llm/dialects/anthropic-messages.ts';
import { providerOf, recognise } from '../../../../src/agent/llm/dialects/index.ts';
import { ollamaChat } from '../../../../src/agent/llm/dialects/ollama.ts';
import { openaiChat } from '../../../../src/agent/llm/dialects/openai/chat.ts';
import { errorType, modelName } from '../../../../src/core/llm/labels.ts';

const none = (_name: string) => false;
const has = (header: string) => (name: string) => name === header;

/** Dialect and certainty, or `null`, in one word each. */
function verdict(host: string, path: string, header = none): string | null {
  const recognised = recognise(host, path, header);
  return recognised && `${recognised.dialect.name} ${recognised.certain ? 'certain' : 'doubtful'}`;
}

test('calls are recognised by path on the hosts of providers', () => {
  assert.equal(verdict('api.openai.com', '/v1/chat/completions'), 'openai-chat certain');
  assert.equal(verdict('api.openai.com', '/v1/completions'), 'openai-completions certain');
  assert.equal(verdict('api.openai.com', '/v1/responses?x=1'), 'openai-responses certain');
  assert.equal(verdict('api.openai.com', '/v1/responses/compact'), 'openai-responses certain');
  assert.equal(verdict('api.openai.com', '/v1/embeddings/'), 'openai-embeddings certain');
  assert.equal(verdict('api.anthropic.com', '/v1/messages?beta=true'), 'anthropic-messages certain');
  assert.equal(verdict('api.groq.com', '/openai/v1/chat/completions'), 'openai-chat certain');
  assert.equal(verdict('openrouter.ai', '/api/v1/chat/completions'), 'openai-chat certain');
  assert.equal(
    verdict('generativelanguage.googleapis.com', '/v1beta/openai/chat/completions'),
    'openai-chat certain',
  );
});

test('chat completions are recognised on any host; other paths need a header, or a body that proves it', () => {
  assert.equal(verdict('llm.example.com', '/proxy/chat/completions'), 'openai-chat certain');
  assert.equal(verdict('127.0.0.1', '/v1/embeddings', has('x-stainless-lang')), 'openai-embeddings certain');
  assert.equal(verdict('127.0.0.1', '/v1/messages', has('anthropic-version')), 'anthropic-messages certain');
  assert.equal(verdict('127.0.0.1', '/v1/messages'), 'anthropic-messages doubtful');
  assert.equal(verdict('127.0.0.1', '/v1/responses'), 'openai-responses doubtful');
});

test('what only sounds like a call is none', () => {
  for (const path of [
    '/v1/messages/count_tokens',
    '/v1/messages/batches',
    '/v1/responses/resp_123',
    '/v1/responses/resp_123/cancel',
    '/v1/chat/completions/chatcmpl-1',
    '/v1/models',
    '/v1/images',
    '/v1/audio/voices',
    '/v1/batches',
    '/v1/files',
    '/v1/moderations',
    '/v1/files?for=/embeddings',
    '/completions-report',
  ]) {
    assert.equal(verdict('api.openai.com', path), null, path);
  }
  for (const path of [
    '/messages',
    '/api/rooms/7/messages',
    '/survey/responses',
    '/embeddings',
    '/auto/completions',
  ]) {
    assert.equal(verdict('chat.example.com', path), null, path);
  }
});

test("Azure's deployment is the model, and proves the call on any host", () => {
  const path = '/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21';
  const azure = recognise('me.openai.azure.com', path, none);
  assert.equal(azure?.pathModel, 'my gpt');
  assert.equal(
    verdict('gateway.example.com', '/x/openai/deployments/e/embeddings'),
    'openai-embeddings certain',
  );
  assert.equal(recognise('h', '/openai/deployments/%zz/embeddings', none)?.pathModel, '%zz');
});

test('providers by host, on this machine by dialect, model or port, else the host', () => {
  const at = (host: string, model = 'm', port?: number) => providerOf({ host, port }, openaiChat, model);
  assert.equal(at('api.x.ai'), 'x_ai');
  assert.equal(at('me.openai.azure.com'), 'azure.ai.openai');
  assert.equal(at('api.mistral.ai'), 'mistral_ai');
  // A gateway or a stub speaks for the model's maker.
  assert.equal(at('localhost', 'gpt-4o-mini', 4000), 'openai');
  assert.equal(at('localhost', 'openai/gpt-4o', 4000), 'openai');
  assert.equal(at('localhost', 'claude-sonnet-4-6', 4000), 'anthropic');
  assert.equal(at('[::1]', 'text-embedding-3-small'), 'openai');
  assert.equal(providerOf({ host: '127.0.0.1', port: 80 }, anthropicMessages, 'claude-3-haiku'), 'anthropic');
  // Whose server a model of open weights runs on, only the port may tell.
  assert.equal(at('127.0.0.1', 'llama3.2', 11434), 'ollama');
  assert.equal(at('127.0.0.1', 'qwen3-8b', 1234), 'lm_studio');
  assert.equal(at('127.0.0.1', 'meta-llama/Llama-3.1-8B-Instruct', 8000), 'vllm');
  assert.equal(at('host.docker.internal', 'llama3.2', 11434), 'ollama');
  for (const model of [
    'llama3.2',
    'gpt-oss:20b',
    'openai/gpt-oss-120b',
    'text-embedding-nomic-embed-text-v1.5',
  ])
    assert.equal(at('127.0.0.1', model, 5005), '127.0.0.1');
  assert.equal(providerOf({ host: 'localhost', port: 5005 }, anthropicMessages, 'qwen3'), 'localhost');
  assert.equal(providerOf({ host: 'localhost', port: 5005 }, ollamaChat, 'llama3.2'), 'ollama');
  assert.equal(at('llm.example.com', 'gpt-4o'), 'llm.example.com');
  assert.equal(at('constructor'), 'constructor');
});

test('labels: names are printable and short; errors are no sentences', () => {
  assert.equal(modelName(`m${'x'.repeat(200)}`)?.length, 100);
  assert.equal(modelName('a\nb\u00e9c'), 'a?b?c');
  assert.equal(modelName(''), null);
  assert.equal(modelName(7), null);
  assert.equal(errorType([null, 'The key sk-123 is wrong', 'invalid_api_key']), 'invalid_api_key');
  assert.equal(errorType([429]), '429');
  assert.equal(errorType([undefined, {}]), null);
});
