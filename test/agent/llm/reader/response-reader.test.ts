import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'vitest';
import { anthropicMessages } from '../../../../src/agent/llm/dialects/anthropic-messages.ts';
import type { Dialect } from '../../../../src/agent/llm/dialects/dialect.ts';
import { geminiGenerate } from '../../../../src/agent/llm/dialects/google/gemini.ts';
import { DIALECTS } from '../../../../src/agent/llm/dialects/index.ts';
import { openaiChat } from '../../../../src/agent/llm/dialects/openai/chat.ts';
import { openaiResponses } from '../../../../src/agent/llm/dialects/openai/responses.ts';
import { RequestReader } from '../../../../src/agent/llm/reader/request-reader.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';

function read(dialect: Dialect, body: string, contentType = ''): ResponseReader {
  const reader = new ResponseReader(dialect, contentType);
  reader.write(body);
  reader.finish();
  return reader;
}

const SSE = 'text/event-stream; charset=utf-8';

const events = (...documents: unknown[]) =>
  documents
    .map((document) => `data: ${typeof document === 'string' ? document : JSON.stringify(document)}\n\n`)
    .join('');

for (const dialect of DIALECTS) {
  test(`${dialect.name}: an empty, a foreign and a broken body say nothing and hurt nobody`, () => {
    for (const body of [
      '',
      '<html>',
      '[]',
      'null',
      '{"usage":',
      '{"usage":7,"model":{},"error":null}',
      'data: {\n\n',
    ]) {
      const reader = read(dialect, body);
      assert.equal(reader.usage, null, body);
      assert.equal(reader.model, undefined, body);
      assert.equal(reader.failed, false, body);
    }
  });
}

test('an error may be a plain text', () => {
  const reader = read(openaiChat, '{"error":"a secret"}');
  assert.deepEqual([reader.failed, reader.errors], [true, [undefined, undefined]]);
});

test('an error that is empty or false is none', () => {
  for (const error of ['', false, null]) {
    for (const dialect of [openaiChat, anthropicMessages, openaiResponses]) {
      const body = JSON.stringify({ model: 'm', error, usage: {} });
      for (let at = 0; at <= body.length; at++) {
        const reader = new ResponseReader(dialect, '');
        for (const piece of [body.slice(0, at), body.slice(at)]) reader.write(piece);
        reader.finish();
        assert.equal(reader.failed, false, `${dialect.name}: ${body}, cut at ${at}`);
      }
    }
  }
});

test('usage in any event of a stream; the last one that is not null counts', () => {
  const usage = (n: number) => ({ prompt_tokens: n, completion_tokens: n, total_tokens: 2 * n });
  const stream = events(
    { model: 'm', choices: [{ delta: { content: 'a' } }], usage: usage(1) },
    { model: 'm', choices: [{ delta: { content: 'b' } }], usage: usage(2) },
    { model: 'm', choices: [], usage: null },
    '[DONE]',
  );
  const reader = read(openaiChat, stream, SSE);
  assert.deepEqual(reader.usage, tokenUsage({ inputUncached: 2, outputText: 2 }));
  assert.deepEqual([reader.contentEvents, reader.ended], [2, true]);
  const groq = read(openaiChat, events({ choices: [], x_groq: { usage: usage(3) } }), SSE);
  assert.equal(groq.usage?.inputUncached, 3);
});

test('a stream is known by its content even when the content type does not say so', () => {
  const reader = read(
    openaiChat,
    `: hello\n\n${events({ model: 'm', choices: [{ delta: { content: 'a' } }] })}`,
  );
  assert.deepEqual([reader.isStream, reader.model, reader.contentEvents], [true, 'm', 1]);
});

test('content is text, reasoning and tool calls; not roles, empty texts and stop reasons', () => {
  const chat = (delta: unknown) => read(openaiChat, events({ choices: [{ delta }] }), SSE).contentEvents;
  assert.equal(chat({ content: 'a' }), 1);
  assert.equal(chat({ reasoning_content: 'a' }), 1);
  assert.equal(chat({ tool_calls: [{ index: 0, function: { arguments: '' } }] }), 1);
  assert.equal(chat({ role: 'assistant', content: '' }), 0);
  assert.equal(chat({ role: 'assistant', content: null, tool_calls: [] }), 0);
  const anthropic = (event: unknown) => read(anthropicMessages, events(event), SSE).contentEvents;
  assert.equal(
    anthropic({ type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'a' } }),
    1,
  );
  assert.equal(
    anthropic({ type: 'content_block_start', content_block: { type: 'tool_use', name: 'f', input: {} } }),
    1,
  );
  assert.equal(anthropic({ type: 'content_block_start', content_block: { type: 'text', text: '' } }), 0);
  assert.equal(anthropic({ type: 'ping' }), 0);
  const responses = (event: unknown) => read(openaiResponses, events(event), SSE).contentEvents;
  assert.equal(responses({ type: 'response.reasoning_summary_text.delta', delta: 'a' }), 1);
  assert.equal(responses({ type: 'response.output_item.added', item: {} }), 0);
});

test('text that looks like usage, an error or the end is text', () => {
  const text = '{"usage":{"prompt_tokens":999},"error":{"code":"x"},"type":"message_stop"} data: [DONE]';
  for (const dialect of [openaiChat, anthropicMessages, openaiResponses]) {
    const reader = read(
      dialect,
      events({ type: 'x', model: 'm', choices: [{ delta: { content: text } }] }),
      SSE,
    );
    assert.deepEqual([reader.usage, reader.failed, reader.ended], [null, false, false], dialect.name);
  }
});

test('Anthropic counts input at the start and output at the end, field by field', () => {
  const start = {
    type: 'message_start',
    message: { model: 'c', usage: { input_tokens: 9, cache_read_input_tokens: 3, output_tokens: 1 } },
  };
  const begun = read(anthropicMessages, events(start), SSE);
  assert.equal(begun.usageIsProvisional, true);
  const end = { type: 'message_delta', delta: {}, usage: { input_tokens: null, output_tokens: 40 } };
  const reader = read(anthropicMessages, events(start, end, { type: 'message_stop' }), SSE);
  assert.deepEqual(reader.usage, tokenUsage({ inputUncached: 9, cacheRead: 3, outputText: 40 }));
  assert.deepEqual([reader.usageIsProvisional, reader.ended], [false, true]);
});

test('an answer of Gemini that is no stream is counted whole, without a finish reason too', () => {
  const answer = {
    candidates: [{ content: { parts: [{ text: 'a' }] } }],
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 },
  };
  const whole = read(geminiGenerate, JSON.stringify(answer), 'application/json');
  assert.deepEqual(whole.usage, tokenUsage({ inputUncached: 5, outputText: 2 }));
  assert.equal(whole.usageIsProvisional, false);
  assert.equal(read(geminiGenerate, events(answer), SSE).usageIsProvisional, true);
});

test('usage that knows nothing of the content that came is provisional', () => {
  const first = { model: 'm', choices: [], usage: { prompt_tokens: 50, completion_tokens: 0 } };
  const content = { model: 'm', choices: [{ delta: { content: 'a' } }] };
  const last = { model: 'm', choices: [], usage: { prompt_tokens: 50, completion_tokens: 1 } };
  const provisional = (...documents: unknown[]) =>
    read(openaiChat, events(...documents, '[DONE]'), SSE).usageIsProvisional;
  assert.equal(provisional(first, content), true);
  assert.equal(provisional(first, content, last), false);
  assert.equal(provisional(first), false);
});

test('the tier may be told inside the usage: fast mode, Mistral', () => {
  const tier = (dialect: Dialect, usage: unknown) => read(dialect, JSON.stringify({ usage })).serviceTier;
  assert.equal(tier(anthropicMessages, { input_tokens: 1, service_tier: 'standard', speed: 'fast' }), 'fast');
  assert.equal(
    tier(anthropicMessages, { input_tokens: 1, service_tier: 'priority', speed: 'standard' }),
    'priority',
  );
  assert.equal(tier(openaiChat, { prompt_tokens: 1, service_tier: 'flex' }), 'flex');
});

test('an error inside a stream of the Responses API', () => {
  const event = read(
    openaiResponses,
    events({ type: 'error', code: 'rate_limit_exceeded', message: 'a secret' }),
    SSE,
  );
  assert.deepEqual([event.failed, event.errors[0]], [true, 'rate_limit_exceeded']);
  const failed = {
    type: 'response.failed',
    response: { model: 'm', usage: null, error: { code: 'server_error', message: '' } },
  };
  assert.ok(read(openaiResponses, events(failed), SSE).errors.includes('server_error'));
});

test('a request says model and stream wherever they are, and stops being read once both are known', () => {
  const reader = new RequestReader(openaiChat);
  reader.write(`{"messages":[{"content":"${'x'.repeat(100_000)}"}],"stream":true,"model":"m"`);
  assert.deepEqual(
    [reader.model, reader.streaming, reader.hasDialectKeys, reader.done],
    ['m', true, true, true],
  );
  const other = new RequestReader(anthropicMessages);
  other.write('{"model":"m","messages":[]}');
  assert.deepEqual([other.hasDialectKeys, other.done], [false, true]);
});

test('no more than 64 KiB is held of a body that is being read', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const begin = ['{"choices":[{"message":{"content":"', 'data: {"choices":[{"delta":{"content":"'];
  const filler = () => Buffer.alloc(64 * 1024, 'secret ').toString('latin1');
  const before = heapBytes();
  const readers = Array.from({ length: 100 }, (_, i) => {
    const reader = new ResponseReader(openaiChat, i % 2 === 1 ? SSE : '');
    reader.write(begin[i % 2] ?? '');
    for (let piece = 0; piece < 20; piece++) reader.write(filler());
    return reader;
  });
  const heldBytes = (heapBytes() - before) / readers.length;
  assert.ok(heldBytes < 64 * 1024 + 16 * 1024, `${heldBytes} bytes per reader`);
  for (const reader of readers) reader.finish();
});

/** Gives `bytes` of `text` over and over. @returns how many were read before the reader gave up */
function readOf(
  text: string,
  bytes: number,
  contentType = SSE,
): { readonly gaveUp: boolean; readonly chars: number } {
  const reader = new ResponseReader(openaiChat, contentType);
  const piece = text.repeat(Math.ceil((32 * 1024) / text.length));
  let chars = 0;
  for (; chars < bytes && !reader.gaveUp; chars += piece.length) reader.write(piece);
  return { gaveUp: reader.gaveUp, chars };
}

const MIB = 1024 * 1024;

test('a body made of nothing but ends is given up, however few bytes it has, and the longest answers are not', () => {
  const costly = ['x\r', 'data:\n', 'data: {}\n\n', 'data: {"usage":{}}\n\n', ': \n', 'data: [\r\r'];
  for (const text of costly) {
    const { gaveUp, chars } = readOf(text, 64 * MIB);
    assert.ok(gaveUp && chars < 8 * MIB, `${JSON.stringify(text)}: ${chars}`);
  }
  const json = readOf('[{"finish_reason":"x"},', 64 * MIB, 'application/x-ndjson');
  assert.ok(json.gaveUp && json.chars < 16 * MIB, `${json.chars}`);
  // 128,000 tokens are as many as models answer with.
  const delta = events({ model: 'm', choices: [{ delta: { content: ' word' } }] });
  assert.equal(readOf(delta, 200_000 * delta.length).gaveUp, false);
  const differing = `${delta}${events({ model: 'm', choices: [{ delta: { tool_calls: [{}] } }] })}`;
  assert.equal(readOf(differing, 64_000 * differing.length).gaveUp, false);
});

test('empty lines and long texts cost next to nothing, however many bytes they are', () => {
  for (const text of ['\r', '\n', '\r\n']) assert.equal(readOf(text, 16 * MIB).gaveUp, false);
  const reader = new ResponseReader(openaiChat, '');
  reader.write('{"choices":[{"message":{"content":"');
  for (let at = 0; at < 16 * MIB; at += 32 * 1024) reader.write('x'.repeat(32 * 1024));
  reader.write('"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}');
  reader.finish();
  assert.deepEqual([reader.gaveUp, reader.ended, reader.usage !== null], [false, true, true]);
});

test('the probabilities of the tokens of a long answer cost no usage', () => {
  const top = Array.from({ length: 20 }, (_, i) => ({
    token: ` t${i}`,
    logprob: -12.53125,
    bytes: [32, 116],
  }));
  const token = JSON.stringify({ token: ' word', logprob: -0.00123, bytes: [32, 119], top_logprobs: top });
  const reader = new ResponseReader(openaiChat, 'application/json');
  reader.write('{"model":"m","choices":[{"logprobs":{"content":[');
  for (let i = 0; i < 100_000; i++) reader.write(i === 0 ? token : `,${token}`);
  reader.write(']}}],"usage":{"prompt_tokens":3,"completion_tokens":100000}}');
  reader.finish();
  assert.deepEqual([reader.gaveUp, reader.ended, reader.usage?.outputText], [false, true, 100_000]);
});

test('a byte order mark before a document or a stream says nothing, wherever it is cut', () => {
  const mark = '\u00ef\u00bb\u00bf';
  const usage = { prompt_tokens: 3, completion_tokens: 4 };
  for (const [type, body] of [
    ['application/json', JSON.stringify({ model: 'm', choices: [{}], usage })],
    ['', JSON.stringify({ model: 'm', choices: [{}], usage })],
    ['text/event-stream', events({ model: 'm', choices: [{}], usage })],
  ] as const)
    for (let at = 0; at <= 4; at++) {
      const reader = new ResponseReader(openaiChat, type);
      const text = `${mark}${body}`;
      reader.write(text.slice(0, at));
      reader.write(text.slice(at));
      reader.finish();
      assert.deepEqual([reader.model, reader.usage?.outputText], ['m', 4], `${type} ${at}`);
    }
});
