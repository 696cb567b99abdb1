import { anthropicMessages } from '../../../../../src/agent/llm/dialects/anthropic-messages.ts';
import { type DialectExamples, json, sse } from './example.ts';

const start = {
  type: 'message_start',
  message: {
    model: 'claude',
    usage: {
      input_tokens: 9,
      cache_read_input_tokens: 3,
      cache_creation_input_tokens: 5,
      cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 4 },
      output_tokens: 1,
      service_tier: 'standard',
    },
  },
};
const delta = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'a' } };
const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 40 } };

const messages: DialectExamples = {
  dialect: anthropicMessages,
  url: 'https://api.anthropic.com/v1/messages',
  certain: true,
  notPaths: ['/v1/messages/count_tokens', '/v1/messages/batches', '/api/rooms/7/messages/8'],
  request: '{"model":"m","max_tokens":5,"messages":[]}',
  notRequest: '{"model":"m","messages":[]}',
  answers: [
    json(
      'whole',
      {
        type: 'message',
        model: 'claude',
        stop_reason: 'tool_use',
        usage: { input_tokens: 9, output_tokens: 4, server_tool_use: { web_search_requests: 2 } },
      },
      {
        model: 'claude',
        finishReason: 'tool_use',
        billedUnits: { searches: 2 },
        usage: { inputUncached: 9, outputText: 4 },
      },
    ),
    sse('a stream', [start, delta, delta, end, { type: 'message_stop' }], {
      model: 'claude',
      serviceTier: 'standard',
      finishReason: 'end_turn',
      contentEvents: 2,
      usage: { inputUncached: 9, cacheRead: 3, cacheWrite5m: 1, cacheWrite1h: 4, outputText: 40 },
    }),
    json(
      'refused',
      { type: 'error', error: { type: 'overloaded_error', message: 'a secret' } },
      {
        failure: 'overloaded_error',
      },
    ),
  ],
};

export const anthropicExamples: readonly DialectExamples[] = [messages];
