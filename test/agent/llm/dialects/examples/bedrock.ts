import { bedrockConverse } from '../../../../../src/agent/llm/dialects/bedrock/converse.ts';
import {
  bedrockEmbeddings,
  bedrockImages,
  bedrockInvoke,
  bedrockRerank,
} from '../../../../../src/agent/llm/dialects/bedrock/invoke.ts';
import { chunkMessage, eventMessage, exceptionMessage } from '../../reader/aws-messages.ts';
import { type Answer, type DialectExamples, EVENT_STREAM, json, type Said } from './example.ts';

const HOST = 'https://bedrock-runtime.eu-central-1.amazonaws.com';

const stream = (title: string, messages: readonly Buffer[], said: Partial<Said>): Answer => ({
  title,
  contentType: EVENT_STREAM,
  body: Buffer.concat(messages).toString('latin1'),
  said: { isStream: true, ...said },
});

const refused = json(
  'refused',
  { __type: 'com.amazon.coral.service#ThrottlingException', message: 'a secret' },
  { failure: 'ThrottlingException' },
);
const invocationMetrics = { inputTokenCount: 20, outputTokenCount: 3, invocationLatency: 9 };
const metrics = { 'amazon-bedrock-invocationMetrics': invocationMetrics };

const converse: DialectExamples = {
  dialect: bedrockConverse,
  url: `${HOST}/model/eu.amazon.nova-pro-v1%3A0/converse`,
  certain: true,
  pathModel: 'eu.amazon.nova-pro-v1:0',
  pathStreams: false,
  notPaths: ['/model/amazon.nova-pro-v1/count-tokens', '/model/house/converses', '/model/converse'],
  request: '{"messages":[]}',
  notRequest: '{"input":""}',
  answers: [
    json(
      'whole',
      {
        output: { message: { content: [{ text: 'a' }] } },
        stopReason: 'end_turn',
        usage: { inputTokens: 3, outputTokens: 4, totalTokens: 12, cacheReadInputTokens: 5 },
        serviceTier: { type: 'flex' },
      },
      {
        finishReason: 'end_turn',
        serviceTier: 'flex',
        usage: { inputUncached: 3, cacheRead: 5, outputText: 4 },
      },
    ),
    stream(
      'a stream',
      [
        eventMessage('messageStart', { role: 'assistant' }),
        eventMessage('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'é' } }),
        eventMessage('messageStop', { stopReason: 'max_tokens' }),
        eventMessage('metadata', { usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } }),
      ],
      { finishReason: 'max_tokens', contentEvents: 1, usage: { inputUncached: 3, outputText: 4 } },
    ),
    stream('a stream that fails', [exceptionMessage('modelStreamErrorException', { message: 'a secret' })], {
      failure: 'modelStreamErrorException',
    }),
    refused,
  ],
};

const invoke: DialectExamples = {
  dialect: bedrockInvoke,
  url: `${HOST}/model/anthropic.claude-v1/invoke-with-response-stream`,
  certain: true,
  pathModel: 'anthropic.claude-v1',
  pathStreams: true,
  notPaths: ['/model/anthropic.claude-v1/invocations', '/async-invoke'],
  request: '{"prompt":""}',
  notRequest: '',
  answers: [
    json(
      'whole',
      { generation: 'a', prompt_token_count: 9, generation_token_count: 26, stop_reason: 'stop' },
      { finishReason: 'stop', usage: { inputUncached: 9, outputText: 26 } },
    ),
    stream(
      'a stream of Anthropic',
      [
        chunkMessage({ type: 'message_start', message: { model: 'c', usage: { input_tokens: 20 } } }),
        chunkMessage({ type: 'content_block_delta', delta: { text: 'é' } }),
        chunkMessage({
          type: 'message_delta',
          delta: { stop_reason: 'end_turn' },
          usage: { output_tokens: 3 },
        }),
        chunkMessage({ type: 'message_stop', ...metrics }),
      ],
      {
        model: 'c',
        finishReason: 'end_turn',
        contentEvents: 1,
        usage: { inputUncached: 20, outputText: 3 },
      },
    ),
    stream('a stream that only Bedrock counts', [chunkMessage({ outputs: [{ text: 'a' }], ...metrics })], {
      contentEvents: 1,
      usage: { inputUncached: 20, outputText: 3 },
    }),
    refused,
  ],
};

/** The others are streamed as little as their makers do; the reader is the same. */
function alike(
  dialect: DialectExamples['dialect'],
  model: string,
  body: unknown,
  said: Partial<Said>,
): DialectExamples {
  return {
    dialect,
    url: `${HOST}/model/${model}/invoke`,
    certain: true,
    pathModel: model,
    pathStreams: false,
    notPaths: ['/model/anthropic.claude-v1/invoke', `/models/${model}/invoke`],
    request: '{}',
    notRequest: '',
    answers: [
      json('whole', body, said),
      stream('a stream', [chunkMessage(metrics)], { usage: { inputUncached: 20, outputText: 3 } }),
      refused,
    ],
  };
}

export const bedrockExamples: readonly DialectExamples[] = [
  converse,
  invoke,
  alike(
    bedrockEmbeddings,
    'amazon.titan-embed-text-v1',
    { embedding: [0.5], inputTextTokenCount: 8 },
    {
      usage: { inputUncached: 8 },
    },
  ),
  alike(bedrockRerank, 'cohere.rerank-v3-5', { results: [{ index: 0, relevance_score: 0.5 }] }, {}),
  alike(bedrockImages, 'amazon.nova-canvas-v1', { images: ['aGk=', 'aGk='] }, { billedUnits: { images: 2 } }),
];
