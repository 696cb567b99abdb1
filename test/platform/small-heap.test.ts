import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { MIB } from '../../src/core/units.ts';
import { keepHeapSmall } from '../../src/platform/memory/small-heap.ts';
import { until } from '../support/poll.ts';

const MODULE = join(import.meta.dirname, '..', '..', 'src', 'platform', 'memory', 'small-heap.ts');

/** Makes a gigabyte of what is needed for a short while, in turns; says how large the young generation and the old one became. */
const BUSY = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { setImmediate as turn } from 'node:timers/promises';
  const { keepHeapSmall } = await import(${JSON.stringify(MODULE)});
  if (process.argv.includes('small')) keepHeapSmall({ lookMs: 1 });
  const size = (name) => getHeapSpaceStatistics().find((space) => space.space_name === name).space_size;
  const recent = [];
  let young = 0;
  for (let round = 0; round < 3000; round++) {
    recent.push(Array.from({ length: 4000 }, (_, i) => ({ i, half: i / 2 })));
    if (recent.length > 60) recent.shift();
    await turn();
    young = Math.max(young, size('new_space'));
  }
  console.log(young);
`;

describe('a small heap', () => {
  it('grows its young generation up to a size, again where V8 made it smaller, and no further', async ({
    onTestFinished,
  }) => {
    const flags: string[] = [];
    let [young, looks] = [2 * MIB, 0];
    const youngBytes = () => {
      looks++;
      return young;
    };
    onTestFinished(keepHeapSmall({ lookMs: 1, youngBytes, setFlag: (flag) => flags.push(flag) }));
    const look = () => {
      const enough = looks + 3;
      return until(() => looks >= enough);
    };
    assert.deepEqual(flags.splice(0), ['--heap-growing-percent=20']);
    await look();
    young = 4 * MIB;
    await look();
    assert.deepEqual(flags, []);
    young = 8 * MIB;
    await look();
    assert.deepEqual(flags.splice(0), ['--semi-space-growth-factor=1']);
    young = MIB;
    await look();
    assert.deepEqual(flags, ['--semi-space-growth-factor=2']);
  });

  it('is what V8 makes of these flags', () => {
    const [small, other] = [['small'], []].map((args) => {
      const options = ['--input-type=module', '--eval', BUSY, '--', ...args];
      const { stdout, stderr, status } = spawnSync(process.execPath, options, { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return Number(stdout);
    });
    assert.ok(Number(small) <= 32 * MIB && Number(other) >= 2 * Number(small), `${small} ${other}`);
  });
});
