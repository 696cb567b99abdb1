import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { Lexicon } from '../../../../../../src/collector/receivers/otlp/spans/known/lexicon.ts';
import { Packer, Unpacker } from '../../../../../../src/collector/receivers/otlp/spans/known/packing.ts';

const lexicon = new Lexicon();
const packer = new Packer(lexicon);

function again(value: unknown, own = lexicon): unknown {
  packer.begin(own);
  packer.value(value);
  return new Unpacker(packer.packed(), own).value();
}

describe('packed values', () => {
  it('are the same when they are unpacked, with their fields in order', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ maxLength: 300 }),
      fc.uuid(),
      fc.constantFrom('0123456789abcdef', '0123456789ABCDEF', '0123456789abcdeg', '\ud800', 'ÿ', 'Ā'),
      fc.constantFrom('f'.repeat(32), 'e'.repeat(36), '00000000-0000-0000-0000-00000000000', '__proto__'),
    );
    const leaf = fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constantFrom(null, undefined));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(text, tie('value'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, (given) => {
        const packed = again(given);
        assert.deepEqual(packed, given);
        assert.equal(JSON.stringify(packed), JSON.stringify(given));
      }),
      { numRuns: 1000 },
    );
  });

  it('are the same beyond what a lexicon has room for', () => {
    const own = new Lexicon();
    for (let i = 0; i < 10_000; i++) {
      const given = { [`field ${i}`]: `text ${i}`, [`other ${i}`]: i };
      assert.deepEqual(again(given, own), given);
    }
    assert.ok(own.isFull);
  });

  it('take a byte or two for what comes again', () => {
    const event = { signal: 'request', route: '/chat', method: 'POST', statusCode: 200, outcome: 'ok' };
    const own = new Lexicon();
    again(event, own);
    packer.begin(own);
    packer.value(event);
    assert.ok(packer.packed().length <= 20, `${packer.packed().length}`);
  });

  it('are not read by another lexicon', () => {
    packer.begin(lexicon);
    packer.shared(event);
    assert.equal(new Unpacker(packer.packed(), lexicon).shared(), event);
    assert.throws(() => new Unpacker(packer.packed(), new Lexicon()).shared(), /another lexicon/);
  });
});

const event = { signal: 'request' };

describe('a lexicon', () => {
  it('is full by what its fields and shared objects take, not by their number alone', () => {
    const own = new Lexicon();
    assert.equal(own.shapeOf({ ['k'.repeat(10_000)]: 1 }), null);
    assert.equal(own.isFull, false);
    let shapes = 0;
    for (; !own.isFull && shapes < 4096; shapes++) {
      const names = Array.from({ length: 100 }, (_, i) => [`${'n'.repeat(200)}${shapes} ${i}`, 1]);
      if (own.shapeOf(Object.fromEntries(names)) === null) break;
    }
    assert.ok(own.isFull && shapes < 400, `${shapes}`);
    const shared = new Lexicon();
    let objects = 0;
    for (; !shared.isFull && objects < 4096; objects++)
      shared.numberOfShared({ attributes: { text: 'x'.repeat(64 * 1024) } });
    assert.ok(objects < 100, `${objects}`);
  });
});
