import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { brotliCompressSync, createBrotliCompress, createGzip, gzipSync, constants as zlib } from 'node:zlib';
import OpenAI from 'openai';
import { afterEach, beforeEach, test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { until } from '../../support/poll.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { chatDelta, type StubServer, startStub, writeEvents } from './support/stub-server.ts';

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

const USAGE = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const BUCKETS = tokenUsage({ inputUncached: 5, outputText: 2 });
const LAST = { model: 'm', choices: [], usage: USAGE };
const REQUEST = JSON.stringify({
  model: 'gpt-4o',
  messages: [{ role: 'user', content: 'a secret' }],
  stream: true,
});

const post = (signal?: AbortSignal) =>
  fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: REQUEST, ...(signal && { signal }) });

async function one() {
  const [event, ...others] = await recording.take(1);
  assert.ok(event);
  assert.deepEqual(others, []);
  return event;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heldBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const eventText = (document: unknown) => `data: ${JSON.stringify(document)}\n\n`;

// Compression holds back what is not flushed: the first token is when its chunk could be read, not when the stream ended.
for (const [encoding, create, flush] of [
  ['gzip', createGzip, zlib.Z_SYNC_FLUSH],
  ['br', createBrotliCompress, zlib.BROTLI_OPERATION_FLUSH],
] as const) {
  test(`a ${encoding} stream, flushed chunk by chunk: its usage, and its first token before its end`, async () => {
    let end = () => {};
    server.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding });
      const compressor = create();
      compressor.pipe(response);
      compressor.write(eventText(chatDelta('für 東京 😀')));
      compressor.flush(flush);
      end = () => compressor.end(`${eventText(LAST)}data: [DONE]\n\n`);
    };
    const reader = (await post()).body?.getReader();
    await reader?.read();
    recording.skipMs += 60_000;
    end();
    while (!(await reader?.read())?.done);
    const event = await one();
    assert.deepEqual([event.usage, event.usageSource, event.outcome], [BUCKETS, 'provider', 'ok']);
    assert.ok(event.firstTokenMs !== null && event.firstTokenMs < 60_000 && event.durationMs >= 60_000);
  });

  test(`a ${encoding} stream that is cut off: the tokens seen so far (vercel/ai#20586)`, async () => {
    server.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding });
      const compressor = create();
      compressor.on('data', (piece) => response.write(piece));
      compressor.write(eventText(chatDelta('a')) + eventText(chatDelta('b')));
      compressor.flush(flush, () => response.write('', () => response.socket?.destroy()));
    };
    await assert.rejects(async () => (await post()).text());
    const event = await one();
    assert.deepEqual([event.outcome, event.usageSource], ['error', 'estimated']);
    assert.ok((event.usage?.outputText ?? 0) > 0);
  });
}

test('a stream in pieces of one byte, with CRLF, comments and pings (traceloop/openllmetry#627)', async () => {
  const text = [
    ': keep-alive\r\n\r\n',
    eventText(chatDelta('für 東京 😀')),
    'event: ping\r\nid: 7\r\n\r\n',
    eventText(LAST).replaceAll('\n', '\r\n'),
    'data: [DONE]\r\n\r\n',
  ].join('');
  server.handler = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.socket?.setNoDelay(true);
    for (const byte of Buffer.from(text)) {
      await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
    }
    response.end();
  };
  await (await post()).text();
  assert.deepEqual((await one()).usage, BUCKETS);
});

// Abandoned generators and held bodies are how others grew to gigabytes (mastra-ai/mastra#22391, gemini-cli#23281).
for (const [encoding, compress] of [
  ['identity', (body: Buffer) => body],
  ['gzip', (body: Buffer) => gzipSync(body, { level: 1 })],
  ['br', (body: Buffer) => brotliCompressSync(body, { params: { [zlib.BROTLI_PARAM_QUALITY]: 1 } })],
] as const) {
  test(`an answer of 20 MB, ${encoding}: its tokens, and memory that does not grow by it`, async () => {
    const content = 'secret '.repeat(3_000_000);
    const body = compress(
      Buffer.from(JSON.stringify({ choices: [{ message: { content } }], model: 'm', usage: USAGE })),
    );
    server.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end(body);
    };
    const before = heldBytes();
    let most = 0;
    let bytes = 0;
    for await (const piece of (await post()).body ?? []) {
      const collects = Math.floor(bytes / 4e6) !== Math.floor((bytes + piece.length) / 4e6);
      bytes += piece.length;
      if (collects) most = Math.max(most, heldBytes() - before);
    }
    assert.deepEqual((await one()).usage, BUCKETS);
    assert.ok(bytes > 20e6 && most < 5e6, `${most} bytes held`);
  });
}

test('abort before the headers: nothing was answered, nothing is guessed (BerriAI/litellm#14457)', async () => {
  const controller = new AbortController();
  server.handler = () => controller.abort();
  await assert.rejects(post(controller.signal));
  const event = await one();
  assert.deepEqual(
    [event.outcome, event.usage, event.usageSource, event.firstTokenMs],
    ['aborted', null, 'none', null],
  );
});

test('abort after the headers: the request was taken, so its tokens are estimated (vercel/ai#7805)', async () => {
  const controller = new AbortController();
  server.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  };
  await post(controller.signal);
  controller.abort();
  const event = await one();
  assert.deepEqual(
    [event.outcome, event.usageSource, event.usage?.outputText, event.firstTokenMs],
    ['aborted', 'estimated', 0, null],
  );
  assert.ok((event.usage?.inputUncached ?? 0) > 0);
});

test('abort in the middle, and break out of the loop: what was seen is not lost (openllmetry-js, langfuse-js)', async () => {
  server.handler = (_request, response) => writeEvents(response, [chatDelta('a'), chatDelta('b')]);
  const client = new OpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1`, maxRetries: 0 });
  const body = {
    model: 'gpt-4o',
    messages: [{ role: 'user' as const, content: 'a secret' }],
    stream: true as const,
  };
  const controller = new AbortController();
  for await (const _ of await client.chat.completions.create(body, { signal: controller.signal })) {
    controller.abort();
  }
  const aborted = await one();
  for await (const _ of await client.chat.completions.create(body)) break;
  const left = await one();
  for (const event of [aborted, left]) {
    assert.deepEqual([event.outcome, event.usageSource], ['aborted', 'estimated']);
    assert.ok((event.usage?.outputText ?? 0) > 0 && event.firstTokenMs !== null);
  }
});

test('the provider dies in the middle: an error, with what was seen (vercel/ai#20586)', async () => {
  server.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(eventText(chatDelta('a')), () => response.socket?.destroy());
  };
  await assert.rejects(async () => (await post()).text());
  const event = await one();
  assert.deepEqual([event.outcome, event.usageSource], ['error', 'estimated']);
  assert.ok((event.usage?.outputText ?? 0) > 0);
});

test('a stream that ends without [DONE] and without usage is a whole answer, and marked as estimated', async () => {
  server.handler = (_request, response) => {
    writeEvents(response, [chatDelta('a'), chatDelta('b')]);
    response.end();
  };
  await (await post()).text();
  const event = await one();
  assert.deepEqual([event.outcome, event.usageSource], ['ok', 'estimated']);
});

test('the same through node:http: usage before the last chunk, and a provider that dies', async () => {
  const send = () =>
    new Promise<string>((resolve) => {
      const request = httpRequest(`${server.url}/v1/chat/completions`, { method: 'POST' }, (response) => {
        response.on('error', () => resolve('error'));
        response.on('end', () => resolve('end'));
        response.resume();
      });
      request.end(REQUEST);
    });
  server.handler = (_request, response) => {
    writeEvents(response, [
      chatDelta('a'),
      { ...chatDelta('b'), usage: USAGE },
      { model: 'm', choices: [] },
      '[DONE]',
    ]);
    response.end();
  };
  assert.equal(await send(), 'end');
  assert.deepEqual((await one()).usage, BUCKETS);
  server.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(eventText(chatDelta('a')), () => response.socket?.destroy());
  };
  assert.equal(await send(), 'error');
  await until(() => recording.events.length === 1);
  assert.deepEqual((await one()).outcome, 'error');
});
