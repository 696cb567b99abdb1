import assert from 'node:assert/strict';
import { it } from 'vitest';
import { startSoak } from '../../bench/soak/setup.ts';
import { MIB } from '../../src/core/units.ts';

/** Of each half, and before them until caches are full and code is compiled. */
const EVENTS = 10_000;
/** As fast as they are answered. */
const UNPACED = 1_000_000;
/** What stays is for slots of windows and batches; 200 bytes for each event would be a leak. */
const HEAP_GROWN_MAX = 2 * MIB;
/** Buffers are kept for what comes next, some more or fewer. */
const BUFFERS_GROWN_MAX = 16 * MIB;

it(`of ${EVENTS.toLocaleString('en')} events more nothing stays in memory, of the app or the collector, and each is accounted for`, async (test) => {
  const soak = await startSoak();
  test.onTestFinished(() => soak.stop());
  const held = [];
  for (let part = 0; part < 3; part++) {
    await soak.make(EVENTS, UNPACED);
    await soak.settled();
    held.push(await soak.held());
  }
  const [, first, second] = held;
  for (const process of ['app', 'collector'] as const) {
    for (const [kind, most] of [
      ['heapBytes', HEAP_GROWN_MAX],
      ['bufferBytes', BUFFERS_GROWN_MAX],
    ] as const) {
      const grown = (second?.[process][kind] ?? 0) - (first?.[process][kind] ?? 0);
      assert.ok(grown < most, `${process}, ${kind}: ${Math.round(grown / 1024)} KiB more`);
    }
  }
  const { made, rows, dropped, differing } = await soak.settled();
  assert.ok(made >= 3 * EVENTS);
  assert.deepEqual({ rows, dropped, differing }, { rows: made, dropped: 0, differing: [] });
});
