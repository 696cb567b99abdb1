import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { completionTokens, type LlmCallEvent, promptTokens } from '../../../src/core/event.ts';
import { type RecordingAgent, startRecording } from './recording-agent.ts';
import { type StubServer, startStub } from './stub-server.ts';

interface Exchange {
  readonly request: { readonly method: string; readonly url: string; readonly body: string };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

type Counts = Readonly<Record<string, number>>;

const root = join(import.meta.dirname, '../../recordings');
const recordings = globSync('**/*.json', { cwd: root })
  .sort()
  .flatMap((file) => {
    const { exchanges } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { exchanges: Exchange[] };
    return exchanges.map((exchange) => ({
      name: `${basename(file, '.json')} (${new URL(exchange.request.url).pathname})`,
      exchange,
    }));
  });

let server: StubServer;
let recording: RecordingAgent;
before(async () => {
  server = await startStub();
  recording = startRecording();
});
after(async () => {
  recording.stop();
  await server.close();
});

/** The oracle: the last value of each count in the recorded body, read with a plain `JSON.parse` of every event. */
function recordedUsage(body: string): Counts | null {
  const documents = body.startsWith('{')
    ? [body]
    : body.split('\n').flatMap((line) => (line.startsWith('data: {') ? [line.slice('data: '.length)] : []));
  let counts: Counts = {};
  for (const document of documents) {
    const { usage, response, message } = JSON.parse(document) as {
      usage?: Counts;
      response?: { usage?: Counts };
      message?: { usage?: Counts };
    };
    const said = usage ?? response?.usage ?? message?.usage;
    if (said) counts = { ...counts, ...said };
  }
  return Object.keys(counts).length === 0 ? null : counts;
}

function assertCounts(event: LlmCallEvent, counts: Counts | null): void {
  if (counts === null) {
    assert.equal(event.usageSource, 'estimated');
    return;
  }
  assert.equal(event.usageSource, 'provider');
  assert.ok(event.usage);
  const details = (key: string) => (counts[key] ?? {}) as unknown as Counts;
  const cacheRead = counts['cache_read_input_tokens'];
  const input = (counts['prompt_tokens'] ?? counts['input_tokens'] ?? 0) + (cacheRead ?? 0);
  assert.equal(promptTokens(event.usage), input);
  assert.equal(completionTokens(event.usage), counts['completion_tokens'] ?? counts['output_tokens'] ?? 0);
  const cached = { ...details('prompt_tokens_details'), ...details('input_tokens_details') }['cached_tokens'];
  assert.equal(event.usage.cacheRead, cacheRead ?? cached ?? 0);
  const output = { ...details('completion_tokens_details'), ...details('output_tokens_details') };
  assert.equal(event.usage.outputReasoning, output['reasoning_tokens'] ?? 0);
}

/** Sends the recorded request through the provider's own SDK and reads the answer to its end. */
async function call({ request }: Exchange): Promise<void> {
  const path = new URL(request.url).pathname;
  const body = JSON.parse(request.body);
  const options = { apiKey: 'test-key', maxRetries: 0 };
  const answer = path.endsWith('/messages')
    ? await new Anthropic({ ...options, baseURL: server.url }).messages.create(body)
    : await openai(new OpenAI({ ...options, baseURL: `${server.url}/v1` }), path, body);
  if (body.stream !== true) return;
  for await (const _ of answer as AsyncIterable<unknown>);
}

async function openai(client: OpenAI, path: string, recorded: unknown): Promise<unknown> {
  const body = recorded as never; // Recorded bodies are whatever was sent.
  if (path.endsWith('/chat/completions')) return client.chat.completions.create(body);
  if (path.endsWith('/completions')) return client.completions.create(body);
  if (path.endsWith('/responses')) return client.responses.create(body);
  return client.embeddings.create(body);
}

function assertNoText(event: LlmCallEvent, { request, response }: Exchange): void {
  const json = JSON.stringify(event);
  const words =
    `${request.body} ${response.body}`.match(/joke|OpenTelemetry|weather|Boston|This is a test|helpful/g) ??
    [];
  for (const word of new Set(words)) assert.equal(json.includes(word), false, `"${word}" in ${json}`);
}

function answerWith(body: Buffer, status: number, headers: Record<string, string>, size = body.length): void {
  server.handler = (_request, response) => {
    response.writeHead(status, headers);
    for (let at = 0; at < body.length; at += size) response.write(body.subarray(at, at + size));
    response.end();
  };
}

for (const { name, exchange } of recordings) {
  test(`replayed through the SDK: ${name}`, async () => {
    const { status, headers, body } = exchange.response;
    answerWith(Buffer.from(body), status, { 'content-type': headers['content-type'] ?? '' });
    await call(exchange);
    const [event, ...others] = await recording.take(1);
    assert.ok(event);
    assert.deepEqual(others, []);
    const request = JSON.parse(exchange.request.body);
    assert.equal(event.outcome, 'ok');
    assert.equal(event.model, request.model);
    assert.equal(event.streaming, request.stream === true);
    assert.equal(event.firstTokenMs === null, request.stream !== true);
    assert.equal(event.provider, exchange.request.url.includes('anthropic') ? 'anthropic' : 'openai');
    assert.equal(body.includes(`"${event.responseModel}"`), true);
    assertCounts(event, recordedUsage(body));
    assertNoText(event, exchange);
  });
}

const encodings: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => gzipSync(body),
  br: (body) => brotliCompressSync(body),
  deflate: (body) => deflateSync(body),
  'deflate (raw)': (body) => deflateRawSync(body),
  zstd: (body) => zstdCompressSync(body),
};
const streams = recordings.filter(({ exchange }) =>
  exchange.response.headers['content-type']?.startsWith('text/event-stream'),
);
const samples = [
  ...streams.slice(0, 3),
  ...recordings.filter((recorded) => !streams.includes(recorded)).slice(0, 4),
];

for (const [encoding, compress] of Object.entries(encodings)) {
  test(`content encoding ${encoding}: the same tokens`, async () => {
    for (const { exchange } of samples) {
      const headers = {
        'content-type': exchange.response.headers['content-type'] ?? '',
        'content-encoding': encoding.split(' ')[0] ?? '',
      };
      answerWith(compress(Buffer.from(exchange.response.body)), 200, headers, 700);
      await call(exchange);
      const [event] = await recording.take(1);
      assert.ok(event);
      assertCounts(event, recordedUsage(exchange.response.body));
    }
  });
}

test('however the network cuts the body: the same tokens', async () => {
  for (const size of [1, 2, 3, 7, 64, 1000]) {
    for (const { exchange } of samples.filter((sample) => sample.exchange.response.body.length < 10_000)) {
      answerWith(
        Buffer.from(exchange.response.body),
        200,
        { 'content-type': exchange.response.headers['content-type'] ?? '' },
        size,
      );
      await call(exchange);
      const [event] = await recording.take(1);
      assert.ok(event);
      assertCounts(event, recordedUsage(exchange.response.body));
    }
  }
});
