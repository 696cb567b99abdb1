import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { MIB } from '../../src/core/units.ts';
import { returnSpareMemory } from '../../src/platform/memory/spare-memory.ts';
import { until } from '../support/poll.ts';

describe('spare memory', () => {
  it('is given back once when there is much of it, and not while there is much to do', async ({
    onTestFinished,
  }) => {
    let [resident, looks, collections] = [100 * MIB, 0, 0];
    let busy = 0;
    onTestFinished(
      returnSpareMemory({
        lookMs: 1,
        residentBytes: () => resident,
        busy: () => {
          looks++;
          return busy;
        },
        collect: async () => {
          collections++;
          resident = 150 * MIB;
        },
      }),
    );
    const look = () => {
      const enough = looks + 3;
      return until(() => looks >= enough);
    };
    resident = 200 * MIB;
    await look();
    assert.equal(collections, 0, 'it is not much');
    busy = 0.5;
    resident = 600 * MIB;
    await look();
    assert.equal(collections, 0, 'there is much to do');
    busy = 0;
    await look();
    assert.equal(collections, 1);
    resident = 250 * MIB;
    await look();
    assert.equal(collections, 1, 'it is needed');
  });

  it('is what the heap of this process had', async ({ onTestFinished }) => {
    const held = Array.from({ length: 3_000_000 }, (_, i) => ({ i }));
    const full = process.memoryUsage.rss();
    let first = true;
    // What is resident before counts as what is needed.
    const residentBytes = () => (first ? 0 : process.memoryUsage.rss());
    onTestFinished(returnSpareMemory({ lookMs: 10, residentBytes, busy: () => 0 }));
    first = false;
    held.length = 0;
    await until(() => process.memoryUsage.rss() < full - 64 * MIB, { timeoutMs: 60_000 });
  });
});
