import assert from 'node:assert/strict';
import { it } from 'vitest';
import { TRIALS, testsOfTrials } from '../packages/tried.ts';

it('each row of what was tried is held by one test, and no test tries what has no row', () => {
  const held = [...testsOfTrials()].map(([name, files]) => [name, files.length]);
  const rows = Object.values(TRIALS).flatMap((trials) => Object.keys(trials).map((name) => [name, 1]));
  assert.deepEqual(held.toSorted(), rows.toSorted());
});
