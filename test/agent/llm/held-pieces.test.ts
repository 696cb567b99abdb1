import assert from 'node:assert/strict';
import { test } from 'vitest';
import { HeldPieces } from '../../../src/agent/llm/body.ts';
import { milliseconds } from '../../../src/core/units.ts';

const PIECE = 'x'.repeat(8 * 1024);

function given(held: HeldPieces): [number, number][] {
  const pieces: [number, number][] = [];
  held.give((piece, timeMs) => pieces.push([piece.length, timeMs]));
  return pieces;
}

test('pieces are given once, in their order, each with the time it came at', () => {
  const held = new HeldPieces();
  assert.equal(held.add('a', milliseconds(1)), false);
  assert.equal(held.add('bc', milliseconds(2.5)), false);
  assert.deepEqual(given(held), [
    [1, 1],
    [2, 2.5],
  ]);
  assert.deepEqual(given(held), []);
});

test('16 KiB are as much as may be held, however many pieces they are', () => {
  const held = new HeldPieces();
  assert.equal(held.add(PIECE, milliseconds(1)), false);
  assert.equal(held.add(PIECE, milliseconds(2)), true);
  assert.equal(given(held).length, 2);
  assert.equal(held.add('after', milliseconds(3)), false, 'what was given does not count any more');
});

test('256 pieces are as many as may be held, however short they are', () => {
  const held = new HeldPieces();
  for (let i = 1; i < 256; i++) assert.equal(held.add('x', milliseconds(i)), false);
  assert.equal(held.add('x', milliseconds(256)), true);
  assert.equal(given(held).length, 256);
});
