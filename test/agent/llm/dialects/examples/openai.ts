import { openaiChat, openaiCompletions } from '../../../../../src/agent/llm/dialects/openai/chat.ts';
import { openaiEmbeddings } from '../../../../../src/agent/llm/dialects/openai/embeddings.ts';
import { openaiResponses } from '../../../../../src/agent/llm/dialects/openai/responses.ts';
import { type DialectExamples, json, sse } from './example.ts';

const usage = { prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 };
const chunk = (content: string) => ({ model: 'm', choices: [{ delta: { content }, finish_reason: null }] });
const stop = { model: 'm', choices: [{ delta: {}, finish_reason: 'stop' }] };

const chat: DialectExamples = {
  dialect: openaiChat,
  url: 'https://llm.example.com/proxy/chat/completions',
  certain: true,
  notPaths: ['/v1/chat/completions/chatcmpl-1', '/v1/chat/completions-report', '/chat'],
  request: '{"model":"m","messages":[]}',
  notRequest: '{"model":"m","prompt":"a"}',
  answers: [
    json(
      'OpenAI',
      {
        model: 'gpt-4o-2024-08-06',
        service_tier: 'default',
        choices: [{ message: { content: 'é "usage": {"prompt_tokens": 7}' }, finish_reason: 'length' }],
        usage: {
          ...usage,
          prompt_tokens_details: { cached_tokens: 8, audio_tokens: 2 },
          completion_tokens_details: { reasoning_tokens: 4 },
        },
      },
      {
        model: 'gpt-4o-2024-08-06',
        finishReason: 'length',
        serviceTier: 'default',
        usage: { inputUncached: 10, cacheRead: 8, inputAudio: 2, outputText: 5, outputReasoning: 4 },
      },
    ),
    sse(
      'OpenAI, usage in a chunk of its own',
      [chunk('a'), chunk('日本'), stop, { choices: [], usage }, '[DONE]'],
      {
        model: 'm',
        finishReason: 'stop',
        contentEvents: 2,
        usage: { inputUncached: 20, outputText: 9 },
      },
    ),
    sse(
      'xAI: reasoning beside the completion, usage before an empty last chunk, cost in ticks',
      [
        chunk('a'),
        {
          ...stop,
          usage: {
            prompt_tokens: 20,
            completion_tokens: 9,
            total_tokens: 129,
            completion_tokens_details: { reasoning_tokens: 100 },
            num_sources_used: 3,
            cost_in_usd_ticks: 25_000_000,
          },
        },
        { model: 'm', choices: [] },
        '[DONE]',
      ],
      {
        model: 'm',
        finishReason: 'stop',
        contentEvents: 1,
        billedUnits: { searches: 3 },
        reportedCostUsd: 0.0025,
        usage: { inputUncached: 20, outputText: 9, outputReasoning: 100 },
      },
    ),
    sse('Groq: usage under x_groq', [chunk('a'), { ...stop, x_groq: { id: 'r', usage } }, '[DONE]'], {
      model: 'm',
      finishReason: 'stop',
      contentEvents: 1,
      usage: { inputUncached: 20, outputText: 9 },
    }),
    sse(
      'Moonshot: usage inside the choice',
      [
        chunk('a'),
        {
          model: 'm',
          choices: [{ delta: {}, finish_reason: 'stop', usage: { ...usage, cached_tokens: 5 } }],
        },
      ],
      {
        model: 'm',
        finishReason: 'stop',
        contentEvents: 1,
        usage: { inputUncached: 15, cacheRead: 5, outputText: 9 },
      },
    ),
    json(
      'DeepSeek: cache hits and misses',
      {
        model: 'deepseek-chat',
        choices: [{ finish_reason: 'stop' }],
        usage: { ...usage, prompt_cache_hit_tokens: 12, prompt_cache_miss_tokens: 8 },
      },
      {
        model: 'deepseek-chat',
        finishReason: 'stop',
        usage: { inputUncached: 8, cacheRead: 12, outputText: 9 },
      },
    ),
    sse(
      'OpenRouter: comments to keep the connection, the cost in USD',
      [
        ': OPENROUTER PROCESSING',
        chunk('a'),
        {
          ...stop,
          usage: {
            ...usage,
            cost: 0.0125,
            prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 },
          },
        },
        '[DONE]',
      ],
      {
        model: 'm',
        finishReason: 'stop',
        contentEvents: 1,
        reportedCostUsd: 0.0125,
        usage: { inputUncached: 15, cacheRead: 3, cacheWrite5m: 2, outputText: 9 },
      },
    ),
    json(
      'Perplexity: searches, and the cost in parts',
      { model: 'sonar', usage: { ...usage, num_search_queries: 2, cost: { total_cost: 0.006 } } },
      {
        model: 'sonar',
        billedUnits: { searches: 2 },
        reportedCostUsd: 0.006,
        usage: { inputUncached: 20, outputText: 9 },
      },
    ),
    sse(
      'vLLM: usage so far in every chunk',
      [1, 2, 3].map((n) => ({
        ...chunk('a'),
        usage: { prompt_tokens: 20, completion_tokens: n, total_tokens: 20 + n, prompt_tokens_details: null },
      })),
      { model: 'm', contentEvents: 3, usage: { inputUncached: 20, outputText: 3 } },
    ),
    json(
      'a total that is not the sum',
      { model: 'm', usage: { ...usage, total_tokens: 31 } },
      {
        model: 'm',
        usage: { inputUncached: 20, outputText: 9 },
        usageMismatch: true,
      },
    ),
    json(
      'refused',
      { error: { message: 'a secret', type: 'insufficient_quota', code: null } },
      { failure: 'insufficient_quota' },
    ),
    json(
      'refused by Mistral',
      { object: 'error', message: 'a secret', type: 'invalid_model', code: '1500' },
      { failure: 'invalid_model' },
    ),
    json(
      'refused by Gemini, in an array',
      [{ error: { code: 429, message: 'a secret', status: 'RESOURCE_EXHAUSTED' } }],
      {
        failure: '429',
      },
    ),
    sse('an error in the stream', [chunk('a'), { error: { code: 502, message: 'a secret' } }], {
      model: 'm',
      contentEvents: 1,
      failure: '502',
    }),
  ],
};

const completions: DialectExamples = {
  dialect: openaiCompletions,
  url: 'https://api.mistral.ai/v1/fim/completions',
  certain: true,
  notPaths: ['/completions-report', '/v1/completions/7'],
  request: '{"model":"m","prompt":"a"}',
  notRequest: '{"model":"m","name":"a"}',
  answers: [
    sse('a stream', [{ model: 'm', choices: [{ text: 'a', finish_reason: 'stop' }], usage }, '[DONE]'], {
      model: 'm',
      finishReason: 'stop',
      contentEvents: 1,
      usage: { inputUncached: 20, outputText: 9 },
    }),
    json('refused', { error: { message: 'a secret', type: 'server_error' } }, { failure: 'server_error' }),
  ],
};

const embeddings: DialectExamples = {
  dialect: openaiEmbeddings,
  url: 'https://api.voyageai.com/v1/embeddings',
  certain: true,
  notPaths: ['/v1/files?for=/embeddings', '/v1/embeddings/7'],
  request: '{"model":"m","input":"a"}',
  notRequest: '{"model":"m"}',
  answers: [
    json(
      'OpenAI',
      { model: 'e', data: [{ embedding: [0.1, -2e-3] }], usage: { prompt_tokens: 5, total_tokens: 5 } },
      { model: 'e', usage: { inputUncached: 5 } },
    ),
    json(
      'Voyage and Jina: only a total',
      { object: 'list', data: [], model: 'voyage-3.5', usage: { total_tokens: 6 } },
      {
        model: 'voyage-3.5',
        usage: { inputUncached: 6 },
      },
    ),
    json(
      'refused',
      { error: { code: 'model_not_found', message: 'a secret' } },
      { failure: 'model_not_found' },
    ),
  ],
};

const counted = {
  input_tokens: 30,
  input_tokens_details: { cached_tokens: 10 },
  output_tokens: 8,
  output_tokens_details: { reasoning_tokens: 3 },
  total_tokens: 38,
};
const buckets = { inputUncached: 20, cacheRead: 10, outputText: 5, outputReasoning: 3 };

const responses: DialectExamples = {
  dialect: openaiResponses,
  url: 'https://api.openai.com/v1/responses',
  certain: true,
  notPaths: ['/v1/responses/resp_1', '/v1/responses/resp_1/cancel', '/v1/responses/input_tokens'],
  request: '{"model":"m","input":"a"}',
  notRequest: '{"model":"m","form":"a"}',
  answers: [
    json(
      'whole',
      { object: 'response', model: 'm', status: 'completed', service_tier: 'flex', usage: counted },
      {
        model: 'm',
        finishReason: 'completed',
        serviceTier: 'flex',
        usage: buckets,
      },
    ),
    json(
      'web searches: opening pages and looking into them is free',
      {
        object: 'response',
        model: 'm',
        status: 'completed',
        output: [
          { type: 'reasoning', summary: [{ type: 'web_search_call' }] },
          { type: 'web_search_call', action: { type: 'search', query: 'web_search_call' } },
          { type: 'web_search_call', action: { type: 'open_page', url: 'u' } },
          { type: 'web_search_call', action: { type: 'find_in_page' } },
          { type: 'web_search_call', status: 'completed' },
          { type: 'message', content: [{ type: 'web_search_call' }] },
        ],
        usage: counted,
      },
      { model: 'm', finishReason: 'completed', billedUnits: { searches: 2 }, usage: buckets },
    ),
    sse(
      'a web search in a stream, which repeats it',
      [
        { type: 'response.created', response: { model: 'm', status: 'in_progress', usage: null } },
        { type: 'response.output_item.done', item: { type: 'web_search_call', action: { type: 'search' } } },
        { type: 'response.output_text.delta', delta: 'a' },
        {
          type: 'response.completed',
          response: {
            model: 'm',
            status: 'completed',
            output: [{ type: 'web_search_call', action: { type: 'search' } }],
            usage: counted,
          },
        },
      ],
      {
        model: 'm',
        contentEvents: 1,
        finishReason: 'completed',
        billedUnits: { searches: 1 },
        usage: buckets,
      },
    ),
    sse(
      'a stream cut short by the bound of tokens',
      [
        { type: 'response.created', response: { model: 'm', status: 'in_progress', usage: null } },
        { type: 'response.output_text.delta', delta: 'a' },
        {
          type: 'response.incomplete',
          response: {
            model: 'm',
            status: 'incomplete',
            incomplete_details: { reason: 'max_output_tokens' },
            usage: counted,
          },
        },
      ],
      { model: 'm', contentEvents: 1, finishReason: 'max_output_tokens', usage: buckets },
    ),
    json(
      'refused',
      { error: { message: 'a secret', type: 'invalid_request_error', code: 'model_not_found' } },
      { failure: 'model_not_found' },
    ),
    sse('an error in the stream', [{ type: 'error', code: 'rate_limit_exceeded', message: 'a secret' }], {
      failure: 'rate_limit_exceeded',
    }),
  ],
};

export const openaiExamples: readonly DialectExamples[] = [chat, completions, embeddings, responses];
