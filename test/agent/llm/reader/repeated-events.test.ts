import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import type { Dialect } from '../../../../src/agent/llm/dialects/dialect.ts';
import { DIALECTS } from '../../../../src/agent/llm/dialects/index.ts';
import { openaiChat } from '../../../../src/agent/llm/dialects/openai/chat.ts';
import { RepeatedEvents, VARYING_KEYS } from '../../../../src/agent/llm/reader/repeated-events.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { EXAMPLES } from '../dialects/examples/index.ts';
import { bytesOf, pieces } from './pieces.ts';

/** Words with everything that ends or escapes something in JSON. */
const word = fc.oneof(
  fc.constantFrom(
    ' word',
    '',
    'a "quote"',
    'back\\slash\\',
    '\n\n',
    '"usage":{"prompt_tokens":1}',
    'é 漢字 😀',
    '}]',
  ),
  fc.string({ maxLength: 20 }),
);
const delta = (content: string, more: object = {}) => ({
  id: 'chatcmpl-1',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
  usage: null,
  ...more,
});
const event = fc.oneof(
  { weight: 8, arbitrary: word.map((content) => delta(content)) },
  {
    weight: 4,
    arbitrary: fc.tuple(word, fc.string()).map(([content, p]) => delta(content, { obfuscation: p })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(word, fc.nat()).map(([content, n]) => delta(content, { sequence_number: n })),
  },
  { weight: 1, arbitrary: fc.constant({ ...delta(''), choices: [{ delta: {}, finish_reason: 'stop' }] }) },
  { weight: 1, arbitrary: fc.constant({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 7 } }) },
  { weight: 1, arbitrary: fc.constant({ error: { type: 'overloaded' } }) },
  { weight: 1, arbitrary: word.map((text) => ({ other: text })) },
);

/** All that a reader has found, with the places of its events with content. */
function readIn(dialect: Dialect, contentType: string, texts: readonly string[]) {
  let before = 0;
  const ends: number[] = [];
  const reader = new ResponseReader(dialect, contentType, (end) => ends.push(before + end));
  for (const text of texts) {
    reader.write(text);
    before += text.length;
  }
  reader.finish();
  const { model, usage, failed, errors, finishReason, serviceTier, ended, isStream, contentEvents } = reader;
  const tokens = Math.round(reader.outputTokens * 1e6);
  return {
    model,
    usage,
    failed,
    errors,
    finishReason,
    serviceTier,
    ended,
    isStream,
    contentEvents,
    tokens,
    ends,
  };
}

test('events that are known by the one before are read as if each were cut out, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 40 }),
      fc.constantFrom('\n\n', '\r\n\r\n', '\n\n\n', '\n\n: ping\n\n'),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 }),
      (events, end, named, sizes) => {
        const field = named ? 'event: delta\ndata: ' : 'data: ';
        const stream = bytesOf(events.map((one) => `${field}${JSON.stringify(one)}${end}`).join(''));
        // No event lies whole in a piece of one character.
        const slowly = readIn(openaiChat, 'text/event-stream', pieces(stream, [1]));
        const whole = readIn(openaiChat, 'text/event-stream', [stream]);
        const cut = readIn(openaiChat, 'text/event-stream', pieces(stream, sizes));
        // A blank line of CRLF may end with either character.
        const of = ({ ends, ...found }: typeof slowly) => ({ ...found, count: ends.length });
        assert.deepEqual(of(whole), of(slowly));
        assert.deepEqual(of(cut), of(slowly));
        if (!end.includes('\r')) assert.deepEqual([whole.ends, cut.ends], [slowly.ends, slowly.ends]);
      },
    ),
    { numRuns: 500 },
  );
});

for (const { dialect, answers } of EXAMPLES) {
  for (const { title, contentType, body } of answers) {
    test(`${dialect.name}, ${title}: the same as a whole and in pieces of one character`, () => {
      assert.deepEqual(readIn(dialect, contentType, [body]), readIn(dialect, contentType, pieces(body, [1])));
    });
  }
}

test('what differs at one, two or three places is known', () => {
  const one = (text: string, n: number, p: string) =>
    `data: {"type":"delta","sequence_number":${n},"delta":"${text}","obfuscation":"${p}"}\n\n`;
  const known = new RepeatedEvents();
  for (const example of [one('a', 1, 'x'), one('bc', 2, 'yz')])
    known.learn(example, example.indexOf('"delta":"') + 9);
  const words: string[] = [];
  const text = one('first', 3, '') + one(' second', 14, 'abc') + one('third', 15, 'd');
  const other = 'data: {"type":"done"}\n\n';
  const end = known.skip(text + other, 0, (all, wordAt) =>
    words.push(all.slice(wordAt, all.indexOf('"', wordAt))),
  );
  assert.deepEqual([end, words], [text.length, ['first', ' second', 'third']]);
  assert.equal(known.skip(one('', 3, 'x'), 0, assert.fail), 0, 'an event without a word is another kind');
  known.forget();
  assert.equal(known.skip(text, 0, assert.fail), 0);
});

test('no dialect tells its events apart by what may vary', () => {
  for (const { name, stream } of DIALECTS) {
    for (const pattern of Object.values(stream ?? {})) {
      for (const key of VARYING_KEYS)
        assert.ok(!`${pattern?.source}`.includes(`"${key}"`), `${name}: ${key}`);
    }
  }
});
