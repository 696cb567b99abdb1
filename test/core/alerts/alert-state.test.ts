import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  type AlertInstance,
  type AlertStep,
  firstInstance,
  stepAlert,
} from '../../../src/core/alerts/alert-state.ts';
import { HOUR_MS } from '../../../src/core/units.ts';

interface Look {
  readonly afterMs: number;
  readonly level: number;
  readonly silenced: boolean;
}

const LOOKS = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 2 * HOUR_MS }),
    level: fc.integer({ min: 0, max: 3 }),
    silenced: fc.boolean(),
  }),
  { maxLength: 60 },
);
const FOR_MS = fc.constantFrom(0, 1, 60_000, HOUR_MS);

interface Taken extends AlertStep {
  readonly look: Look;
  readonly before: AlertInstance;
  readonly nowMs: number;
}

function take(looks: readonly Look[], forMs: number): Taken[] {
  let nowMs = 1_000_000;
  let before = firstInstance(nowMs);
  return looks.map((look) => {
    nowMs += look.afterMs;
    const { level, silenced } = look;
    const step = stepAlert(before, { level, value: level, nowMs, forMs, silenced });
    const taken = { ...step, look, before, nowMs };
    before = step.next;
    return taken;
  });
}

const property = (check: (steps: Taken[], forMs: number) => void) =>
  fc.assert(
    fc.property(LOOKS, FOR_MS, (looks, forMs) => check(take(looks, forMs), forMs)),
    { numRuns: 300 },
  );

describe('the states of an alert', () => {
  it('fire exactly when the condition has held for as long as the rule asks, looked at without a break', () => {
    property((steps, forMs) => {
      let heldSince: number | null = null;
      for (const { look, next, nowMs } of steps) {
        heldSince = look.level === 0 ? null : (heldSince ?? nowMs);
        assert.equal(next.state === 'firing', heldSince !== null && nowMs - heldSince >= forMs);
        assert.equal(next.state === 'pending', heldSince !== null && nowMs - heldSince < forMs);
      }
    });
  });

  it('are changed as history says: each firing begins once and ends once, and escalates upwards only', () => {
    property((steps) => {
      let peak = 0;
      for (const { change, next } of steps) {
        if (change === 'firing') assert.equal(peak, 0);
        if (change === 'escalated') assert.ok(peak > 0 && next.level > peak);
        if (change === 'resolved') assert.ok(peak > 0);
        peak = change === 'resolved' ? 0 : Math.max(peak, next.state === 'firing' ? next.level : 0);
        assert.equal(next.peak, peak);
      }
    });
  });

  it('are told so that every firing that was told is told to be resolved, and nothing else is', () => {
    property((steps) => {
      let told = 0;
      for (const { notice, next, look } of steps) {
        if (notice === 'firing') {
          assert.ok(!look.silenced && next.level > told, 'no level twice, nothing while silenced');
          told = next.level;
        }
        if (notice === 'resolved') {
          assert.ok(told > 0);
          told = 0;
        }
        assert.equal(next.notified, told);
        if (next.state === 'firing' && !look.silenced) assert.ok(told >= next.level, 'whoever listens knows');
        if (next.state !== 'firing') assert.equal(told, 0);
      }
    });
  });

  it('show that an alert was resolved for an hour', () => {
    property((steps) => {
      for (const { before, next, nowMs } of steps) {
        if (before.state !== 'resolved' || next.level > 0) continue;
        assert.equal(next.state, nowMs - before.sinceMs < HOUR_MS ? 'resolved' : 'ok');
      }
    });
  });

  it('wait no longer than the rule asks when the clock is set back', () => {
    const look = { level: 1, value: 1, forMs: 1000, silenced: false };
    const { next } = stepAlert(firstInstance(5_000_000), { ...look, nowMs: 5_000_000 });
    const back = stepAlert(next, { ...look, nowMs: 1_000_000 });
    assert.equal(back.next.state, 'pending');
    assert.equal(stepAlert(back.next, { ...look, nowMs: 1_001_000 }).next.state, 'firing');
  });
});
