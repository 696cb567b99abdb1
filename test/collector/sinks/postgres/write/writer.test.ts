import assert from 'node:assert/strict';
import { it } from 'vitest';
import { GroupSize } from '../../../../../src/collector/sinks/postgres/write/writer.ts';

it('doubles while more waits than a short transaction takes, up to a bound', () => {
  const size = new GroupSize();
  const asked = Array.from({ length: 7 }, () => {
    const { batchesMax } = size;
    size.stored(batchesMax, 20);
    return batchesMax;
  });
  assert.deepEqual(asked, [1, 2, 4, 8, 16, 16, 16]);
});

it('stays while less waits or a transaction is not short, and halves when one is long', () => {
  const size = new GroupSize();
  for (const batches of [1, 2, 4]) size.stored(batches, 500);
  size.stored(7, 20);
  size.stored(8, 501);
  assert.equal(size.batchesMax, 8);
  size.stored(8, 2001);
  assert.equal(size.batchesMax, 4);
  for (let turn = 0; turn < 4; turn++) size.stored(1, 60_000);
  assert.equal(size.batchesMax, 1);
});

it('is one after anything but success', () => {
  const size = new GroupSize();
  for (const batches of [1, 2, 4]) size.stored(batches, 1);
  size.failed();
  assert.equal(size.batchesMax, 1);
});
