import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { SseParser } from '../../../../src/agent/llm/reader/sse.ts';
import { bytesOf, pieces } from './pieces.ts';

function parse(texts: readonly string[]): string[] {
  const events: string[] = [];
  let event = '';
  const parser = new SseParser({
    skip: (_text, at) => at,
    data(piece) {
      event += piece;
    },
    endOfEvent() {
      events.push(event);
      event = '';
    },
  });
  for (const text of texts) parser.write(text);
  return events;
}

test('one event per blank line, data fields joined by a line feed, everything else passed over', () => {
  const stream =
    ': keep-alive\n\nevent: x\ndata: a\ndata:b\nid: 7\n\ndatum: no\n\ndata:  two spaces\n\nretry: 1\n\ndata: cut off';
  assert.deepEqual(parse([stream]), ['a\nb', ' two spaces']);
});

test('an empty data field is an event', () => {
  assert.deepEqual(parse(['data:\n\ndata\n\n']), ['']);
});

const line = fc.string({ unit: 'grapheme', maxLength: 10 }).map((text) => text.replace(/[\r\n]/g, ''));
const event = fc.array(line, { minLength: 1, maxLength: 3 });

test('gives the same events however lines end and wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 5 }),
      fc.constantFrom('\n', '\r', '\r\n'),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 }),
      (events, newline, space, sizes) => {
        const field = space ? 'data: ' : 'data:';
        // Without the optional space a leading one of the data itself would be taken for it.
        const sent = events.map((lines) => lines.map((text) => (space ? text : text.trimStart())));
        const stream = sent
          .map(
            (lines) => `event: e${newline}${lines.map((text) => field + text + newline).join('')}${newline}`,
          )
          .join('');
        const expected = sent.map((lines) => bytesOf(lines.join('\n')));
        assert.deepEqual(parse(pieces(bytesOf(stream), sizes)), expected);
      },
    ),
    { numRuns: 1000 },
  );
});
