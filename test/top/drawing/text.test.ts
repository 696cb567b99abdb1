import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { createPainter } from '../../../src/top/drawing/palette.ts';
import {
  clean,
  clip,
  fitted,
  joined,
  lineWidth,
  pad,
  paragraph,
  span,
  widthOf,
  wrapped,
} from '../../../src/top/drawing/text.ts';

describe('text for a terminal', () => {
  for (const { what, given, shown } of [
    { what: 'colours', given: '\x1b[31mred\x1b[0m', shown: '␛[31mred␛[0m' },
    { what: 'a window title', given: '\x1b]0;owned\x07', shown: '␛]0;owned␇' },
    { what: 'line ends and tabs', given: 'a\r\nb\tc', shown: 'a␍␊b␉c' },
    { what: 'eight-bit controls', given: '\x9b31m\x85', shown: '�31m�' },
    { what: 'delete', given: 'a\x7fb', shown: 'a␡b' },
    { what: 'a change of direction', given: 'user\u202egnp.exe', shown: 'usergnp.exe' },
    { what: 'what has no width', given: 'a\u200bb\ufeff\u{fe0f}', shown: 'ab' },
    { what: 'half a character', given: 'a\ud800b', shown: 'a�b' },
    { what: 'line separators', given: 'a\u2028b\u2029', shown: 'a�b�' },
    { what: 'towers of marks', given: `e${'\u0301'.repeat(50)}x`, shown: 'e\u0301\u0301x' },
    { what: 'other languages', given: '日本語 עברית ñ', shown: '日本語 עברית ñ' },
  ]) {
    it(`has no power over it: ${what}`, () => assert.equal(clean(given), shown));
  }

  it('holds nothing that a terminal obeys, whatever it was, and is short', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const shown = clean(text);
        assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}]/u);
        assert.ok(shown.length <= 1000);
        assert.equal(clean(shown), shown);
      }),
    );
  });

  it('has the width that terminals give it', () => {
    assert.deepEqual(
      ['abc', '日本', 'ｆｕｌｌ', '😀', 'e\u0301', '█░▁', '…'].map(widthOf),
      [3, 4, 8, 2, 1, 3, 1],
    );
  });

  it('is cut and filled to exactly the cells asked for', () => {
    assert.equal(clip('日本語', 6), '日本語');
    assert.equal(clip('日本語', 5), '日本…');
    assert.equal(clip('日本語', 4), '日…');
    assert.equal(clip('abc', 0), '');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (text, width) => {
        assert.equal(lineWidth(fitted([span(text), span(text)], width)), width);
        assert.equal(widthOf(pad(span(text), width, 'right').text), width);
      }),
    );
  });

  it('leaves out facts that do not fit, rather than tearing one', () => {
    const facts = ['one', 'two', 'three'].map((text) => [span(text)]);
    const text = (width: number) => createPainter(1)(joined(facts, width));
    assert.deepEqual([17, 16, 9, 8].map(text), ['one · two · three', 'one · two', 'one · two', 'one']);
    assert.equal(wrapped(facts, 9).length, 2);
    assert.deepEqual(paragraph('one two three', 8).map(createPainter(1)), ['one two', 'three']);
  });

  it('is coloured as far as the terminal can, and not at all where it cannot', () => {
    const line = [span('a', 'good'), span('b'), span('c', 'title')];
    assert.equal(createPainter(1)(line), 'abc');
    assert.equal(createPainter(4)(line), '\x1b[92ma\x1b[0mb\x1b[1;96mc\x1b[0m');
    assert.equal(createPainter(8)(line), '\x1b[38;5;46ma\x1b[0mb\x1b[1;38;5;51mc\x1b[0m');
    assert.equal(createPainter(24)(line), '\x1b[38;2;0;255;65ma\x1b[0mb\x1b[1;38;2;0;255;255mc\x1b[0m');
  });
});
