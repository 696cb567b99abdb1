import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test, vi } from 'vitest';
import { Condition } from '../../src/collector/condition.ts';
import { MINUTE_MS, SECOND_MS } from '../../src/core/units.ts';

test('a condition is said when it begins, when its reason changes and when it ends', () => {
  const lines: string[] = [];
  const full = new Condition((component, message) => lines.push(`${component}: ${message}`), 'queue');
  full.end('never said: it has not begun');
  full.begin('full');
  full.begin('full');
  assert.equal(full.holds, true);
  full.begin('refused', 'role');
  full.begin('refused', 'role');
  full.end('room again');
  full.end('room again');
  assert.equal(full.holds, false);
  full.begin('full');
  full.end();
  assert.deepEqual(lines, ['queue: full', 'queue: refused', 'queue: room again', 'queue: full']);
});

describe('a condition that comes and goes', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const watched = () => {
    const lines: string[] = [];
    return { lines, full: new Condition((_, message) => lines.push(message), 'disk') };
  };

  test('is said a few times in 40 seconds, however often it does', () => {
    const { lines, full } = watched();
    for (let turn = 0; turn < 200; turn++) {
      full.begin('full');
      vi.advanceTimersByTime(100);
      full.end('room again');
      vi.advanceTimersByTime(100);
    }
    assert.deepEqual(lines, ['full', 'room again', 'full']);
    vi.advanceTimersByTime(10 * MINUTE_MS);
    assert.deepEqual(lines, ['full', 'room again', 'full', 'room again'], 'its end is said once it lasts');
  });

  test('has its end said after a calm that doubles with each relapse, and at once after a long one', () => {
    const { lines, full } = watched();
    const relapse = () => {
      full.begin('full');
      full.end('room again');
    };
    const saidAfterMs = () => {
      const before = lines.length;
      for (let waitedMs = 0; ; waitedMs += SECOND_MS) {
        if (lines.length > before) return waitedMs;
        vi.advanceTimersByTime(SECOND_MS);
      }
    };
    relapse();
    relapse();
    assert.equal(saidAfterMs(), 5 * SECOND_MS);
    relapse();
    assert.equal(saidAfterMs(), 10 * SECOND_MS);
    relapse();
    relapse();
    assert.equal(saidAfterMs(), 40 * SECOND_MS);
    for (let turn = 0; turn < 20; turn++) relapse();
    assert.equal(saidAfterMs(), 10 * MINUTE_MS, 'no more than that');
    vi.advanceTimersByTime(21 * MINUTE_MS);
    const before = lines.length;
    relapse();
    assert.deepEqual(lines.slice(before), ['full', 'room again']);
  });

  test('whose reason changes is said again', () => {
    const { lines, full } = watched();
    full.begin('away', 'away');
    full.end('back');
    full.begin('away', 'away');
    full.end('back');
    full.begin('refused', 'refused');
    full.end('back');
    assert.deepEqual(lines, ['away', 'back', 'away', 'refused']);
    vi.advanceTimersByTime(10 * MINUTE_MS);
    assert.deepEqual(lines.at(-1), 'back');
  });
});
