import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventMessage } from '../agent/llm/reader/aws-messages.ts';

/** What a provider sends, in the pieces it sends it in. */
export interface Answer {
  readonly type: string;
  readonly pieces: readonly (string | Buffer)[];
}

const RECORDINGS = join(import.meta.dirname, '..', 'recordings');
const created = 1_760_000_000;
const index = 0;

function recorded(file: string): Answer {
  const { exchanges } = JSON.parse(readFileSync(join(RECORDINGS, `${file}.json`), 'utf8'));
  const [{ response }] = exchanges as [{ response: { headers: Record<string, string>; body: string } }];
  const type = response.headers['content-type'] ?? 'application/json';
  return { type, pieces: response.body.split(/(?<=\n\r?\n)/) };
}

const json = (document: unknown): Answer => ({
  type: 'application/json',
  pieces: [JSON.stringify(document)],
});
const events = (...documents: readonly unknown[]): Answer => ({
  type: 'text/event-stream',
  pieces: documents.map((one) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`),
});
const lines = (...documents: readonly unknown[]): Answer => ({
  type: 'application/x-ndjson',
  pieces: documents.map((one) => `${JSON.stringify(one)}\n`),
});
const aws = (...pieces: readonly Buffer[]): Answer => ({
  type: 'application/vnd.amazon.eventstream',
  pieces,
});

/** A chat in the form of OpenAI's, as others answer it. */
function chat(model: string, usage: object): Answer {
  const message = { role: 'assistant', content: 'Fine' };
  const choices = [{ index, message, finish_reason: 'stop' }];
  return json({ id: 'x', object: 'chat.completion', created, model, choices, usage });
}

/** The same as a stream, whose last event has what is added. */
function chatStream(model: string, last: object): Answer {
  const event = (delta: object, finish_reason: string | null) => ({
    ...{ id: 'x', object: 'chat.completion.chunk', created, model },
    choices: [{ index, delta, finish_reason }],
  });
  const words = ['Fine', ' day'].map((content) => event({ role: 'assistant', content }, null));
  return events(...words, { ...event({}, 'stop'), ...last }, '[DONE]');
}

const openaiUsage = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
});
const cohereUsage = {
  billed_units: { input_tokens: 11, output_tokens: 4 },
  tokens: { input_tokens: 75, output_tokens: 6 },
};
const bedrockUsage = { inputTokens: 9, outputTokens: 3, totalTokens: 18, cacheReadInputTokens: 6 };
const text = (content: string) => [{ text: content }];

interface Endpoint {
  readonly whole?: Answer;
  readonly stream?: Answer;
}

const groq = 'llama-3.3-70b-versatile';
const mistral = 'mistral-large-latest';
const ollamaCounts = { done: true, done_reason: 'stop', prompt_eval_count: 26, eval_count: 8 };
const ollamaSays = (content: string) => ({
  ...{ model: 'llama3.2', created_at: '2026-01-01T00:00:00Z', done: false },
  message: { role: 'assistant', content },
});
const gemini = {
  whole: recorded('google-genai/test-non-streaming-excludecontent-gemini-2-5-flash-vertexaiapi-sync-de'),
  stream: recorded('google-genai/test-streaming-excludecontent-gemini-2-5-flash-vertexaiapi-sync-defaul'),
};

/** By host and the last part of the path. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  'api.openai.com completions': {
    whole: recorded('openai/test-async-chat-completion-no-content'),
    stream: recorded('openai/test-chat-completion-streaming'),
  },
  'api.openai.com responses': {
    whole: recorded('openai/test-responses-create-reports-reasoning-tokens-content-mode0'),
    stream: recorded('openai/test-responses-create-streaming-iteration-content-mode0'),
  },
  'api.openai.com embeddings': { whole: recorded('openai/test-embeddings-no-content') },
  'api.groq.com completions': {
    whole: chat(groq, openaiUsage(20, 5)),
    stream: chatStream(groq, { x_groq: { id: 'req_1', usage: openaiUsage(21, 6) } }),
  },
  'api.anthropic.com messages': {
    whole: json({
      ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-6' },
      ...{ content: [{ type: 'text', text: 'Fine' }], stop_reason: 'end_turn', stop_sequence: null },
      usage: {
        ...{ input_tokens: 10, cache_read_input_tokens: 40, output_tokens: 5 },
        cache_creation_input_tokens: 7,
      },
    }),
    stream: recorded('anthropic/should-set-attributes-in-span-for-messages-streaming'),
  },
  'generativelanguage.googleapis.com generateContent': gemini,
  'generativelanguage.googleapis.com streamGenerateContent': gemini,
  'generativelanguage.googleapis.com batchEmbedContents': {
    whole: json({ embeddings: [{ values: [0.1] }] }),
  },
  'api.cohere.com chat': {
    whole: json({
      ...{ id: 'x', finish_reason: 'COMPLETE', usage: cohereUsage },
      message: { role: 'assistant', content: [{ type: 'text', text: 'Fine' }] },
    }),
    stream: events(
      { id: 'x', type: 'message-start', delta: { message: { role: 'assistant', content: [] } } },
      { type: 'content-start', index, delta: { message: { content: { type: 'text', text: '' } } } },
      { type: 'content-delta', index, delta: { message: { content: { text: 'Fine' } } } },
      { type: 'content-end', index },
      { type: 'message-end', delta: { finish_reason: 'COMPLETE', usage: cohereUsage } },
    ),
  },
  'api.cohere.com embed': {
    whole: json({
      ...{ id: 'x', response_type: 'embeddings_by_type', embeddings: { float: [[0.1]] }, texts: ['a'] },
      meta: { billed_units: { input_tokens: 5 } },
    }),
  },
  'api.cohere.com rerank': {
    whole: json({
      ...{ id: 'x', results: [{ index, relevance_score: 0.9 }] },
      meta: { billed_units: { search_units: 1 } },
    }),
  },
  'api.mistral.ai completions': {
    whole: chat(mistral, openaiUsage(31, 7)),
    stream: chatStream(mistral, { usage: openaiUsage(32, 8) }),
  },
  'api.mistral.ai embeddings': {
    whole: json({
      ...{ id: 'x', object: 'list', model: 'mistral-embed', usage: openaiUsage(6, 0) },
      data: [{ object: 'embedding', index, embedding: [0.1] }],
    }),
  },
  'localhost chat': {
    whole: json({ ...ollamaSays('Fine'), ...ollamaCounts }),
    stream: lines(ollamaSays('Fine'), ollamaSays(' day'), { ...ollamaSays(''), ...ollamaCounts }),
  },
  'localhost embed': { whole: json({ model: 'all-minilm', embeddings: [[0.1]], prompt_eval_count: 4 }) },
  'bedrock-runtime.us-east-1.amazonaws.com converse': {
    whole: json({
      ...{ output: { message: { role: 'assistant', content: text('Fine') } }, stopReason: 'end_turn' },
      ...{ usage: bedrockUsage, metrics: { latencyMs: 5 } },
    }),
  },
  'bedrock-runtime.us-east-1.amazonaws.com converse-stream': {
    whole: aws(
      eventMessage('messageStart', { role: 'assistant' }),
      eventMessage('contentBlockDelta', { contentBlockIndex: index, delta: { text: 'Fine' } }),
      eventMessage('messageStop', { stopReason: 'end_turn' }),
      eventMessage('metadata', { usage: bedrockUsage, metrics: { latencyMs: 5 } }),
    ),
  },
  'bedrock-runtime.us-east-1.amazonaws.com invoke': {
    whole: recorded('bedrock/should-set-cache-tokens-in-span-for-anthropic-messages-api-with-cached'),
  },
};

/** What the provider of that name answers to a request; `undefined` where it has no such endpoint. */
export function answerTo(host: string, path: string, body: string): Answer | undefined {
  const { pathname } = new URL(path, 'http://localhost');
  const endpoint = ENDPOINTS[`${host} ${/[^/:]+$/.exec(pathname)?.[0]}`];
  const streams = /"stream":\s*true/.test(body) || pathname.endsWith(':streamGenerateContent');
  return streams ? endpoint?.stream : endpoint?.whole;
}
