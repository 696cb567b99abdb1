import assert from 'node:assert/strict';
import type { PoolClient } from 'pg';
import { describe, it } from 'vitest';
import { takingTurns } from '../../../../../src/collector/sinks/postgres/connect/lend.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';

/** A connection whose first work lasts until `release` is called. */
function occupied() {
  const order: string[] = [];
  let atOnce = 0;
  const turns = takingTurns(async (work) => {
    assert.equal(++atOnce, 1, 'one at a time');
    try {
      return await work(null as unknown as PoolClient);
    } finally {
      atOnce--;
    }
  });
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const first = turns.questions(() => promise);
  const take = (rank: keyof typeof turns, name: string) => turns[rank](async () => void order.push(name));
  return { take, order, first, release };
}

describe('turns on the one connection for reading', () => {
  it('go to who may look first, then to work of our own, then to questions, however many of them wait', async () => {
    const { take, order, first, release } = occupied();
    const questions = Array.from({ length: 60 }, (_, i) => take('questions', `question ${i}`));
    const ours = [take('own', 'rollups'), take('own', 'alerts'), take('access', 'tokens')];
    release();
    await Promise.all([first, ...ours]);
    const answered = await Promise.allSettled(questions);
    assert.equal(answered.filter(({ status }) => status === 'fulfilled').length, 32);
    assert.deepEqual(order.slice(0, 4), ['tokens', 'rollups', 'alerts', 'question 0']);
    for (const one of answered) {
      if (one.status === 'fulfilled') continue;
      assert.ok(one.reason instanceof NervecenterError && one.reason.code === 'NC_UNAVAILABLE');
    }
  });

  it('are bounded for each, and go on after a failure', async () => {
    const { take, order, first, release } = occupied();
    const waiting: Promise<void>[] = [];
    for (const [rank, most] of [
      ['access', 256],
      ['own', 64],
      ['questions', 32],
    ] as const) {
      for (let i = 0; i < most; i++) waiting.push(take(rank, rank));
      await assert.rejects(take(rank, rank), { code: 'NC_UNAVAILABLE' });
    }
    release();
    await Promise.all([first, ...waiting]);
    await take('questions', 'last');
    assert.equal(order.length, 256 + 64 + 32 + 1);
    const turns = takingTurns(() => Promise.reject(new Error('gone')));
    for (let i = 0; i < 3; i++)
      await assert.rejects(
        turns.own(async () => {}),
        /gone/,
      );
  });
});
