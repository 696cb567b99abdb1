import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { streamText } from 'ai';
import OpenAI from 'openai';
import { afterEach, beforeEach, test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { chatDelta, type StubServer, startStub, writeEvents } from './support/stub-server.ts';

const ON = { errorMessages: false, includeUsage: true };
const USAGE = { prompt_tokens: 21, completion_tokens: 2, total_tokens: 23 };
const CHAT = { model: 'gpt-4o', messages: [{ role: 'user' as const, content: 'a "question" \u00e4\u6c7d' }] };

const realFetch = globalThis.fetch;
let server: StubServer;
let recording: RecordingAgent;
let requests: { body: string; length: string | undefined }[];

beforeEach(async () => {
  requests = [];
  server = await startStub();
  server.handler = (request, response, body) => {
    requests.push({ body: body.toString(), length: request.headers['content-length'] });
    writeEvents(response, [chatDelta('Hello'), { ...chatDelta(' you'), usage: null }]);
    if (body.includes('"include_usage":true')) {
      writeEvents(response, [
        { object: 'chat.completion.chunk', model: 'gpt-4o', choices: [], usage: USAGE },
      ]);
    }
    writeEvents(response, ['[DONE]']);
    response.end();
  };
  // The provider's host, answered by the stub.
  globalThis.fetch = ((input: string | URL, init?: RequestInit) => {
    const { pathname, search } = new URL(input);
    return realFetch(`${server.url}${pathname}${search}`, init);
  }) as typeof fetch;
  recording = startRecording(ON);
});
afterEach(async () => {
  recording.stop();
  globalThis.fetch = realFetch;
  await server.close();
});

async function usageSeen() {
  const [event] = await recording.take(1);
  return [event?.usageSource, event?.usage];
}
const PROVIDED = ['provider', tokenUsage({ inputUncached: 21, outputText: 2 })];

test('openai: the usage is asked for and counted, and the app sees what it would have seen', async () => {
  const client = new OpenAI({ apiKey: 'test-key', maxRetries: 0 });
  let text = '';
  for await (const chunk of await client.chat.completions.create({ ...CHAT, stream: true })) {
    // As apps do it: fails on an event without choices.
    const [choice] = chunk.choices as [(typeof chunk.choices)[0]];
    text += choice.delta.content;
  }
  assert.equal(text, 'Hello you');
  assert.deepEqual(await usageSeen(), PROVIDED);
  const { body, length } = requests[0] ?? { body: '', length: '' };
  assert.deepEqual(JSON.parse(body), { ...CHAT, stream: true, stream_options: { include_usage: true } });
  assert.equal(length, String(Buffer.byteLength(body)));
});

test('an app that decided itself, answers that are no streams, and other hosts are left alone', async () => {
  const client = new OpenAI({ apiKey: 'test-key', maxRetries: 0 });
  const asked = { ...CHAT, stream: true as const, stream_options: { include_usage: true } };
  const choices = [];
  for await (const chunk of await client.chat.completions.create(asked)) choices.push(chunk.choices.length);
  assert.deepEqual(choices, [1, 1, 0]);
  await recording.take(1);
  const send = async (url: string, body: string | Uint8Array<ArrayBuffer>) => {
    await (await fetch(url, { method: 'POST', body })).text();
    return requests.at(-1)?.body;
  };
  const url = 'https://api.openai.com/v1/chat/completions';
  const stream = JSON.stringify({ ...CHAT, stream: true });
  for (const body of [
    JSON.stringify(CHAT),
    JSON.stringify({ ...CHAT, stream: true, stream_options: null }),
    JSON.stringify({ ...CHAT, stream: false }),
    '{"stream":true,"messages":[',
    'no json',
  ]) {
    assert.equal(await send(url, body), body);
  }
  assert.equal(await send('https://llm.example.com/v1/chat/completions', stream), stream);
  assert.equal(await send('https://api.openai.com/v1/completions', stream), stream);
  assert.equal(await send(url, Buffer.from(stream)), stream);
  assert.notEqual(await send(url, stream), stream);
});

test('a response keeps its address, its headers and its errors; a length the app gave is put right', async () => {
  const url = 'https://api.openai.com/v1/chat/completions';
  const body = JSON.stringify({ ...CHAT, stream: true });
  const headers = { 'content-length': String(Buffer.byteLength(body)), 'x-mine': '1' };
  const response = await fetch(url, { method: 'POST', body, headers });
  assert.equal(response.url, `${server.url}/v1/chat/completions`);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal(response.status, 200);
  assert.equal((await response.text()).includes('"choices":[]'), false);
  await recording.take(1);

  server.handler = (_request, answer) => writeEvents(answer, [chatDelta('x')]);
  const controller = new AbortController();
  const open = await fetch(url, { method: 'POST', body, signal: controller.signal });
  const reader = open.body?.getReader();
  await reader?.read();
  controller.abort(new Error('mine'));
  await assert.rejects(async () => reader?.read(), /mine/);
  assert.equal((await recording.take(1))[0]?.outcome, 'aborted');

  const left = await fetch(url, { method: 'POST', body });
  const leftReader = left.body?.getReader();
  await leftReader?.read();
  await leftReader?.cancel();
  assert.equal((await recording.take(1))[0]?.outcome, 'aborted');
});

test('the AI SDK asks itself and is not changed', async () => {
  const { chat } = createOpenAI({ apiKey: 'test-key' });
  const result = streamText({ model: chat('gpt-4o'), prompt: 'a question', maxRetries: 0 });
  let text = '';
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, 'Hello you');
  assert.equal((await result.usage).inputTokens, 21);
  assert.deepEqual(await usageSeen(), PROVIDED);
  assert.equal(requests[0]?.body.indexOf('stream_options'), requests[0]?.body.lastIndexOf('stream_options'));
});

test('off by default, undone at the end, and never taken from whoever wrapped it later', () => {
  recording.stop();
  const before = globalThis.fetch;
  startRecording().stop();
  recording = startRecording();
  assert.equal(globalThis.fetch, before);
  const asking = startRecording(ON);
  assert.notEqual(globalThis.fetch, before);
  const later = (async () => new Response()) as typeof fetch;
  globalThis.fetch = later;
  asking.stop();
  assert.equal(globalThis.fetch, later);
});
