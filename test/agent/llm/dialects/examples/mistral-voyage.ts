import { mistralAgents, mistralConversations } from '../../../../../src/agent/llm/dialects/mistral.ts';
import { voyageEmbeddings } from '../../../../../src/agent/llm/dialects/voyage.ts';
import { type DialectExamples, json, sse } from './example.ts';

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const buckets = { inputUncached: 10, outputText: 5 };
const refused = json(
  'refused',
  { object: 'error', type: 'invalid_model', message: 'a secret', code: '1500' },
  {
    failure: 'invalid_model',
  },
);

const agents: DialectExamples = {
  dialect: mistralAgents,
  url: 'https://api.mistral.ai/v1/agents/completions',
  certain: true,
  notPaths: ['/v1/agents', '/v1/agents/ag_1'],
  request: '{"model":"m","agent_id":"ag_1","messages":[]}',
  notRequest: '{"model":"m","messages":[]}',
  answers: [
    json(
      'whole',
      { model: 'mistral-large-latest', choices: [{ finish_reason: 'stop' }], usage },
      {
        model: 'mistral-large-latest',
        finishReason: 'stop',
        usage: buckets,
      },
    ),
    sse(
      'thinking and text in parts',
      [
        {
          model: 'm',
          choices: [{ delta: { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] } }],
        },
        { model: 'm', choices: [{ delta: { content: 'b' }, finish_reason: 'stop' }], usage },
        '[DONE]',
      ],
      { model: 'm', finishReason: 'stop', contentEvents: 2, usage: buckets },
    ),
    refused,
  ],
};

const conversations: DialectExamples = {
  dialect: mistralConversations,
  url: 'https://api.mistral.ai/v1/conversations/conv_1/restart',
  certain: true,
  notPaths: ['/v1/conversations/conv_1/history', '/v1/conversations/conv_1/messages'],
  request: '{"model":"m","inputs":"a"}',
  notRequest: '{"model":"m"}',
  answers: [
    json(
      'whole',
      { conversation_id: 'c', outputs: [{ content: 'a' }], usage: { ...usage, connector_tokens: null } },
      {
        usage: buckets,
      },
    ),
    sse(
      'a stream',
      [
        { type: 'conversation.response.started', conversation_id: 'c' },
        { type: 'message.output.delta', model: 'm', content: 'a' },
        { type: 'conversation.response.done', usage },
      ],
      { model: 'm', contentEvents: 1, usage: buckets },
    ),
    sse(
      'an error in the stream',
      [{ type: 'conversation.response.error', message: 'a secret', code: 3000 }],
      {
        failure: 'conversation.response.error',
      },
    ),
    refused,
  ],
};

const voyage: DialectExamples = {
  dialect: voyageEmbeddings,
  url: 'https://api.voyageai.com/v1/multimodalembeddings',
  certain: true,
  notPaths: ['/v1/multimodal', '/v1/multimodalembeddings/7'],
  request: '{"model":"m","inputs":[]}',
  notRequest: '{"model":"m","input":[]}',
  answers: [
    json(
      'text and images',
      {
        model: 'voyage-multimodal-3',
        usage: { text_tokens: 5, image_pixels: 2_000_000, total_tokens: 3576 },
      },
      { model: 'voyage-multimodal-3', usage: { inputUncached: 5, inputImage: 3571 } },
    ),
    json(
      'chunks in their context',
      { model: 'voyage-context-3', usage: { total_tokens: 12 } },
      {
        model: 'voyage-context-3',
        usage: { inputUncached: 12 },
      },
    ),
    json('refused', { detail: 'a secret' }, {}),
  ],
};

export const mistralVoyageExamples: readonly DialectExamples[] = [agents, conversations, voyage];
