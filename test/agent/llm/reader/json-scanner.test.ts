import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { JsonScanner, type Wanted, type Words } from '../../../../src/agent/llm/reader/json-scanner.ts';
import { bytesOf, pieces } from './pieces.ts';

const WANTED: Wanted = {
  model: 'value',
  usage: 'value',
  input: 'presence',
  error: { code: 'value', type: 'value' },
  response: { model: 'value', usage: 'value', error: { code: 'value' } },
};

/** What the scanner should find, by `JSON.parse`. Values are compared as the bytes they were sent as. */
function expected(document: unknown, wanted: Wanted, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>();
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return found;
  for (const [key, target] of Object.entries(wanted)) {
    if (!Object.hasOwn(document, key)) continue;
    const value = (document as Record<string, unknown>)[key];
    if (target === 'value') found.set(prefix + key, JSON.parse(bytesOf(JSON.stringify(value))));
    else if (value !== null && (target === 'presence' || (value !== false && value !== ''))) {
      found.set(prefix + key, true);
    }
    if (typeof target === 'object') {
      for (const [path, inner] of expected(value, target, `${prefix}${key}.`)) found.set(path, inner);
    }
  }
  return found;
}

function scan(texts: readonly string[], wanted: Wanted = WANTED): JsonScanner {
  const scanner = new JsonScanner(wanted);
  for (const text of texts) scanner.write(text);
  return scanner;
}

const key = fc.oneof(
  fc.constantFrom('model', 'usage', 'input', 'error', 'response', 'code', 'type', 'choices', 'a"b', '\\', ''),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('\\', '"', '\\"', '{"usage":{"x":1}}', ']}', '\n', 'é', '🙂'),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    scalar,
    tie('object'),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: true }),
}));

test('finds exactly what JSON.parse finds, however the document is cut', () => {
  fc.assert(
    fc.property(
      fc.oneof(json.object, json.value),
      fc.constantFrom(0, 1, '\t'),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
      (document, indent, sizes) => {
        const text = bytesOf(JSON.stringify(document, null, indent));
        const scanner = scan(pieces(text, sizes));
        assert.deepEqual(scanner.found, expected(document, WANTED));
        if (typeof document === 'object' && document !== null) assert.equal(scanner.complete, true);
      },
    ),
    { numRuns: 1500 },
  );
});

test('never throws, whatever the text', () => {
  const noise = fc.array(
    fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', ' ', 'model', 'usage', 'null', '1', 'é'),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(noise, (tokens) => void scan(tokens)),
    { numRuns: 2000 },
  );
});

test('the last of two equal keys counts, with all that is under it', () => {
  const scanner = scan([
    '{"model":"a","response":{"model":"x","usage":{}},"model":"b","response":{"error":null}}',
  ]);
  assert.deepEqual(
    scanner.found,
    new Map<string, unknown>([
      ['model', 'b'],
      ['response', true],
    ]),
  );
});

test('keys may be written with escapes', () => {
  assert.equal(scan(['{"\\u006dodel":"a"}']).found.get('model'), 'a');
});

test('a wanted value beyond the bound is left out and the rest is still found', () => {
  const scanner = scan([`{"usage":{"x":"${'y'.repeat(5000)}"},"model":"a"}`]);
  assert.equal(scanner.found.has('usage'), false);
  assert.equal(scanner.found.get('model'), 'a');
});

test('finds what follows megabytes of numbers and text', () => {
  const vector = JSON.stringify(Array.from({ length: 100_000 }, (_, i) => i / 7));
  const text = `{"data":[{"embedding":${vector}}],"text":"${'\\"{['.repeat(500_000)}","usage":{"prompt_tokens":7}}`;
  assert.deepEqual(scan(pieces(text, [65_536])).found.get('usage'), { prompt_tokens: 7 });
});

test('elements of an array: the last value is kept, numbers are added up, values are counted', () => {
  const scanner = new JsonScanner({
    choices: { '[]': { reason: 'value', usage: { n: 'sum' } } },
    data: { '[]': 'count' },
    vectors: { '[]': { '[]': 'sum' } },
  });
  scanner.write('{"choices":[{"usage":{"n":3},"reason":"a"},{"usage":{"n":4}},7,[{}],null,{"reason":"b"}],');
  scanner.write('"data":[{"a":[1,2]},"x",[]],"vectors":[[1,2],[3.5]]}');
  const { found } = scanner;
  assert.deepEqual(
    ['choices.[].reason', 'choices.[].usage.n', 'data.[]', 'vectors.[].[]'].map((path) => found.get(path)),
    ['b', 7, 3, 6.5],
  );
  assert.equal(scanner.complete, true);
});

test('numbers of an array are tallied, keys nobody named are followed as one', () => {
  const hits: Wanted = {
    hits: { hits: { '[]': { _score: 'tally' } } },
    get: { '*': { '[]': 'count' }, b: 'value' },
  };
  const text =
    '{"get":{"A":[{"x":1},{}],"b":7,"C":[],"D":["x"]},"hits":{"hits":[{"_score":3},{"_score":null},{"_score":0.5}]}}';
  const { found } = scan(pieces(text, [7, 3]), hits);
  assert.deepEqual(found.get('hits.hits.[]._score'), { count: 2, sum: 3.5, first: 3 });
  assert.equal(found.get('get.*.[]'), 3);
  assert.equal(found.get('get.*'), true);
  assert.equal(found.get('get.b'), 7);
});

test('an array that breaks off, or is closed by the wrong bracket, ends the walk nowhere', () => {
  for (const body of [
    '{"a":[',
    '{"a":[{"b":1',
    '{"a":[{"b":1}}}',
    '{"a":[1}',
    '{"a":[}]',
    '[]',
    '{"a":{"b":1]}',
  ]) {
    const scanner = new JsonScanner({ a: { '[]': { b: 'sum' } } });
    for (const char of body) scanner.write(char);
    assert.ok(scanner.found.get('a.[].b') === undefined || scanner.found.get('a.[].b') === 1, body);
  }
});

test('words of an array are counted, as many different and as long ones as there is room for', () => {
  const wanted: Wanted = { output: { '[]': { type: 'words', action: { type: 'words' } } } };
  const output = [
    { type: 'search', action: { type: 'open' } },
    { type: 'search', other: { type: 'search' } },
    { type: 7, action: null },
    { type: 'x'.repeat(65) },
    ...Array.from({ length: 40 }, (_, i) => ({ type: `w${i}` })),
    { type: 'search' },
  ];
  const text = JSON.stringify({ type: 'search', output });
  for (const size of [1, 7, text.length]) {
    const { found } = scan(text.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [], wanted);
    const words = found.get('output.[].type') as Words;
    assert.deepEqual([words.get('search'), words.get('w0'), words.size], [3, 1, 32]);
    assert.deepEqual([...(found.get('output.[].action.type') as Words)], [['open', 1]]);
  }
});
