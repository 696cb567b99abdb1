import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { DIALECTS } from '../../../../src/agent/llm/dialects/index.ts';
import { JsonReader } from '../../../../src/agent/llm/reader/json-reader.ts';
import { JsonScanner, type Target, type Wanted } from '../../../../src/agent/llm/reader/json-scanner.ts';
import { bytesOf, pieces } from './pieces.ts';

/** Every kind of target, in objects and arrays, beside what the dialects want. */
const EVERY_TARGET: Wanted = {
  model: 'value',
  stream: 'presence',
  messages: { '[]': 'count', '*': 'presence' },
  hits: { '[]': { _score: 'tally', n: 'sum', inner: { '[]': 'value', x: 'presence' } } },
  rows: { '[]': { '[]': 'sum' } },
  get: { '*': { '[]': 'count' }, b: 'value' },
  error: { code: 'value' },
};

const scalar = fc.oneof(
  fc.nat({ max: 5000 }),
  fc.constantFrom<unknown>(-1, 1.5, 1e300, null, true, false, '', 'stop', 'é🙂"\\\n', [], {}, [[]], [null], {
    a: {},
  }),
);
const name = fc.constantFrom('model', 'a', 'b', '*', '[]', '__proto__', 'constructor', 'x'.repeat(70));
const value = fc.oneof(scalar, fc.dictionary(name, scalar, { maxKeys: 4, noNullPrototype: true }));

/** Documents that have some of what is wanted, each with any value. */
function documentOf(target: Target): fc.Arbitrary<unknown> {
  if (typeof target !== 'object') return value;
  const wanted: Wanted = target;
  const { '[]': element, '*': other, ...named } = wanted;
  const arbitraries: fc.Arbitrary<unknown>[] = [value];
  if (element !== undefined) arbitraries.push(fc.array(documentOf(element), { maxLength: 3 }));
  const below = Object.entries({ ...named, ...(other === undefined ? {} : { p: other, q: other }) });
  const model = Object.fromEntries(below.map(([key, inner]) => [key, documentOf(inner)]));
  arbitraries.push(fc.record(model, { requiredKeys: [], noNullPrototype: true }));
  return fc.oneof(...arbitraries);
}

function read(wanted: Wanted, texts: readonly string[]): JsonReader {
  const reader = new JsonReader(wanted);
  for (const text of texts) reader.write(text);
  return reader;
}

for (const { name: dialect, wanted } of [{ name: 'every target', wanted: EVERY_TARGET }, ...DIALECTS]) {
  test(`${dialect}: a document in one piece tells what the scanner finds in it`, () => {
    fc.assert(
      fc.property(
        documentOf(wanted),
        fc.constantFrom(0, 1),
        fc.constantFrom('', '\n'),
        (document, indent, end) => {
          const text = bytesOf(JSON.stringify(document, null, indent)) + end;
          const scanner = new JsonScanner(wanted);
          scanner.write(text);
          const reader = read(wanted, [text]);
          assert.deepEqual(reader.found, scanner.found);
          assert.equal(reader.complete, scanner.complete);
        },
      ),
      { numRuns: dialect === 'every target' ? 1000 : 100 },
    );
  });
}

test('a document in pieces, a long one and a broken one are scanned', () => {
  const wanted: Wanted = { model: 'value', usage: { n: 'value' } };
  const text = '{"model":"a","usage":{"n":7}}';
  const found = new Map<string, unknown>([
    ['model', 'a'],
    ['usage', true],
    ['usage.n', 7],
  ]);
  assert.deepEqual(read(wanted, pieces(text, [5])).found, found);
  assert.deepEqual(read(wanted, [`{"x":"${'y'.repeat(9000)}",${text.slice(1)}`]).found, found);
  assert.deepEqual(read(wanted, [`${text}{"model":"b"}`]).found, found);
  const beginning = read(wanted, [text.slice(0, -1)]);
  assert.deepEqual(beginning.found, found);
  assert.equal(beginning.complete, false);
});

test('nothing is found before anything came, and what follows the document changes nothing', () => {
  const reader = read({ model: 'value' }, []);
  assert.equal(reader.found.size, 0);
  assert.equal(reader.complete, false);
  reader.write('{"model":"a"}');
  assert.equal(reader.complete, true);
  reader.write('{"model":"b"}');
  assert.deepEqual(reader.found, new Map([['model', 'a']]));
});
