import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { JsonDocuments } from '../../../../src/agent/llm/reader/json-documents.ts';
import { pieces } from './pieces.ts';

function eventsOf(cut: readonly string[]): string[] {
  const events: string[] = [];
  let event = '';
  const parser = new JsonDocuments({
    skip: (_text, at) => at,
    data: (piece) => {
      event += piece;
    },
    endOfEvent: () => {
      events.push(event);
      event = '';
    },
  });
  for (const piece of cut) parser.write(piece);
  return events;
}

test('documents by lines, one behind the other, pretty-printed and in an array', () => {
  const documents = [{ a: '}{][' }, { b: 'quote " and \\ backslash \\' }, { c: [{ d: {} }] }];
  const texts = documents.map((document) => JSON.stringify(document));
  for (const body of [
    texts.join('\n'),
    texts.join(''),
    `[${texts.join(',\r\n')}]`,
    `\n ${texts.join(' \r\n\r\n ')}\n`,
  ]) {
    assert.deepEqual(eventsOf([body]), texts);
  }
  const pretty = documents.map((document) => JSON.stringify(document, null, 2));
  assert.deepEqual(eventsOf([pretty.join('\n')]), pretty);
});

test('any objects, cut anywhere, come out as they went in', () => {
  const documents = fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 });
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(documents, sizes, fc.boolean(), (some, cut, inArray) => {
      const texts = some.map((document) => JSON.stringify(document));
      const body = inArray ? `[${texts.join(',')}]` : texts.join('\n');
      assert.deepEqual(eventsOf(pieces(body, cut)), texts);
    }),
  );
});

test('what is no object is no event, and what breaks off is none', () => {
  for (const body of ['', '[]', 'null', '7 "a" true', '[1,"{",2]', '{"a":1', '{"a":"\\', ']}', '<html>']) {
    assert.deepEqual(eventsOf([body]), [], body);
  }
});
