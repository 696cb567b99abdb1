import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { afterEach, beforeEach, test } from 'vitest';
import type { LlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { chatDelta, type StubServer, sendJson, startStub, writeEvents } from './support/stub-server.ts';

let server: StubServer;
let recording: RecordingAgent;
beforeEach(async () => {
  server = await startStub();
  recording = startRecording();
});
afterEach(async () => {
  recording.stop();
  await server.close();
});

const CHAT = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: 'a secret question' }] };

/** The event of one request whose answer `status` and `body` are. */
async function answered(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<LlmCallEvent> {
  server.handler = (_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    sendJson(response, status, body);
  };
  const request = { method: 'POST', body: JSON.stringify(CHAT) };
  await (await fetch(`${server.url}/v1/chat/completions`, request)).text();
  const [event] = await recording.take(1);
  assert.ok(event);
  return event;
}

const refusal = (code: string | null, message: string) => ({ error: { message, type: 'requests', code } });

test('a refusal tells its status, its code, and when to come back', async () => {
  const event = await answered(429, refusal('rate_limit_exceeded', 'a secret'), {
    'x-ratelimit-reset-requests': '12s',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-tokens': '6m0s',
    'x-ratelimit-remaining-tokens': '100',
  });
  assert.deepEqual(
    [event.statusCode, event.errorType, event.rateLimitResetMs, event.outcome],
    [429, 'rate_limit_exceeded', 12_000, 'error'],
  );
  assert.equal((await answered(500, refusal(null, 'x'), { 'retry-after': '9' })).rateLimitResetMs, null);
});

test("a provider's words are recorded only on request, as text of at most 500 characters", async () => {
  const words = `Straße «${'ä'.repeat(600)}`;
  assert.equal((await answered(400, refusal('bad', words))).errorMessage, null);
  recording.stop();
  recording = startRecording({ errorMessages: true, includeUsage: false });
  assert.equal((await answered(400, refusal('bad', words))).errorMessage, words.slice(0, 500));
  assert.equal((await answered(400, { error: { message: { secret: 1 } } })).errorMessage, null);
  const fine = {
    model: 'm',
    choices: [],
    usage: { prompt_tokens: 1, completion_tokens: 0, total_tokens: 1 },
  };
  assert.equal((await answered(200, fine)).errorMessage, null);
});

test('why the model stopped, which tier served, and a total that does not add up', async () => {
  const choices = [
    { index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'content_filter' },
  ];
  const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 9 };
  const event = await answered(200, { model: 'm', choices, service_tier: 'priority', usage });
  assert.deepEqual(
    [event.outcome, event.finishReason, event.serviceTier, event.usageMismatch],
    ['ok', 'content_filter', 'priority', true],
  );
  const exact = await answered(200, { model: 'm', choices, usage: { ...usage, total_tokens: 7 } });
  assert.deepEqual([exact.usageMismatch, exact.serviceTier], [false, null]);
});

test('a prompt that the filter refuses is an error with the filter as its reason', async () => {
  const event = await answered(400, refusal('content_filter', 'The prompt: a secret'));
  assert.deepEqual(
    [event.outcome, event.errorType, event.finishReason, event.errorMessage],
    ['error', 'content_filter', 'content_filter', null],
  );
});

test('a name that is no word is no finish reason: it might be text', async () => {
  const choices = [{ message: { content: '' }, finish_reason: 'because of the secret' }];
  assert.equal((await answered(200, { model: 'm', choices })).finishReason, null);
});

test('the gap between chunks is that of chunks with content', async () => {
  server.handler = async (_request, response) => {
    writeEvents(response, [chatDelta('')]);
    for (let chunk = 0; chunk < 21; chunk++) {
      await new Promise(setImmediate);
      writeEvents(response, [chatDelta('x')]);
    }
    response.end();
  };
  const client = new OpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1`, maxRetries: 0 });
  let seen = 0;
  for await (const chunk of await client.chat.completions.create({ ...CHAT, stream: true })) {
    if (chunk.choices[0]?.delta.content === 'x') seen++;
  }
  const [event] = await recording.take(1);
  assert.equal(seen, 21);
  assert.ok(event?.chunkGapP95Ms !== null && event?.chunkGapP95Ms !== undefined);
  assert.ok(event.chunkGapP95Ms >= 0 && event.chunkGapP95Ms <= event.durationMs);
  const [gaps] = recording.chunkGaps;
  assert.deepEqual([gaps?.values.count, gaps?.attributes['gen_ai.request.model']], [20, CHAT.model]);
  assert.ok(gaps && gaps.values.sum * 1000 <= event.durationMs);
  assert.equal((await answered(200, { model: 'm' })).chunkGapP95Ms, null);
  assert.equal(recording.chunkGaps.length, 1);
});

test('hosts that do not exist and certificates nobody vouches for are told by their codes', async () => {
  const post = (url: string) => fetch(url, { method: 'POST', body: JSON.stringify(CHAT) });
  await assert.rejects(post('http://nowhere.invalid/v1/chat/completions'));
  const [unknown] = await recording.take(1);
  assert.match(unknown?.errorType ?? '', /^(ENOTFOUND|EAI_AGAIN)$/);
  assert.deepEqual([unknown?.outcome, unknown?.statusCode], ['error', null]);
  await assert.rejects(post(`https://127.0.0.1:${server.port}/v1/chat/completions`));
  const [insecure] = await recording.take(1);
  assert.equal(insecure?.outcome, 'error');
  assert.match(insecure?.errorType ?? '', /^(ERR_SSL_\w+|ECONNRESET|UND_ERR_SOCKET)$/);
});

test('an answer that is not streamed has no first token, also where streams are the default', async () => {
  const message = { role: 'assistant', content: 'x' };
  const counts = { done: true, prompt_eval_count: 9, eval_count: 3 };
  const says = { model: 'llama3.2', created_at: '2026-01-01T00:00:00Z', message, ...counts };
  server.handler = (_request, response) => sendJson(response, 200, says);
  const body = JSON.stringify({ ...CHAT, model: 'llama3.2', stream: false });
  await (await fetch(`${server.url}/api/chat`, { method: 'POST', body })).text();
  const [event] = await recording.take(1);
  assert.deepEqual(
    [event?.provider, event?.streaming, event?.firstTokenMs, event?.usage?.outputText],
    ['ollama', false, null, 3],
  );
});
