import assert from 'node:assert/strict';
import { it } from 'vitest';
import { ROWS_MAX, StepSize } from '../../../../../src/collector/sinks/postgres/rollup/step-size.ts';

it('is halved by what takes too long, again and again only with a word, and doubled by many that do not', () => {
  const size = new StepSize();
  assert.deepEqual(
    [1, 2, 3, 4].map(() => size.tookTooLong()),
    [false, false, true, true],
  );
  assert.equal(size.rowsMax, ROWS_MAX / 16);
  for (let i = 0; i < 8; i++) size.succeeded();
  assert.equal(size.rowsMax, ROWS_MAX / 8);
  assert.equal(size.tookTooLong(), false);
  for (let i = 0; i < 7; i++) size.succeeded();
  assert.equal(size.rowsMax, ROWS_MAX / 16);
  for (let i = 0; i < 100; i++) size.succeeded();
  assert.equal(size.rowsMax, ROWS_MAX);
});

it('is a row at least, and says so where that is too much', () => {
  const size = new StepSize();
  while (size.rowsMax > 1) size.tookTooLong();
  size.succeeded();
  assert.equal(size.tookTooLong(), true);
  assert.equal(size.rowsMax, 1);
});
