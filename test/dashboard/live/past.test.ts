import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { fixtureHistory } from '../../../dashboards/web/src/fixtures/history.ts';
import { askPast, liveHistory } from '../../../dashboards/web/src/live/past.ts';
import { EMPTY_HISTORY } from '../../../src/client/history.ts';
import type { HistoryAnswer } from '../../../src/core/history/query.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10);

describe('the first paint', () => {
  const at = (secondsAgo: number) => new Date(NOW_MS - secondsAgo * 1000).toISOString();
  const live = (...secondsAgo: number[]) => ({
    ...EMPTY_HISTORY,
    timestamps: secondsAgo.map(at),
    cpu: secondsAgo.map(() => 50),
  });
  const past = () =>
    askPast(
      async (search) => ({ answer: fixtureHistory(busy, new URLSearchParams(search), NOW_MS), atMs: NOW_MS }),
      { snapshot: { ...busy, timestamp: at(0) }, intervalMs: 5000 },
    );

  test('has the five minutes before it from history', async () => {
    const { cpu, stepsMs, timestamps, cacheHitRate } = liveHistory(await past(), live(0), 5000);
    assert.ok(timestamps.length >= 18, `${timestamps.length} points`);
    assert.deepEqual([cpu.at(-1), stepsMs.at(-1), stepsMs[0]], [50, 5000, 15_000]);
    assert.ok(cacheHitRate.slice(0, -1).every((rate) => rate !== null && rate > 0 && rate <= 100));
    assert.deepEqual(timestamps, timestamps.toSorted());
  });

  test('knows no hit rate of a time before the first row, whatever was counted since', async () => {
    const begunMs = NOW_MS - 60_000;
    const young = await askPast(
      async (search) => {
        const answer = fixtureHistory(busy, new URLSearchParams(search), NOW_MS);
        const since = (points: HistoryAnswer['series'][number]['points']) =>
          points.map(([at, value]): [number, number | null] => [at, at < begunMs ? null : value]);
        const series = answer.series.map((one) => ({ ...one, points: since(one.points) }));
        return { answer: { ...answer, series }, atMs: NOW_MS };
      },
      { snapshot: { ...busy, timestamp: at(0) }, intervalMs: 5000 },
    );
    for (const { timeMs, cacheHitRate } of young) assert.equal(cacheHitRate !== null, timeMs >= begunMs);
  });

  test('what a reconnect missed is filled in, what was seen is left alone', async () => {
    const seen = [200, 195, 190, 10, 5, 0];
    const { timestamps } = liveHistory(await past(), live(...seen), 5000);
    const filled = timestamps.filter((timestamp) => timestamp > at(185) && timestamp < at(12));
    assert.ok(filled.length >= 10, `${filled.length} points`);
    for (const secondsAgo of seen) assert.ok(timestamps.includes(at(secondsAgo)));
  });
});
