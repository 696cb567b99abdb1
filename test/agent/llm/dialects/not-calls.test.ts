import assert from 'node:assert/strict';
import { test } from 'vitest';
import { recognise } from '../../../../src/agent/llm/dialects/index.ts';
import { RequestReader } from '../../../../src/agent/llm/reader/request-reader.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { EXAMPLES } from './examples/index.ts';

/** An exchange with a host that is nobody's we know. */
interface Exchange {
  readonly path: string;
  readonly request: string;
  readonly contentType: string;
  readonly answer: string;
}

/** Whether it counts as a call of a model, asked as the agent asks. */
function isCall({ path, request, contentType, answer }: Exchange): boolean {
  const recognised = recognise('api.example.com', path, () => false);
  if (recognised === null) return false;
  if (recognised.certain) return true;
  const asked = new RequestReader(recognised.dialect, recognised.pathModel);
  asked.write(request);
  const answered = new ResponseReader(recognised.dialect, contentType);
  answered.write(answer);
  answered.finish();
  return asked.hasDialectKeys && answered.mayBeCall;
}

const JSON_TYPE = 'application/json';
const SSE = 'text/event-stream';

const FOREIGN: readonly (Exchange & { readonly what: string })[] = [
  {
    what: "an application's own chat route, as front ends of the AI SDK call it",
    path: '/api/chat',
    request: '{"id":"c","model":"gpt-4o","messages":[{"role":"user","parts":[]}]}',
    contentType: SSE,
    answer: 'data: {"type":"start"}\n\ndata: {"type":"text-delta","id":"0","delta":"a"}\n\ndata: [DONE]\n\n',
  },
  {
    what: 'a chat route that answers in JSON',
    path: '/api/chat',
    request: '{"model":"gpt-4o","messages":[]}',
    contentType: JSON_TYPE,
    answer: '{"model":"gpt-4o","reply":"a","done":true}',
  },
  {
    what: 'a chat of people',
    path: '/v2/chat',
    request: '{"model":"room","messages":["a"]}',
    contentType: JSON_TYPE,
    answer: '{"id":"7","type":"sent"}',
  },
  {
    what: 'a support bot',
    path: '/v1/chat',
    request: '{"model":"faq","message":"a"}',
    contentType: JSON_TYPE,
    answer: '{"text":"a","message":"b"}',
  },
  {
    what: 'a generator of pages',
    path: '/api/generate',
    request: '{"model":"landing","prompt":"a"}',
    contentType: JSON_TYPE,
    answer: '{"html":"<p>","model":"landing"}',
  },
  {
    what: 'a model that is only taken into memory',
    path: '/api/generate',
    request: '{"model":"llama3.2","prompt":""}',
    contentType: JSON_TYPE,
    answer: '{"model":"llama3.2","created_at":"2026-01-01","response":"","done":true,"done_reason":"load"}',
  },
  {
    what: 'a player to embed',
    path: '/api/embed',
    request: '{"model":"player","input":"https://example.com"}',
    contentType: JSON_TYPE,
    answer: '{"model":"player","html":"<iframe>"}',
  },
  {
    what: 'an embed of version 1',
    path: '/v1/embed',
    request: '{"model":"player","input_type":"video","url":"a"}',
    contentType: JSON_TYPE,
    answer: '{"html":"<iframe>","meta":{"title":"a"}}',
  },
  {
    what: 'answers of a survey',
    path: '/v1/responses',
    request: '{"model":"survey-7","input":{"q1":"a"}}',
    contentType: JSON_TYPE,
    answer: '{"object":"survey_response","status":"completed","model":"survey-7"}',
  },
  {
    what: 'completions of an address',
    path: '/v1/completions',
    request: '{"model":"streets","prompt":"Main"}',
    contentType: JSON_TYPE,
    answer: '{"suggestions":["Main Street"]}',
  },
  {
    what: 'messages of a queue',
    path: '/v1/messages',
    request: '{"model":"order","messages":[],"max_tokens":3}',
    contentType: JSON_TYPE,
    answer: '{"accepted":3}',
  },
  {
    what: 'a store of vectors',
    path: '/v1/embeddings',
    request: '{"model":"e","input":"a"}',
    contentType: JSON_TYPE,
    answer: '{"id":7,"stored":true}',
  },
  {
    what: 'a ranking of something else',
    path: '/v1/rerank',
    request: '{"query":"a","documents":["b"]}',
    contentType: JSON_TYPE,
    answer: '{"results":[]}',
  },
  {
    what: 'conversations of people',
    path: '/v1/conversations/7',
    request: '{"model":"m","inputs":"a"}',
    contentType: JSON_TYPE,
    answer: '{"usage":{"total_tokens":1}}',
  },
];

for (const { what, ...exchange } of FOREIGN) {
  test(`${what} is no call`, () => assert.equal(isCall(exchange), false));
}

test('what is free is no call, on the hosts of providers too', () => {
  const free: readonly [host: string, path: string][] = [
    ['api.anthropic.com', '/v1/messages/count_tokens'],
    ['api.anthropic.com', '/v1/messages/batches'],
    ['api.openai.com', '/v1/responses/input_tokens'],
    ['api.openai.com', '/v1/batches'],
    ['api.openai.com', '/v1/files'],
    ['generativelanguage.googleapis.com', '/v1beta/models/gemini-2.5-pro:countTokens'],
    ['generativelanguage.googleapis.com', '/v1beta/models/gemini-2.5-pro:batchGenerateContent'],
    ['api.cohere.com', '/v1/tokenize'],
    ['api.cohere.com', '/v1/embed-jobs'],
    ['api.mistral.ai', '/v1/batch/jobs'],
    ['api.mistral.ai', '/v1/conversations/conv_1/history'],
    ['ollama.com', '/api/show'],
  ];
  for (const [host, path] of free)
    assert.equal(
      recognise(host, path, () => false),
      null,
      host + path,
    );
});

test('what a provider only keeps is no call, the header of its SDK notwithstanding', () => {
  const kept: readonly [host: string, path: string][] = [
    ['api.openai.com', '/v1/conversations'],
    ['api.openai.com', '/v1/conversations/conv_1'],
    ['api.openai.com', '/v1/threads/thread_1/messages'],
    ['me.openai.azure.com', '/openai/threads/thread_1/messages?api-version=2024-10-21'],
    ['me.openai.azure.com', '/openai/v1/conversations'],
    ['127.0.0.1', '/v1/conversations'],
    ['127.0.0.1', '/v1/threads/thread_1/messages'],
    ['api.anthropic.com', '/v1/threads/thread_1/messages'],
    ['api.groq.com', '/rooms/7/messages'],
  ];
  for (const [host, path] of kept) {
    for (const header of ['', 'x-stainless-lang']) {
      assert.equal(
        recognise(host, path, (name) => name === header),
        null,
        host + path,
      );
    }
  }
});

test('an unknown host that speaks a known dialect in its usual place is believed', () => {
  for (const { dialect, url, request, answers } of EXAMPLES) {
    const { pathname } = new URL(url);
    if (recognise('api.example.com', pathname, () => false) === null) continue; // Only at its provider's host.
    for (const { title, contentType, body } of answers) {
      if (title.startsWith('refused')) continue;
      const exchange = { path: pathname, request, contentType, answer: body };
      assert.equal(isCall(exchange), true, `${dialect.name}: ${title}`);
    }
  }
});
