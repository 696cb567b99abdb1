import {
  cohereChat,
  cohereChatV1,
  cohereEmbed,
  cohereGenerate,
} from '../../../../../src/agent/llm/dialects/cohere.ts';
import { rerank } from '../../../../../src/agent/llm/dialects/rerank.ts';
import { type DialectExamples, json, lines, sse } from './example.ts';

const billed_units = { input_tokens: 23, output_tokens: 60 };
const tokens = { input_tokens: 1376, output_tokens: 62 };
const buckets = { inputUncached: 23, outputText: 60 };
const refused = json('refused', { id: 'x', message: 'a secret' }, {});

const chat: DialectExamples = {
  dialect: cohereChat,
  url: 'https://api.cohere.com/v2/chat',
  certain: true,
  notPaths: ['/chat', '/api/v2/chats', '/v2/chat/7'],
  request: '{"model":"m","messages":[]}',
  notRequest: '{"model":"m","message":"a"}',
  answers: [
    json(
      'whole',
      {
        id: 'x',
        finish_reason: 'COMPLETE',
        message: { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
        usage: { billed_units: { ...billed_units, search_units: 1 }, tokens, cached_tokens: 3 },
      },
      {
        finishReason: 'COMPLETE',
        billedUnits: { searches: 1 },
        usage: { inputUncached: 20, cacheRead: 3, outputText: 60 },
      },
    ),
    sse(
      'a stream',
      [
        { id: 'x', type: 'message-start', delta: { message: { role: 'assistant', content: [] } } },
        { type: 'content-start', index: 0, delta: { message: { content: { type: 'text', text: '' } } } },
        { type: 'content-delta', index: 0, delta: { message: { content: { text: 'a' } } } },
        { type: 'content-delta', index: 0, delta: { message: { content: { text: 'é' } } } },
        { type: 'content-end', index: 0 },
        { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: { billed_units, tokens } } },
      ],
      { finishReason: 'COMPLETE', contentEvents: 2, usage: buckets },
    ),
    sse(
      'a stream that fails',
      [
        { type: 'message-start', delta: {} },
        { type: 'message-end', delta: { finish_reason: 'ERROR', error: 'a secret' } },
      ],
      { finishReason: 'ERROR', failure: 'ERROR' },
    ),
    refused,
  ],
};

const chatV1: DialectExamples = {
  dialect: cohereChatV1,
  url: 'https://api.cohere.ai/v1/chat',
  certain: true,
  notPaths: ['/api/chat', '/v1/chats'],
  request: '{"model":"m","message":"a","stream":true}',
  notRequest: '{"model":"m","messages":[]}',
  answers: [
    json(
      'whole',
      { text: 'a', generation_id: 'g', finish_reason: 'COMPLETE', meta: { billed_units, tokens } },
      { finishReason: 'COMPLETE', usage: buckets },
    ),
    json(
      'nothing said of what is billed',
      { text: 'a', meta: { tokens } },
      {
        usage: { inputUncached: 1376, outputText: 62 },
      },
    ),
    lines(
      'a stream',
      [
        { is_finished: false, event_type: 'stream-start', generation_id: 'g' },
        { is_finished: false, event_type: 'search-results', documents: [{ text: 'a' }] },
        { is_finished: false, event_type: 'text-generation', text: 'a' },
        {
          is_finished: true,
          event_type: 'stream-end',
          response: { text: 'a', meta: { billed_units } },
          finish_reason: 'COMPLETE',
        },
      ],
      { finishReason: 'COMPLETE', contentEvents: 1, usage: buckets },
    ),
    refused,
  ],
};

const generate: DialectExamples = {
  dialect: cohereGenerate,
  url: 'https://api.cohere.ai/v1/generate',
  certain: true,
  notPaths: ['/api/generate', '/v1/generates'],
  request: '{"model":"m","prompt":"a"}',
  notRequest: '{"model":"m","text":"a"}',
  answers: [
    json(
      'whole',
      { generations: [{ text: 'a', finish_reason: 'COMPLETE' }], meta: { billed_units } },
      {
        finishReason: 'COMPLETE',
        usage: buckets,
      },
    ),
    lines(
      'a stream',
      [
        { text: ' a', is_finished: false, event_type: 'text-generation' },
        {
          is_finished: true,
          event_type: 'stream-end',
          finish_reason: 'MAX_TOKENS',
          response: { id: 'x', generations: [{ text: 'a' }], prompt: 'p', meta: { billed_units } },
        },
      ],
      { finishReason: 'MAX_TOKENS', contentEvents: 1, usage: buckets },
    ),
    refused,
  ],
};

const embed: DialectExamples = {
  dialect: cohereEmbed,
  url: 'https://api.cohere.com/v2/embed',
  certain: true,
  notPaths: ['/v1/embed-jobs', '/video/embed/7'],
  request: '{"model":"m","texts":["a"],"input_type":"search_query"}',
  notRequest: '{"model":"m","texts":["a"]}',
  answers: [
    json(
      'texts and images',
      {
        id: 'x',
        embeddings: { float: [[0.1, 0.2]] },
        meta: { billed_units: { input_tokens: 4, image_tokens: 500, images: 1 } },
      },
      { usage: { inputUncached: 4, inputImage: 500 } },
    ),
    json(
      'images by the piece',
      { embeddings: [], meta: { billed_units: { images: 3 } } },
      { billedUnits: { images: 3 } },
    ),
    json(
      'Pinecone',
      { model: 'multilingual-e5-large', data: [{ values: [0.1] }], usage: { total_tokens: 5 } },
      {
        usage: { inputUncached: 5 },
      },
    ),
    refused,
  ],
};

const ranking: DialectExamples = {
  dialect: rerank,
  url: 'https://api.jina.ai/v1/rerank',
  certain: true,
  notPaths: ['/v1/reranks', '/v1/rerank/7', '/v1/prerank'],
  request: '{"model":"m","query":"a","documents":["b"]}',
  notRequest: '{"model":"m","query":"a"}',
  answers: [
    json(
      'Cohere: search units and no tokens',
      { id: 'x', results: [{ index: 0, relevance_score: 0.9 }], meta: { billed_units: { search_units: 1 } } },
      { billedUnits: { searches: 1 } },
    ),
    json(
      'Voyage',
      { object: 'list', data: [], model: 'rerank-2.5', usage: { total_tokens: 26 } },
      {
        model: 'rerank-2.5',
        usage: { inputUncached: 26 },
      },
    ),
    json(
      'Jina',
      { model: 'jina-reranker-v3', results: [], usage: { total_tokens: 15, prompt_tokens: 15 } },
      {
        model: 'jina-reranker-v3',
        usage: { inputUncached: 15 },
      },
    ),
    json(
      'Pinecone: units',
      { model: 'bge-reranker-v2-m3', data: [], usage: { rerank_units: 1 } },
      {
        model: 'bge-reranker-v2-m3',
        billedUnits: { searches: 1 },
      },
    ),
    json(
      'refused',
      { error: { type: 'invalid_request_error', message: 'a secret' } },
      {
        failure: 'invalid_request_error',
      },
    ),
  ],
};

export const cohereExamples: readonly DialectExamples[] = [chat, chatV1, generate, embed, ranking];
