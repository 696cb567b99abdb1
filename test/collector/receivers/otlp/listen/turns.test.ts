import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { Turns } from '../../../../../src/collector/receivers/otlp/listen/turns.ts';

const JOBS = 10;
/** As much as a turn has. */
const JOB_MS = 10;

describe('turns', () => {
  it('let everything else have its turn between pieces of work, which keep their order', async () => {
    let nowMs = 0;
    const turns = new Turns(() => nowMs);
    const done: (number | 'else')[] = [];
    let ended = false;
    const others = () => {
      done.push('else');
      if (!ended) setImmediate(others);
    };
    setImmediate(others);
    await Promise.all(
      Array.from({ length: JOBS }, async (_, job) => {
        assert.equal(await turns.take(), true);
        nowMs += JOB_MS;
        done.push(job);
      }),
    );
    ended = true;
    assert.deepEqual(
      done.filter((one) => one !== 'else'),
      Array.from({ length: JOBS }, (_, job) => job),
    );
    // The first two may share the first turn: it is not over before the first one is done.
    const together = done.filter((one, i) => one !== 'else' && i > 0 && done[i - 1] !== 'else');
    assert.ok(together.length <= 1, done.join(' '));
  });

  it('have room for much that is small', async () => {
    const turns = new Turns(() => 0);
    let others = 0;
    const count = () => {
      others++;
      setImmediate(count);
    };
    setImmediate(count);
    await Promise.all(Array.from({ length: 1000 }, () => turns.take()));
    assert.equal(others, 0);
  });

  it('are late when one has waited for a second, and come to nothing after three', async () => {
    let nowMs = 0;
    const turns = new Turns(() => nowMs);
    await turns.take();
    nowMs = JOB_MS;
    const waiting = [turns.take(), turns.take()];
    assert.equal(turns.late, false);
    nowMs += 1001;
    assert.equal(turns.late, true);
    nowMs += 2000;
    assert.deepEqual(await Promise.all(waiting), [false, false]);
    assert.equal(turns.late, false);
    assert.equal(await turns.take(), true);
  });
});
