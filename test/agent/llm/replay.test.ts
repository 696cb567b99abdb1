import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, test } from 'vitest';
import { completionTokens, promptTokens } from '../../../src/core/llm/usage.ts';
import type { LlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import { askedIn, bytesOf, type Exchange, readRecordings } from '../../support/recordings.ts';
import { call } from './support/recorded-calls.ts';
import { recordedUsage } from './support/recorded-usage.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { type StubServer, startStub } from './support/stub-server.ts';

const recordings = readRecordings().flatMap(({ name, exchanges }) =>
  exchanges.map((exchange) => ({
    name: `${basename(name)} (${new URL(exchange.request.url).pathname})`,
    exchange,
  })),
);

let server: StubServer;
let recording: RecordingAgent;
beforeAll(async () => {
  server = await startStub();
  recording = startRecording();
});
afterAll(async () => {
  recording.stop();
  await server.close();
});

function assertCounts(event: LlmCallEvent, exchange: Exchange): void {
  const recorded = recordedUsage(bytesOf(exchange).toString());
  if (recorded === null) {
    const { status } = exchange.response;
    const known = status < 400 && event.operation !== 'image_generation';
    assert.equal(event.usageSource, known ? 'estimated' : 'none');
    return;
  }
  assert.equal(event.usageSource, 'provider');
  assert.equal(event.usageMismatch, false);
  assert.ok(event.usage);
  assert.deepEqual(
    {
      prompt: promptTokens(event.usage),
      completion: completionTokens(event.usage),
      cacheRead: event.usage.cacheRead,
      reasoning: event.usage.outputReasoning,
    },
    recorded,
  );
}

/** Who speaks like this on this machine. */
function localProvider({ url }: Exchange['request']): string {
  const { host } = new URL(url);
  const [, provider] = LOCAL_PROVIDERS.find(([pattern]) => pattern.test(host)) ?? [];
  return provider ?? 'openai';
}

const LOCAL_PROVIDERS: readonly (readonly [RegExp, string])[] = [
  [/together/, '127.0.0.1'], // Models that anybody may run.
  [/anthropic/, 'anthropic'],
  [/cohere/, 'cohere'],
  [/aiplatform/, 'gcp.gemini'],
  [/bedrock/, 'aws.bedrock'],
];

function assertNoText(event: LlmCallEvent, { request, response }: Exchange): void {
  const json = JSON.stringify(event);
  const words =
    `${request.body} ${response.body}`.match(
      /joke|OpenTelemetry|weather|Boston|This is a test|helpful|Pluto|Newton|cardinal/g,
    ) ?? [];
  for (const word of new Set(words)) assert.equal(json.includes(word), false, `"${word}" in ${json}`);
}

function answerWith(body: Buffer, status: number, headers: Record<string, string>, size = body.length): void {
  server.handler = (_request, response) => {
    response.writeHead(status, headers);
    for (let at = 0; at < body.length; at += size) response.write(body.subarray(at, at + size));
    response.end();
  };
}

const isCall = ({ request }: Exchange) => !request.url.includes('pinecone');

function replay(
  exchange: Exchange,
  size?: number,
  encoding = '',
  compress = (body: Buffer) => body,
): Promise<void> {
  const { status, headers } = exchange.response;
  const type = { 'content-type': headers['content-type'] ?? '' };
  const encoded = encoding === '' ? type : { ...type, 'content-encoding': encoding };
  answerWith(compress(bytesOf(exchange)), status, encoded, size);
  return call(exchange, server.url);
}

for (const { name, exchange } of recordings.filter((recorded) => isCall(recorded.exchange))) {
  test(`replayed through the SDK: ${name}`, async () => {
    const failed = exchange.response.status >= 400;
    if (failed) await assert.rejects(replay(exchange));
    else await replay(exchange);
    const [event, ...others] = await recording.take(1);
    assert.ok(event);
    assert.deepEqual(others, []);
    const { model, streaming } = askedIn(exchange.request);
    assert.deepEqual(
      [event.outcome, event.model, event.streaming, event.firstTokenMs === null, event.provider],
      [failed ? 'error' : 'ok', model, streaming, !streaming, localProvider(exchange.request)],
    );
    const { responseModel } = event;
    assert.ok(responseModel === null || exchange.response.body.includes(`"${responseModel}"`) || streaming);
    assertCounts(event, exchange);
    assertNoText(event, exchange);
  });
}

test('what is recorded of others is no call of a model', async () => {
  for (const { exchange } of recordings.filter((recorded) => !isCall(recorded.exchange)))
    await replay(exchange);
  assert.deepEqual(recording.events, []);
});

const encodings: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => gzipSync(body),
  br: (body) => brotliCompressSync(body),
  deflate: (body) => deflateSync(body),
  'deflate (raw)': (body) => deflateRawSync(body),
  zstd: (body) => zstdCompressSync(body),
};
const streams = recordings.filter(({ exchange }) =>
  /stream/.test(exchange.response.headers['content-type'] ?? ''),
);
const samples = [
  ...streams.filter((_, i) => i % 5 === 0),
  ...recordings.filter((recorded) => isCall(recorded.exchange) && !streams.includes(recorded)).slice(0, 4),
];

for (const [encoding, compress] of Object.entries(encodings)) {
  test(`content encoding ${encoding}: the same tokens`, async () => {
    for (const { exchange } of samples) {
      await replay(exchange, 700, encoding.split(' ')[0], compress);
      const [event] = await recording.take(1);
      assert.ok(event);
      assertCounts(event, exchange);
    }
  });
}

test('however the network cuts the body: the same tokens', async () => {
  const short = [...streams, ...samples].filter(({ exchange }) => exchange.response.body.length < 8_000);
  for (const size of [1, 7, 1000]) {
    for (const { exchange } of size === 1 ? short.slice(0, 5) : short) {
      await replay(exchange, size);
      const [event] = await recording.take(1);
      assert.ok(event);
      assertCounts(event, exchange);
    }
  }
});
