import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  coverOf,
  type Reach,
  type Stretch,
  TIERS,
} from '../../../../../src/collector/sinks/postgres/rollup/cover.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../../src/core/units.ts';

const NOON = Date.UTC(2026, 3, 2, 12);
const REACH: Reach = {
  rollup_day: NOON - 12 * HOUR_MS,
  rollup_hour: NOON,
  rollup_minute: NOON + 34 * MINUTE_MS,
};
/** The day that is not over is there as far as the hours are. */
const OPEN: Reach = { ...REACH, rollup_day: NOON };
const every = (stepMs: number, fromMs: number, toMs: number) =>
  Array.from({ length: Math.round((toMs - fromMs) / stepMs) + 1 }, (_, index) => fromMs + index * stepMs);
const written = (stretches: readonly Stretch[]) =>
  stretches.map(({ source, fromMs, toMs }) => [
    source,
    (fromMs - NOON) / MINUTE_MS,
    (toMs - NOON) / MINUTE_MS,
  ]);

describe('a range is covered', () => {
  it('by the coarsest rollups whose buckets lie within its own, and by rows where there are none yet', () => {
    const days = [NOON - 60 * HOUR_MS, NOON - 36 * HOUR_MS, NOON - 12 * HOUR_MS, NOON + 12 * HOUR_MS];
    assert.deepEqual(written(coverOf(days, REACH)), [
      ['rollup_day', -3600, -720],
      ['rollup_hour', -720, 0],
      ['rollup_minute', 0, 34],
      ['rows', 34, 720],
    ]);
  });

  it('by the day that is not over where a bucket has all of it so far, whatever zone its own day is of', () => {
    const days = [NOON - 40 * HOUR_MS, NOON - 16 * HOUR_MS, NOON + 8 * HOUR_MS];
    assert.deepEqual(written(coverOf(days, OPEN)), [
      ['rollup_hour', -2400, -720],
      ['rollup_day', -720, 0],
      ['rollup_minute', 0, 34],
      ['rows', 34, 480],
    ]);
    assert.deepEqual(written(coverOf([NOON - 36 * HOUR_MS, NOON], OPEN)), [['rollup_day', -2160, 0]]);
    assert.deepEqual(written(coverOf([NOON - 36 * HOUR_MS, NOON - HOUR_MS], OPEN)), [
      ['rollup_day', -2160, -720],
      ['rollup_hour', -720, -60],
    ]);
    assert.deepEqual(written(coverOf([NOON - 11 * HOUR_MS, NOON + DAY_MS], OPEN)).slice(0, 1), [
      ['rollup_hour', -660, 0],
    ]);
  });

  it('by minutes only at boundaries that are no hours', () => {
    const half = 30 * MINUTE_MS;
    const days = [NOON - 48 * HOUR_MS - half, NOON - 24 * HOUR_MS - half];
    assert.deepEqual(written(coverOf(days, REACH)), [
      ['rollup_minute', -2910, -2880],
      ['rollup_hour', -2880, -1500],
      ['rollup_minute', -1500, -1470],
    ]);
  });

  it('by rows within buckets shorter than a minute, and with no tier to use', () => {
    const seconds = every(10 * SECOND_MS, NOON, NOON + MINUTE_MS);
    assert.deepEqual(written(coverOf(seconds, REACH)), [['rows', 0, 1]]);
    assert.deepEqual(written(coverOf([NOON - DAY_MS, NOON], {})), [['rows', -1440, 0]]);
  });

  it('not at all without buckets', () => {
    assert.deepEqual(coverOf([NOON], REACH), []);
  });
});

it('no stretch crosses a boundary out of its unit, none overlaps, none is missing, whatever the boundaries', () => {
  const units = new Map<string, number>(TIERS.map(({ source, unitMs }) => [source, unitMs]));
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 600; round++) {
    const reach = round % 2 === 0 ? REACH : { ...OPEN, rollup_hour: NOON - random(36) * HOUR_MS };
    if (round % 2 === 1) Object.assign(reach, { rollup_day: reach.rollup_hour });
    const unit = [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS][random(4)] ?? SECOND_MS;
    const boundaries = [NOON - random(5_000_000_000)];
    for (let n = random(20); n >= 0; n--) boundaries.push((boundaries.at(-1) ?? 0) + unit * (1 + random(50)));
    const stretches = coverOf(boundaries, reach);
    assert.equal(stretches[0]?.fromMs, boundaries[0]);
    assert.equal(stretches.at(-1)?.toMs, boundaries.at(-1));
    for (const [index, { source, fromMs, toMs }] of stretches.entries()) {
      assert.ok(fromMs < toMs);
      const next = stretches[index + 1];
      if (next !== undefined) assert.equal(next.fromMs, toMs);
      const size = units.get(source);
      if (size === undefined) continue;
      assert.equal(fromMs % size, 0);
      const reachMs = reach[source as keyof Reach] ?? 0;
      assert.ok(toMs % size === 0 || toMs === reachMs);
      assert.ok(toMs <= reachMs);
      for (const at of boundaries) if (at > fromMs && at < toMs) assert.equal(at % size, 0);
    }
  }
});
