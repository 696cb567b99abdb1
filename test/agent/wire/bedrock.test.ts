import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { chunkMessage, eventMessage } from '../llm/reader/aws-messages.ts';
import { recordWire, sha256 } from './recording-wire.ts';

const MODEL = 'anthropic.claude-sonnet-4-5-20250929-v1:0';
const USAGE = { inputTokens: 9, outputTokens: 3, totalTokens: 12 };
const WORDS = ['What', ' a', ' day'];

const json = (document: unknown) => ({
  type: 'application/json',
  pieces: [Buffer.from(JSON.stringify(document))],
});
const events = (pieces: Buffer[]) => ({ type: 'application/vnd.amazon.eventstream', pieces });

/** What the stand-in of Bedrock answers, by the path's last part. */
const ANSWERS: Readonly<Record<string, { readonly type: string; readonly pieces: readonly Buffer[] }>> = {
  converse: json({
    output: { message: { role: 'assistant', content: [{ text: WORDS.join('') }] } },
    stopReason: 'end_turn',
    usage: USAGE,
    metrics: { latencyMs: 5 },
  }),
  'converse-stream': events([
    eventMessage('messageStart', { role: 'assistant' }),
    ...WORDS.map((text) => eventMessage('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })),
    eventMessage('messageStop', { stopReason: 'end_turn' }),
    eventMessage('metadata', { usage: USAGE, metrics: { latencyMs: 5 } }),
  ]),
  invoke: json({
    content: [{ type: 'text', text: WORDS.join('') }],
    usage: { input_tokens: 9, output_tokens: 3 },
  }),
  'invoke-with-response-stream': events(
    WORDS.map((text) => chunkMessage({ type: 'content_block_delta', delta: { type: 'text_delta', text } })),
  ),
};

const messages = [{ role: 'user' as const, content: [{ text: 'How was it?' }] }];
const body = JSON.stringify({ anthropic_version: 'bedrock-2023-05-31', max_tokens: 9, messages: [] });

/** The text that the SDK gives the app, for each way of asking. */
const CALLS: Readonly<Record<string, (client: BedrockRuntimeClient) => Promise<string>>> = {
  async converse(client) {
    const { output } = await client.send(new ConverseCommand({ modelId: MODEL, messages }));
    return output?.message?.content?.[0]?.text ?? '';
  },
  async 'converse-stream'(client) {
    const { stream } = await client.send(new ConverseStreamCommand({ modelId: MODEL, messages }));
    let text = '';
    for await (const event of stream ?? []) text += event.contentBlockDelta?.delta?.text ?? '';
    return text;
  },
  async invoke(client) {
    const answer = await client.send(new InvokeModelCommand({ modelId: MODEL, body }));
    return JSON.parse(answer.body.transformToString()).content[0].text;
  },
  async 'invoke-with-response-stream'(client) {
    const command = new InvokeModelWithResponseStreamCommand({ modelId: MODEL, body });
    const answer = await client.send(command);
    let text = '';
    for await (const { chunk } of answer.body ?? []) {
      text += JSON.parse(Buffer.from(chunk?.bytes ?? []).toString()).delta.text;
    }
    return text;
  },
};

describe("Amazon's SDK", () => {
  let server: http2.Http2Server;
  let client: BedrockRuntimeClient;
  const bodies: string[] = [];
  /** An answer is left unfinished. */
  let hold = false;
  beforeAll(async () => {
    server = http2.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.push(sha256(Buffer.concat(chunks)));
        const answer = ANSWERS[request.url.split('/').at(-1) ?? ''];
        response.writeHead(200, { 'content-type': answer?.type ?? 'text/plain' });
        for (const piece of answer?.pieces ?? []) response.write(piece);
        if (!hold) response.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    client = new BedrockRuntimeClient({
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
  });
  afterAll(() => {
    client.destroy();
    server.close();
  });

  for (const [path, call] of Object.entries(CALLS)) {
    test(`${path}: one exchange, with the bytes that were sent and received`, async () => {
      assert.equal(await call(client), WORDS.join(''));
      const recorded = recordWire('/model/');
      try {
        assert.equal(await call(client), WORDS.join(''));
        await until(() => recorded.exchanges[0]?.ends.length === 1);
      } finally {
        recorded.stop();
      }
      const [exchange, ...others] = recorded.exchanges;
      const sent = Buffer.concat(ANSWERS[path]?.pieces ?? []);
      assert.deepEqual([others, exchange?.status, exchange?.contentType], [[], 200, ANSWERS[path]?.type]);
      assert.deepEqual([exchange?.sentHash, exchange?.receivedHash], [bodies.at(-1), sha256(sent)]);
      assert.deepEqual(exchange?.ends, ['completed']);
    });
  }

  test('a stream that is aborted: one exchange, with what came until then', async () => {
    const recorded = recordWire('/model/');
    const controller = new AbortController();
    hold = true;
    try {
      const { stream } = await client.send(new ConverseStreamCommand({ modelId: MODEL, messages }), {
        abortSignal: controller.signal,
      });
      const events = stream?.[Symbol.asyncIterator]();
      await events?.next();
      controller.abort();
      await until(() => recorded.exchanges[0]?.ends.length === 1);
      await events?.return?.();
    } finally {
      hold = false;
      recorded.stop();
    }
    assert.deepEqual(recorded.exchanges[0]?.ends, ['aborted aborted']);
    assert.ok((recorded.exchanges[0]?.receivedBytes ?? 0) > 0);
  });
});
