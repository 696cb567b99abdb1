import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { FIRST_VIEW, keysIn, pressed, type View } from '../../src/top/keyboard.ts';

/** The view after some keys. */
function afterKeys(input: string, view: View = FIRST_VIEW): View {
  return keysIn(input).reduce((seen, key) => {
    const effect = pressed(seen, key, 20);
    return effect.kind === 'view' ? effect.view : seen;
  }, view);
}

const kinds = (input: string, view = FIRST_VIEW) => keysIn(input).map((key) => pressed(view, key, 20).kind);

describe('keys', () => {
  it('turn pages, forwards, backwards and by number, from the top of each', () => {
    assert.equal(afterKeys('3').page, 2);
    assert.equal(afterKeys('\t\t').page, 2);
    assert.equal(afterKeys('\x1b[Z').page, 4);
    assert.equal(afterKeys('\t\t\t\t\t').page, 0);
    assert.equal(afterKeys('2jj3').scroll, 0);
  });

  it('scroll within the page', () => {
    assert.equal(afterKeys('2\x1b[B\x1b[Bj\x1b[A').scroll, 2);
    assert.equal(afterKeys('2\x1b[6~\x1b[6~\x1b[6~').scroll, 20);
    assert.equal(afterKeys('2\x1b[5~').scroll, 0);
  });

  it('order routes, and on the page of models the models', () => {
    assert.deepEqual([afterKeys('s').routeOrder, afterKeys('ssss').routeOrder], [1, 0]);
    assert.deepEqual([afterKeys('4s').modelOrder, afterKeys('4s').routeOrder], [1, 0]);
  });

  it('hold the picture, and open a help that any key closes', () => {
    assert.deepEqual([afterKeys('p').paused, afterKeys('pp').paused], [true, false]);
    assert.equal(afterKeys('?').help, true);
    assert.deepEqual(afterKeys('?p'), FIRST_VIEW);
    assert.deepEqual(kinds('q', afterKeys('?')), ['quit']);
  });

  it('quit, suspend, reconnect; others do nothing', () => {
    assert.deepEqual(kinds('q\x03\x1ar'), ['quit', 'quit', 'suspend', 'reconnect']);
    assert.deepEqual(afterKeys('xyz0é\x1b[15~\x1bOP\x1b'), FIRST_VIEW);
  });

  it('are not taken from a paste for longer than a moment', () => {
    assert.equal(keysIn('j'.repeat(1_000_000)).length, 32);
  });
});
