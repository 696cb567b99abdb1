import { ollamaChat, ollamaEmbed, ollamaGenerate } from '../../../../../src/agent/llm/dialects/ollama.ts';
import { type Answer, type DialectExamples, JSON_TYPE, json, lines } from './example.ts';

const said = { model: 'llama3.2', created_at: '2026-01-02T03:04:05.678Z' };
const counts = { total_duration: 9e9, prompt_eval_count: 26, prompt_eval_duration: 1e8, eval_count: 298 };
const buckets = { inputUncached: 26, outputText: 298 };
const refused = json('refused', { error: "model 'a secret' not found" }, { failure: '' });

/** A server in between that calls the stream what it is not. */
const mistyped = (answer: Answer): Answer => ({
  ...answer,
  title: `${answer.title}, as JSON`,
  contentType: JSON_TYPE,
});

const chatStream = lines(
  'a stream',
  [
    { ...said, message: { role: 'assistant', content: '', thinking: 'hm' }, done: false },
    { ...said, message: { role: 'assistant', content: 'é {"done": true' }, done: false },
    { ...said, message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop', ...counts },
  ],
  { model: 'llama3.2', finishReason: 'stop', contentEvents: 2, usage: buckets },
);

const chat: DialectExamples = {
  dialect: ollamaChat,
  url: 'http://llm.example.com/api/chat',
  certain: false,
  notPaths: ['/api/chats', '/api/chat/7', '/chat'],
  request: '{"model":"m","messages":[]}',
  notRequest: '{"messages":[]}',
  answers: [
    json(
      'whole',
      { ...said, message: { content: 'a' }, done: true, done_reason: 'length', ...counts },
      {
        model: 'llama3.2',
        finishReason: 'length',
        contentEvents: 1,
        usage: buckets,
      },
    ),
    chatStream,
    mistyped(chatStream),
    lines('a prompt from the cache', [{ ...said, message: { content: 'a' }, done: true, eval_count: 3 }], {
      model: 'llama3.2',
      contentEvents: 1,
      usage: { outputText: 3 },
    }),
    lines(
      'an error in the stream',
      [{ ...said, message: { content: 'a' }, done: false }, { error: 'a secret' }],
      {
        model: 'llama3.2',
        contentEvents: 1,
        failure: '',
      },
    ),
    refused,
  ],
};

const generate: DialectExamples = {
  dialect: ollamaGenerate,
  url: 'http://127.0.0.1:11434/api/generate',
  certain: false,
  notPaths: ['/api/generate-report', '/generate'],
  request: '{"model":"m","prompt":"a"}',
  notRequest: '{"model":"m"}',
  answers: [
    lines(
      'a stream',
      [
        { ...said, response: 'a', done: false },
        { ...said, response: '', done: true, done_reason: 'stop', context: [1, 2, 3], ...counts },
      ],
      { model: 'llama3.2', finishReason: 'stop', contentEvents: 1, usage: buckets },
    ),
    refused,
  ],
};

const embed: DialectExamples = {
  dialect: ollamaEmbed,
  url: 'http://127.0.0.1:11434/api/embed',
  certain: false,
  notPaths: ['/api/embeds', '/embed'],
  request: '{"model":"m","input":"a"}',
  notRequest: '{"model":"m","url":"a"}',
  answers: [
    json(
      'whole',
      { model: 'all-minilm', embeddings: [[0.1, 0.2]], prompt_eval_count: 8 },
      {
        model: 'all-minilm',
        usage: { inputUncached: 8 },
      },
    ),
    refused,
  ],
};

export const ollamaExamples: readonly DialectExamples[] = [chat, generate, embed];
