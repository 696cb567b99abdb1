import assert from 'node:assert/strict';
import { afterEach, test } from 'vitest';
import { HeldBody } from '../../../src/agent/llm/held-body.ts';
import { milliseconds } from '../../../src/core/units.ts';

const BLOCK_BYTES = 32 * 1024;
const bodies: HeldBody[] = [];

function newBody(): HeldBody {
  const body = new HeldBody();
  bodies.push(body);
  return body;
}

/** What one has is another's: none may stay. */
afterEach(() => {
  for (const body of bodies.splice(0)) body.clear();
});

const filled = (bytes: number) => Buffer.alloc(bytes, 'x');

test('chunks are one text, each with the time it came at, whatever becomes of them afterwards', () => {
  const held = newBody();
  assert.equal(held.isEmpty, true);
  const chunk = Buffer.from('a');
  assert.equal(held.add(chunk, milliseconds(1)), true);
  chunk.fill('-');
  assert.equal(held.add(Buffer.from('b\u00e9'), milliseconds(2.5)), true);
  assert.equal(held.add(Buffer.alloc(0), milliseconds(3)), true);
  assert.equal(held.add(Buffer.from('d'), milliseconds(4)), true);
  assert.equal(held.text, 'ab\u00c3\u00a9d');
  assert.deepEqual(
    [1, 2, 4, 5].map((end) => held.timeAt(end)),
    [1, 2.5, 2.5, 4],
  );
  held.clear();
  assert.deepEqual([held.isEmpty, held.text], [true, '']);
  assert.equal(held.add(Buffer.from('again'), milliseconds(9)), true);
  assert.deepEqual([held.text, held.timeAt(2)], ['again', 9]);
});

test('32 KiB are as much as is held, and what does not fit is not taken in part', () => {
  const held = newBody();
  assert.equal(held.add(filled(BLOCK_BYTES - 1), milliseconds(1)), true);
  assert.equal(held.add(filled(2), milliseconds(2)), false);
  assert.equal(held.text.length, BLOCK_BYTES - 1);
  assert.equal(held.add(filled(1), milliseconds(3)), true);
  assert.equal(newBody().add(filled(BLOCK_BYTES + 1), milliseconds(1)), false);
});

test('512 chunks are as many as are held, however short they are', () => {
  const held = newBody();
  for (let i = 0; i < 512; i++) assert.equal(held.add(filled(1), milliseconds(i)), true);
  assert.equal(held.add(filled(1), milliseconds(512)), false);
  assert.equal(held.timeAt(512), 511);
});

test('over all calls 16 MiB are held, and there is room again once some are read', () => {
  let taken = 0;
  while (newBody().add(filled(BLOCK_BYTES), milliseconds(0))) taken++;
  assert.ok(taken * BLOCK_BYTES <= 16 * 1024 * 1024 && taken * BLOCK_BYTES > 12 * 1024 * 1024, `${taken}`);
  const last = newBody();
  assert.equal(last.add(filled(1), milliseconds(0)), false);
  bodies[0]?.clear();
  assert.equal(last.add(filled(1), milliseconds(0)), true);
});
