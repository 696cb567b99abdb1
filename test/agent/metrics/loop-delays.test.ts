import assert from 'node:assert/strict';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, it } from 'vitest';
import { type Delay, delayExceededForTail, LoopDelays } from '../../../src/agent/metrics/loop-delays.ts';

const RESOLUTION_MS = 20;
/** Below what makes a loop busy. */
const DISTURBED_MS = 4;
const NS_PER_MS = 1e6;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Blocks the loop, and says for how long. */
function block(ms: number): number {
  const began = performance.now();
  while (performance.now() < began + ms);
  return performance.now() - began;
}

/** The d with sum(max(0, delay - d)) = 1 % of the time, by trying. */
function tailOf(turns: readonly number[], elapsedMs: number): number {
  const exceeds = (d: number) => turns.reduce((sum, turn) => sum + Math.max(0, turn - d), 0);
  let [low, high] = [0, Math.max(0, ...turns)];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (exceeds(middle) > elapsedMs / 100) low = middle;
    else high = middle;
  }
  return exceeds(0) <= elapsedMs / 100 ? 0 : high;
}

describe('delays of the event loop', () => {
  let delays: LoopDelays | null = null;
  afterEach(() => {
    delays?.stop();
    delays = null;
  });

  /** A loop whose clocks are told: what was busy and what was waited for in one turn after the other. */
  async function scripted(turns: readonly (readonly [busyMs: number, idleMs: number])[]) {
    const at = { now: 1000, idle: 500 };
    const script = new LoopDelays({ now: () => at.now, idleMs: () => at.idle });
    script.begin();
    for (const [busyMs, idleMs] of turns) {
      at.now += busyMs + idleMs;
      at.idle += idleMs;
      await nextTurn();
    }
    return { script, at };
  }
  const sum = (found: readonly Delay[]) =>
    found.reduce((total, { delayMs, times }) => total + delayMs * times, 0);

  it('are what each turn was busy for, however long the loop waited in between', async () => {
    const { script } = await scripted([
      [0.25, 300],
      [2, 0],
      [0.75, 100],
      [400, 598],
    ]);
    delays = script;
    assert.deepEqual(
      script.delays.filter(({ delayMs }) => delayMs > 0).map(({ delayMs, times }) => [delayMs, times]),
      [
        [400, 1],
        [2, 1],
        [0.5, 2],
      ],
    );
  });

  it('have the turn that is under way in them, and begin anew', async () => {
    const { script, at } = await scripted([[1, 10]]);
    delays = script;
    at.now += 300;
    assert.ok(Math.abs(sum(script.delays) - 301) < 1e-6);
    script.begin();
    at.now += 7;
    assert.ok(Math.abs(sum(script.delays) - 7) < 1e-6);
  });

  it('are seen turn by turn for as long as a loop is hardly busy, which in a longer interval is longer', async () => {
    const UNDER_WAY_MS = 300;
    for (const [busyMs, idleMs, monitored] of [
      [4, 500, false],
      [10, 990, true],
      [10, 2490, false],
      [13, 2487, true],
    ] as const) {
      const { script, at } = await scripted([[busyMs, idleMs]]);
      delays = script;
      at.now += UNDER_WAY_MS;
      const missedMs = busyMs + UNDER_WAY_MS - sum(script.delays);
      // Node's own monitor tells of a block less one of its ticks.
      if (monitored) assert.ok(missedMs >= RESOLUTION_MS - 1e-6, `${missedMs} after ${busyMs} and ${idleMs}`);
      else assert.ok(Math.abs(missedMs) < 1e-6, `${missedMs} after ${busyMs} and ${idleMs}`);
      script.stop();
    }
  });

  it('give the exact tail of any turns, whether or not one is long', async () => {
    const turn = fc.tuple(fc.double({ min: 0, max: 1.5, noNaN: true }), fc.nat(200));
    const last = fc.tuple(fc.double({ min: 0, max: 2000, noNaN: true }), fc.nat(200));
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { maxLength: 3 }), last, async (short, long) => {
        const turns = [...short, long];
        const { script } = await scripted(turns);
        const elapsedMs = turns.flat().reduce((total, ms) => total + ms, 1);
        const exact = tailOf(
          turns.map(([busyMs]) => busyMs),
          elapsedMs,
        );
        const told = delayExceededForTail(script.delays, elapsedMs);
        script.stop();
        // Turns below a millisecond are counted together.
        assert.ok(Math.abs(told - exact) < 1, `${told} for ${exact}`);
      }),
      { numRuns: 60 },
    );
  });

  it("are those that Node's own monitor sees of a loop that is blocked", async () => {
    for (const ms of [60, 250]) {
      const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      monitor.enable();
      await pause(3 * RESOLUTION_MS);
      monitor.reset();
      await pause(3 * RESOLUTION_MS);
      const { own, beganMs } = await undisturbed();
      delays = own;
      const blockedMs = block(ms);
      const seen = own.delays; // Before the clock is read: a busy machine may stop us in between.
      const elapsedMs = performance.now() - beganMs;
      const told = delayExceededForTail(seen, elapsedMs) + elapsedMs / 100;
      own.stop();
      await pause(3 * RESOLUTION_MS);
      monitor.disable();
      // Once the loop has been busy the monitor is asked, whose ticks tell of a block less one of them.
      assert.ok(told >= blockedMs - RESOLUTION_MS - 1, `${told} of ${blockedMs}`);
      assert.ok(told <= elapsedMs, `${told} in ${elapsedMs}`);
      assert.ok(monitor.max / NS_PER_MS >= blockedMs - 1, `${monitor.max / NS_PER_MS} of ${blockedMs}`);
    }
  });

  it('are those of every block, also after the loop has become busy', async () => {
    const own = new LoopDelays();
    delays = own;
    const began = performance.now();
    own.begin();
    let blockedMs = 0;
    for (let i = 0; i < 4; i++) {
      await pause(2 * RESOLUTION_MS);
      blockedMs += block(100) - RESOLUTION_MS;
    }
    await pause(2 * RESOLUTION_MS);
    assert.ok(sum(own.delays) >= blockedMs - 1, `${sum(own.delays)} of ${blockedMs}`);
    own.begin();
    assert.ok(sum(own.delays) <= performance.now() - began);
  });

  it('wake no loop that has nothing to do', async () => {
    const own = new LoopDelays();
    delays = own;
    own.begin();
    await nextTurn();
    const loops = () => performance.nodeTiming.uvMetricsInfo.loopCount;
    const before = loops();
    const ticks = new Promise<void>((resolve) => {
      let left = 5;
      const timer = setInterval(() => {
        if (--left > 0) return;
        clearInterval(timer);
        resolve();
      }, 50);
    });
    await ticks;
    const woken = loops() - before;
    // A loop that an immediate kept awake would have made tens of thousands, Node's monitor ten more.
    assert.ok(woken >= 5 && woken < 1000, String(woken));
  });
});

describe('the tail', () => {
  it('is counted by time: one long block is not hidden by the turns around it', () => {
    const idle = { delayMs: 0, times: 250 };
    assert.equal(delayExceededForTail([idle], 5000), 0);
    assert.equal(delayExceededForTail([], 5000), 0);
    // In 1 % of 10 s, 100 ms, things wait longer than the 900 ms that are left of the block.
    assert.equal(delayExceededForTail([{ delayMs: 1000, times: 1 }, idle], 10_000), 900);
    // Both blocks together are longer than 850 ms for 100 ms, the second alone for 50.
    const two = [{ delayMs: 900, times: 2 }, idle];
    assert.equal(delayExceededForTail(two, 10_000), 850);
    // The short one does not count: by the time the long one is down to it, 1 % has long been reached.
    const mixed = [{ delayMs: 1000, times: 1 }, { delayMs: 10, times: 50 }, idle];
    assert.equal(delayExceededForTail(mixed, 10_000), 900);
    // Blocks shorter than 1 % of the time altogether do not show.
    assert.equal(delayExceededForTail([{ delayMs: 40, times: 1 }, idle], 5000), 0);
  });
});

/** Delays of a loop that has waited and done nothing else: one that a busy machine has stopped meanwhile counts as busy. */
async function undisturbed(): Promise<{ readonly own: LoopDelays; readonly beganMs: number }> {
  for (;;) {
    const own = new LoopDelays();
    const beganMs = performance.now();
    own.begin();
    await pause(RESOLUTION_MS);
    if (performance.now() - beganMs < RESOLUTION_MS + DISTURBED_MS) return { own, beganMs };
    own.stop();
  }
}
