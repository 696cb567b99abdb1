import assert from 'node:assert/strict';
import { test } from 'vitest';
import { bedrockConverse } from '../../../../src/agent/llm/dialects/bedrock/converse.ts';
import {
  bedrockEmbeddings,
  bedrockImages,
  bedrockInvoke,
} from '../../../../src/agent/llm/dialects/bedrock/invoke.ts';
import type { Dialect } from '../../../../src/agent/llm/dialects/dialect.ts';
import { providerOf, recognise } from '../../../../src/agent/llm/dialects/index.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { chunkMessage, eventMessage, exceptionMessage } from '../reader/aws-messages.ts';

const providerAt = (host: string) => providerOf({ host, port: undefined }, bedrockInvoke, 'm');
const HOST = 'bedrock-runtime.eu-central-1.amazonaws.com';
const none = () => false;

function readStream(dialect: Dialect, messages: readonly Buffer[]): ResponseReader {
  const reader = new ResponseReader(dialect, 'application/vnd.amazon.eventstream');
  reader.write(Buffer.concat(messages).toString('latin1'));
  reader.finish();
  return reader;
}

function readJson(dialect: Dialect, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const reader = new ResponseReader(dialect, 'application/json');
  reader.readHeaders((name) => headers[name] ?? null);
  reader.write(JSON.stringify(body));
  reader.finish();
  return reader;
}

const metrics = (input: number, output: number) => ({
  'amazon-bedrock-invocationMetrics': {
    inputTokenCount: input,
    outputTokenCount: output,
    invocationLatency: 9,
    firstByteLatency: 3,
  },
});

test('model, API and stream are in the path; an account is left out of the model', () => {
  const of = (path: string, host = HOST) => {
    const call = recognise(host, path, none);
    return call && [call.dialect.name, call.pathModel, call.pathStreams, call.certain];
  };
  assert.deepEqual(of('/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse'), [
    'bedrock-converse',
    'anthropic.claude-3-5-sonnet-20241022-v2:0',
    false,
    true,
  ]);
  assert.deepEqual(of('/model/us.amazon.nova-pro-v1%3A0/converse-stream', '127.0.0.1'), [
    'bedrock-converse',
    'us.amazon.nova-pro-v1:0',
    true,
    true,
  ]);
  assert.deepEqual(of('/model/meta.llama3-8b-instruct-v1%3A0/invoke-with-response-stream'), [
    'bedrock-invoke',
    'meta.llama3-8b-instruct-v1:0',
    true,
    true,
  ]);
  const arn = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-v1:0';
  assert.equal(of(`/model/${encodeURIComponent(arn)}/invoke`)?.[1], 'us.anthropic.claude-sonnet-4-v1:0');
  assert.equal(of('/model/amazon.titan-embed-text-v2%3A0/invoke')?.[0], 'bedrock-embeddings');
  assert.equal(of('/model/cohere.embed-english-v3/invoke')?.[0], 'bedrock-embeddings');
  assert.equal(of('/model/cohere.rerank-v3-5%3A0/invoke')?.[0], 'bedrock-rerank');
  assert.equal(of('/model/amazon.nova-canvas-v1%3A0/invoke')?.[0], 'bedrock-images');
  assert.equal(of('/model/anthropic.claude-v2/count-tokens'), null);
  assert.equal(of('/async-invoke'), null);
  assert.equal(of('/model/house/invoke', 'api.example.com'), null);
  assert.equal(providerAt(HOST), 'aws.bedrock');
  assert.equal(providerAt('bedrock-runtime-fips.us-gov-west-1.amazonaws.com'), 'aws.bedrock');
  for (const host of [
    'vpce-0a1b.bedrock-runtime.us-east-1.vpce.amazonaws.com',
    'bedrock-mantle.us-east-1.api.aws',
    'bedrock-runtime.cn-north-1.amazonaws.com.cn',
  ]) {
    assert.equal(providerAt(host), 'aws.bedrock', host);
  }
  assert.equal(providerAt('bedrock-runtime.example.com'), 'bedrock-runtime.example.com');
});

test('Converse counts cached tokens beside the input', () => {
  const usage = {
    inputTokens: 3,
    outputTokens: 401,
    totalTokens: 2193,
    cacheReadInputTokens: 500,
    cacheWriteInputTokens: 1289,
    cacheDetails: [
      { ttl: '5m', inputTokens: 1089 },
      { ttl: '1h', inputTokens: 200 },
    ],
  };
  const reader = readJson(bedrockConverse, {
    output: { message: { role: 'assistant', content: [{ text: 'a secret' }] } },
    stopReason: 'end_turn',
    usage,
    serviceTier: { type: 'priority' },
  });
  assert.deepEqual(
    reader.usage,
    tokenUsage({ inputUncached: 3, cacheRead: 500, cacheWrite5m: 1089, cacheWrite1h: 200, outputText: 401 }),
  );
  assert.deepEqual(
    [reader.finishReason, reader.serviceTier, reader.usageMismatch],
    ['end_turn', 'priority', false],
  );
  const inclusive = { inputTokens: 100, outputTokens: 5, totalTokens: 105, cacheReadInputTokens: 80 };
  const other = readJson(bedrockConverse, { usage: inclusive });
  assert.deepEqual(other.usage, tokenUsage({ inputUncached: 20, cacheRead: 80, outputText: 5 }));
  assert.equal(other.usageMismatch, false);
  assert.equal(readJson(bedrockConverse, { usage: { ...usage, totalTokens: 7 } }).usageMismatch, true);
});

test('ConverseStream: content, reason and usage from its events', () => {
  const reader = readStream(bedrockConverse, [
    eventMessage('messageStart', { role: 'assistant' }),
    eventMessage('contentBlockDelta', { contentBlockIndex: 0, delta: { text: '' } }),
    eventMessage('contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: 'a' } } }),
    eventMessage('contentBlockDelta', { contentBlockIndex: 1, delta: { text: 'a "metadata" secret' } }),
    eventMessage('contentBlockStart', { contentBlockIndex: 2, start: { toolUse: { name: 'f' } } }),
    eventMessage('contentBlockDelta', { contentBlockIndex: 2, delta: { toolUse: { input: '{"a"' } } }),
    eventMessage('contentBlockStop', { contentBlockIndex: 2 }),
    eventMessage('messageStop', { stopReason: 'tool_use' }),
    eventMessage('metadata', {
      usage: { inputTokens: 9, outputTokens: 4, totalTokens: 13 },
      metrics: { latencyMs: 1 },
    }),
  ]);
  assert.deepEqual(reader.usage, tokenUsage({ inputUncached: 9, outputText: 4 }));
  assert.deepEqual(
    [reader.isStream, reader.contentEvents, reader.ended, reader.finishReason, reader.failed],
    [true, 4, true, 'tool_use', false],
  );
});

test('a refusal in the middle of a stream, and one in the headers of an answer', () => {
  const broken = readStream(bedrockConverse, [
    eventMessage('contentBlockDelta', { delta: { text: 'a' } }),
    exceptionMessage('modelStreamErrorException', { message: 'a secret' }),
  ]);
  assert.deepEqual([broken.failed, broken.errors[0]], [true, 'modelStreamErrorException']);
  const refused = readJson(
    bedrockInvoke,
    { message: 'a secret' },
    { 'x-amzn-errortype': 'ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/' },
  );
  assert.deepEqual([refused.failed, refused.errors, refused.usage], [true, ['ThrottlingException'], null]);
  const worded = readJson(
    bedrockConverse,
    { message: 'Too many tokens' },
    { 'x-amzn-errortype': 'ThrottlingException' },
  );
  assert.deepEqual([worded.errors, worded.errorMessage], [['ThrottlingException'], 'Too many tokens']);
  const typed = readJson(bedrockInvoke, { __type: 'com.amazon.coral#ServiceUnavailable', message: 'x' });
  assert.ok(typed.errors.includes('ServiceUnavailable'));
});

/** Bodies of InvokeModel by maker, and what they come to. */
const BODIES: readonly (readonly [string, unknown, Parameters<typeof tokenUsage>[0], string])[] = [
  [
    'Anthropic',
    {
      type: 'message',
      model: 'claude',
      content: [{ type: 'text', text: 'secret' }],
      stop_reason: 'end_turn',
      usage: {
        input_tokens: 10,
        cache_creation_input_tokens: 8,
        cache_read_input_tokens: 5,
        output_tokens: 15,
      },
    },
    { inputUncached: 10, cacheWrite5m: 8, cacheRead: 5, outputText: 15 },
    'end_turn',
  ],
  [
    'Nova',
    {
      output: { message: { content: [{ text: 'secret' }] } },
      stopReason: 'end_turn',
      usage: {
        inputTokens: 7,
        outputTokens: 3,
        totalTokens: 12,
        cacheReadInputTokenCount: 2,
        cacheWriteInputTokenCount: 0,
      },
    },
    { inputUncached: 7, cacheRead: 2, outputText: 3 },
    'end_turn',
  ],
  [
    'Titan',
    {
      inputTextTokenCount: 8,
      results: [
        { tokenCount: 17, outputText: 'secret', completionReason: 'FINISH' },
        { tokenCount: 5, outputText: 'more', completionReason: 'LENGTH' },
      ],
    },
    { inputUncached: 8, outputText: 22 },
    'LENGTH',
  ],
  [
    'Llama',
    { generation: 'secret', prompt_token_count: 9, generation_token_count: 26, stop_reason: 'stop' },
    { inputUncached: 9, outputText: 26 },
    'stop',
  ],
  [
    "OpenAI's words",
    {
      choices: [{ finish_reason: 'stop', message: { content: 'secret' } }],
      usage: {
        prompt_tokens: 6,
        completion_tokens: 4,
        total_tokens: 10,
        prompt_tokens_details: { cached_tokens: 2 },
      },
    },
    { inputUncached: 4, cacheRead: 2, outputText: 4 },
    'stop',
  ],
];

for (const [maker, body, buckets, finishReason] of BODIES) {
  test(`InvokeModel, ${maker}: counted by its body`, () => {
    const headers = { 'x-amzn-bedrock-input-token-count': '999', 'x-amzn-bedrock-output-token-count': '999' };
    const reader = readJson(bedrockInvoke, body, headers);
    assert.deepEqual(reader.usage, tokenUsage(buckets));
    assert.deepEqual(
      [reader.finishReason, reader.usageIsProvisional, reader.usageMismatch],
      [finishReason, false, false],
    );
  });
}

test('InvokeModel, a body without counts: by the headers', () => {
  const headers = { 'x-amzn-bedrock-input-token-count': '12', 'x-amzn-bedrock-output-token-count': '34' };
  for (const body of [
    { outputs: [{ text: 'secret', stop_reason: 'stop' }] },
    { generations: [{ text: 'secret', finish_reason: 'stop' }], prompt: 'secret' },
    { response_id: 'r', text: 'secret', finish_reason: 'stop' },
  ]) {
    const reader = readJson(bedrockInvoke, body, headers);
    assert.deepEqual(reader.usage, tokenUsage({ inputUncached: 12, outputText: 34 }));
    assert.equal(reader.finishReason, 'stop');
    assert.equal(readJson(bedrockInvoke, body).usage, null);
  }
  const cached = { 'x-amzn-bedrock-cache-read-input-token-count': '5', ...headers };
  assert.equal(readJson(bedrockInvoke, {}, cached).usage?.cacheRead, 5);
  assert.equal(readJson(bedrockInvoke, {}, { 'x-amzn-bedrock-input-token-count': 'many' }).usage, null);
  const embedded = readJson(bedrockEmbeddings, { embedding: [0.1, 0.2], inputTextTokenCount: 8 });
  assert.deepEqual(embedded.usage, tokenUsage({ inputUncached: 8 }));
  const pictures = readJson(bedrockImages, { images: ['iVBORw0=', 'iVBORw0='] });
  assert.deepEqual([pictures.usage, pictures.billedUnits], [null, { images: 2 }]);
});

test('InvokeModelWithResponseStream: the makers count as they do elsewhere, Bedrock at the end', () => {
  const anthropic = readStream(bedrockInvoke, [
    chunkMessage({
      type: 'message_start',
      message: {
        model: 'claude-x',
        usage: { input_tokens: 20, cache_read_input_tokens: 6, output_tokens: 1 },
      },
    }),
    chunkMessage({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'secret' } }),
    chunkMessage({
      type: 'message_delta',
      delta: { stop_reason: 'max_tokens' },
      usage: { output_tokens: 42 },
    }),
    chunkMessage({ type: 'message_stop', ...metrics(20, 42) }),
  ]);
  assert.deepEqual(anthropic.usage, tokenUsage({ inputUncached: 20, cacheRead: 6, outputText: 42 }));
  assert.deepEqual(
    [anthropic.model, anthropic.contentEvents, anthropic.ended, anthropic.finishReason],
    ['claude-x', 1, true, 'max_tokens'],
  );

  const llama = [
    chunkMessage({ generation: 'a', prompt_token_count: 25, generation_token_count: 1, stop_reason: null }),
    chunkMessage({ generation: 'b', prompt_token_count: null, generation_token_count: 2, stop_reason: null }),
    chunkMessage({
      generation: '',
      prompt_token_count: null,
      generation_token_count: 3,
      stop_reason: 'stop',
      ...metrics(25, 3),
    }),
  ];
  const whole = readStream(bedrockInvoke, llama);
  assert.deepEqual(whole.usage, tokenUsage({ inputUncached: 25, outputText: 3 }));
  assert.equal(whole.usageIsProvisional, false);
  const aborted = readStream(bedrockInvoke, llama.slice(0, 2));
  assert.equal(aborted.usageIsProvisional, true);
  assert.equal(aborted.usage?.inputUncached, 25);

  const cohere = readStream(bedrockInvoke, [
    chunkMessage({ generations: [{ text: ' The', finish_reason: 'COMPLETE' }], ...metrics(7, 149) }),
  ]);
  assert.deepEqual(cohere.usage, tokenUsage({ inputUncached: 7, outputText: 149 }));
  const nova = readStream(bedrockInvoke, [
    chunkMessage({ contentBlockDelta: { delta: { text: 'secret' } } }),
    chunkMessage({ messageStop: { stopReason: 'end_turn' } }),
    chunkMessage({ metadata: { usage: { inputTokens: 4, outputTokens: 2 } }, ...metrics(4, 2) }),
  ]);
  assert.deepEqual(nova.usage, tokenUsage({ inputUncached: 4, outputText: 2 }));
  assert.equal(nova.finishReason, 'end_turn');
});
