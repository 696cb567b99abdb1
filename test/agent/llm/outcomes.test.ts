import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { until } from '../../support/poll.ts';
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

const MESSAGES = [{ role: 'user' as const, content: 'a secret question' }];
const openai = (maxRetries = 0) =>
  new OpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1`, maxRetries });
const chat = { model: 'gpt-4o', messages: MESSAGES };
const completion = {
  object: 'chat.completion',
  model: 'gpt-4o-2024-08-06',
  choices: [{ index: 0, message: { role: 'assistant', content: 'a secret answer' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
};

async function one() {
  const [event, ...others] = await recording.take(1);
  assert.ok(event);
  assert.deepEqual(others, []);
  assert.equal(JSON.stringify(event).includes('secret'), false);
  return event;
}

test('AbortController in the middle of a stream: aborted, with the tokens seen so far', async () => {
  server.handler = (_request, response) => writeEvents(response, [chatDelta('a'), chatDelta('secret')]);
  const controller = new AbortController();
  const stream = await openai().chat.completions.create(
    { ...chat, stream: true },
    { signal: controller.signal },
  );
  let seen = 0;
  for await (const _ of stream) if (++seen === 2) controller.abort();
  const event = await one();
  assert.equal(event.outcome, 'aborted');
  assert.equal(event.usageSource, 'estimated');
  assert.equal(event.usage?.outputText, 2);
  assert.ok((event.usage?.inputUncached ?? 0) > 5);
  assert.equal(event.responseModel, 'gpt-4o-2024-08-06');
  assert.ok(event.firstTokenMs !== null && event.firstTokenMs <= event.durationMs);
});

test('leaving the loop early: aborted', async () => {
  server.handler = (_request, response) => writeEvents(response, [chatDelta('a'), chatDelta('b')]);
  const stream = await openai().chat.completions.create({ ...chat, stream: true });
  for await (const _ of stream) break;
  assert.equal((await one()).outcome, 'aborted');
});

test('an abort with a reason of its own, and a timeout signal, are aborts and not network errors', async () => {
  server.handler = () => {};
  const reason = fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(chat),
    signal: AbortSignal.timeout(100),
  });
  await assert.rejects(reason, { name: 'TimeoutError' });
  assert.deepEqual([recording.events[0]?.outcome, (await one()).errorType], ['aborted', 'timeout']);
  const controller = new AbortController();
  const own = fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: '{}',
    signal: controller.signal,
  });
  server.handler = () => controller.abort(new Error('the user has left, secret'));
  await assert.rejects(own);
  const event = await one();
  assert.equal(event.outcome, 'aborted');
  assert.deepEqual([event.usage, event.usageSource, event.model], [null, 'none', 'unknown']);
});

test('a reader that cancels after the last event has had its whole answer: ok', async () => {
  const usage = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };
  server.handler = (_request, response) =>
    writeEvents(response, [chatDelta('a'), { model: 'm', choices: [], usage }, '[DONE]']);
  const { body } = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(chat),
  });
  assert.ok(body);
  let text = '';
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString();
    if (text.includes('[DONE]')) break;
  }
  const event = await one();
  assert.deepEqual([event.outcome, event.usageSource], ['ok', 'provider']);
});

test('the connection breaks in the middle of a stream: error with its code', async () => {
  server.handler = (_request, response) => {
    writeEvents(response, [chatDelta('a')]);
    response.socket?.resetAndDestroy();
  };
  const stream = openai().chat.completions.create({ ...chat, stream: true });
  await assert.rejects(async () => {
    for await (const _ of await stream);
  });
  const event = await one();
  assert.equal(event.outcome, 'error');
  assert.match(event.errorType ?? '', /^(ECONNRESET|UND_ERR_SOCKET)$/);
});

test('nobody listens: error with its code', async () => {
  const { port } = server;
  await server.close();
  await assert.rejects(fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: 'POST', body: '{}' }));
  const event = await one();
  assert.deepEqual([event.outcome, event.errorType, event.usageSource], ['error', 'ECONNREFUSED', 'none']);
  server = await startStub();
});

test('429 and 500 with the retries of the SDK: each attempt is its own event', async () => {
  const answers = [
    { status: 429, body: { error: { message: 'a secret', type: 'requests', code: 'rate_limit_exceeded' } } },
    { status: 500, body: { error: { message: 'a secret', type: 'server_error', code: null } } },
    { status: 503, body: 'no json at all, a secret' },
    { status: 200, body: completion },
  ];
  server.handler = (_request, response) => {
    const { status, body } = answers.shift() ?? { status: 400, body: {} };
    response.setHeader('retry-after-ms', '1');
    sendJson(response, status, body);
  };
  await openai(3).chat.completions.create(chat);
  const events = await recording.take(4);
  assert.deepEqual(
    events.map(({ outcome, errorType, usageSource }) => [outcome, errorType, usageSource]),
    [
      ['error', 'rate_limit_exceeded', 'none'],
      ['error', 'server_error', 'none'],
      ['error', '503', 'none'],
      ['ok', null, 'provider'],
    ],
  );
  assert.equal(JSON.stringify(events).includes('secret'), false);
});

test("Anthropic's errors, refused at once and inside a stream", async () => {
  const client = new Anthropic({ apiKey: 'test-key', baseURL: server.url, maxRetries: 0 });
  const request = { model: 'claude-test', max_tokens: 10, messages: MESSAGES };
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'a secret' } };
  server.handler = (_request, response) => sendJson(response, 529, overloaded);
  await assert.rejects(client.messages.create(request));
  const refused = await one();
  assert.deepEqual(
    [refused.provider, refused.outcome, refused.errorType],
    ['anthropic', 'error', 'overloaded_error'],
  );

  const usage = { input_tokens: 17, cache_read_input_tokens: 4, output_tokens: 1 };
  server.handler = (_request, response) => {
    const delta = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'secret' } };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of [
      { type: 'message_start', message: { model: 'claude-x', content: [], usage } },
      delta,
      delta,
      overloaded,
    ]) {
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    response.end();
  };
  await assert.rejects(async () => {
    for await (const _ of await client.messages.create({ ...request, stream: true }));
  });
  const broken = await one();
  assert.deepEqual(
    [broken.outcome, broken.errorType, broken.usageSource],
    ['error', 'overloaded_error', 'estimated'],
  );
  assert.deepEqual(broken.usage, tokenUsage({ inputUncached: 17, cacheRead: 4, outputText: 2 }));
});

test('the first token is the first chunk with content, not the first chunk', async () => {
  let firstRead = () => {};
  server.handler = (_request, response) => {
    writeEvents(response, [{ model: 'm', choices: [{ delta: { role: 'assistant', content: '' } }] }]);
    firstRead = () => {
      writeEvents(response, [
        { choices: [{ delta: { tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] } }] },
        '[DONE]',
      ]);
      response.end();
    };
  };
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(chat),
  });
  const reader = response.body?.getReader();
  await reader?.read();
  recording.skipMs += 5000;
  firstRead();
  while (!(await reader?.read())?.done);
  const event = await one();
  assert.ok(
    event.firstTokenMs !== null && event.firstTokenMs >= 5000,
    `first token after ${event.firstTokenMs} ms`,
  );
});

test('many calls at once are told apart, each in the context that asked for it', async () => {
  server.handler = (_request, response, body) => {
    const { model } = JSON.parse(body.toString());
    const tokens = Number(model.slice(1));
    const usage = { prompt_tokens: tokens, completion_tokens: tokens, total_tokens: 2 * tokens };
    writeEvents(response, [{ ...chatDelta('x'), model }]);
    setImmediate(() => {
      writeEvents(response, [{ model, choices: [], usage }, '[DONE]']);
      response.end();
    });
  };
  const client = openai();
  const contexts = Array.from(
    { length: 40 },
    (_, i) => new WorkContext({ user: { email: `user${i}@example.com` } }),
  );
  await Promise.all(
    contexts.map((context, i) =>
      runInContext(context, async () => {
        const stream = await client.chat.completions.create({ ...chat, model: `m${i}`, stream: true });
        for await (const _ of stream);
      }),
    ),
  );
  const events = await recording.take(40);
  assert.equal(new Set(events.map(({ id }) => id)).size, 40);
  for (const [i, context] of contexts.entries()) {
    const event = events.find(({ model }) => model === `m${i}`);
    assert.equal(event?.usage?.inputUncached, i);
    assert.equal(event?.userEmail, `user${i}@example.com`);
    assert.equal(event?.traceId, context.traceId);
  }
});

test('what is no call of a model is not counted', async () => {
  server.handler = (_request, response) => sendJson(response, 200, completion);
  const post = (path: string, body: string) =>
    fetch(`${server.url}${path}`, { method: 'POST', body, redirect: 'manual' });
  await post('/v1/messages', JSON.stringify({ to: 'somebody', text: 'hello' }));
  await post('/v1/responses', JSON.stringify({ survey: 7, model: 'x' }));
  await post('/api/messages', '{"model":"m","messages":[],"max_tokens":1}');
  await fetch(`${server.url}/v1/chat/completions`);
  server.handler = (_request, response) => response.writeHead(307, { location: '/elsewhere' }).end();
  await post('/v1/chat/completions', JSON.stringify(chat));
  server.handler = (_request, response) => sendJson(response, 200, completion);
  const asked = JSON.stringify({ model: 'proved by its bodies', messages: [], max_tokens: 1 });
  await post('/v1/messages', asked);
  server.handler = (_request, response) => sendJson(response, 200, { ...completion, type: 'message' });
  await post('/v1/messages', asked);
  assert.equal((await one()).model, 'proved?by?its?bodies');
  assert.deepEqual(recording.events, []);
});

test('a call that the app left behind is closed, as are the calls still open at the end', async (t) => {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  t.onTestFinished(() => {
    vi.useRealTimers();
  });
  const swept = startRecording();
  server.handler = (_request, response) => writeEvents(response, [chatDelta('a')]);
  const left = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(chat),
  });
  swept.skipMs += 9 * 60_000;
  vi.advanceTimersByTime(60_000);
  assert.deepEqual(swept.events, []);
  swept.skipMs += 2 * 60_000;
  vi.advanceTimersByTime(60_000);
  const [event] = await swept.take(1);
  assert.deepEqual([event?.outcome, event?.errorType], ['aborted', 'abandoned']);
  await left.body?.cancel();
  await recording.take(1);
  assert.deepEqual(swept.events, []);
  swept.stop();

  const open = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(chat),
  });
  recording.stop();
  assert.deepEqual([(await one()).outcome, recording.events.length], ['aborted', 0]);
  await open.body?.cancel();
});

test('a model after a hundred others has its name in metrics, too: one that is not used any more gives up its place', async () => {
  server.handler = (_request, response) => sendJson(response, 200, { ...completion, model: 'gpt-4o' });
  const client = openai();
  for (let i = 0; i < 101; i++) await client.chat.completions.create({ ...chat, model: `m${i}` });
  const events = await recording.take(101);
  assert.deepEqual([events[100]?.model, events[100]?.labels], ['m100', undefined]);
  assert.deepEqual(recording.folded, ['gen_ai.request.model']);
  assert.equal(events[100]?.responseModel, 'gpt-4o');
});

test('an unreadable body is a call with unknown tokens, said once', async () => {
  server.handler = (_request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      .end('not gzip');
  };
  const post = () =>
    fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(chat) });
  await assert.rejects(async () => (await post()).text());
  const damaged = await one();
  assert.deepEqual([damaged.usage, damaged.usageSource], [null, 'none']);
  server.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'snappy' }).end('?');
  };
  await (await post()).arrayBuffer();
  assert.deepEqual([(await one()).usageSource, recording.warnings.size], ['none', 2]);
  assert.deepEqual(recording.givenUp, ['body_damaged', 'body_encoding']);
});

test('bodies of megabytes are read on the way and not held', async () => {
  const vector = Array.from({ length: 250_000 }, (_, i) => Math.sin(i));
  const answer = JSON.stringify({
    object: 'list',
    data: [{ embedding: vector }],
    model: 'e',
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  assert.ok(answer.length > 4e6);
  server.handler = (_request, response, body) => {
    assert.ok(body.length > 5e6);
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  };
  const body = JSON.stringify({
    input: 'secret "quoted" \\ '.repeat(250_000),
    model: 'text-embedding-3-small',
  });
  const response = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', body });
  await response.arrayBuffer();
  const event = await one();
  assert.deepEqual(
    [event.operation, event.model, event.usage],
    ['embeddings', 'text-embedding-3-small', tokenUsage({ inputUncached: 7 })],
  );
});

test('a completed event of megabytes at the end of a stream still gives its usage', async () => {
  server.handler = (_request, response) => {
    const text = 'secret '.repeat(400_000);
    const usage = {
      input_tokens: 5,
      output_tokens: 6,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 11,
    };
    writeEvents(response, [
      { type: 'response.created', response: { model: 'gpt-5', usage: null, error: null } },
      { type: 'response.output_text.delta', delta: 'secret' },
      { type: 'response.completed', response: { output: [{ text }], model: 'gpt-5', usage, error: null } },
    ]);
    response.end();
  };
  const stream = await openai().responses.create({ model: 'gpt-5', input: 'secret', stream: true });
  for await (const _ of stream);
  const event = await one();
  assert.deepEqual([event.outcome, event.usageSource, event.responseModel], ['ok', 'provider', 'gpt-5']);
  assert.deepEqual(event.usage, tokenUsage({ inputUncached: 5, outputText: 4, outputReasoning: 2 }));
});

test('after stopping nothing is seen any more', async () => {
  recording.stop();
  server.handler = (_request, response) => sendJson(response, 200, completion);
  await openai().chat.completions.create(chat);
  const second = startRecording();
  await openai().chat.completions.create(chat);
  await until(() => second.events.length === 1);
  second.stop();
  assert.deepEqual(recording.events, []);
});
