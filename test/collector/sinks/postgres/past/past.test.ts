import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { readTotals, readWindow } from '../../../../../src/collector/sinks/postgres/past/past.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { bucketIndex } from '../../../../../src/core/histogram.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, NOW, openHistory, type TestHistory } from '../history/fixture.ts';

const ROWS = 500;
const RETENTION_MS = 10 * DAY_MS;
let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

type Totals = Readonly<Record<string, number>>;

/** Counts and sums by metric and attributes; sums of money and counts are exact, so they compare as they are. */
function summed(points: readonly Point[]): Totals {
  const totals: Record<string, number> = {};
  for (const point of points) {
    const key = `${point.name} ${JSON.stringify(point.attributes)}`;
    const amounts =
      point.kind === 'histogram'
        ? { count: point.count, sum: point.sum, zero: point.zeroCount }
        : { sum: point.value };
    for (const [name, amount] of Object.entries(amounts)) {
      if (amount !== 0)
        totals[`${key} ${name}`] = Number(((totals[`${key} ${name}`] ?? 0) + amount).toFixed(6));
    }
  }
  return totals;
}

const totalsOf = async ({ lend }: TestHistory, untilMs: number | null = null): Promise<Totals> =>
  summed(await lend((client) => readTotals(client, untilMs)));

const requestsIn = (totals: Totals): number =>
  Object.entries(totals).reduce(
    (sum, [key, count]) => sum + (key.startsWith('http.') && key.endsWith('count') ? count : 0),
    0,
  );

/** Rows of a batch as the writer stores one: with the minutes they touch marked. */
async function late({ sql }: TestHistory, timesMs: readonly number[]): Promise<void> {
  await sql(
    `WITH stored AS (
       INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT at, '/late', 'GET', 500, 10 FROM unnest($1::timestamptz[]) AS at RETURNING timestamp
     )
     INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
     SELECT 'request', array_agg(DISTINCT date_trunc('minute', timestamp)) FROM stored`,
    [timesMs.map((ms) => new Date(ms))],
  );
}

describe('the totals of all time', () => {
  it('are the same from rows, from rollups, from half of each, and from what is left when the rows are gone', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, ROWS, 31);
    const fromRows = await totalsOf(store);
    assert.equal(requestsIn(fromRows), ROWS);
    await store.rollup(NOW - 12 * DAY_MS).catchUp();
    assert.deepEqual(await totalsOf(store), fromRows, 'half rolled up');
    await store.rollup(NOW).catchUp();
    assert.deepEqual(await totalsOf(store), fromRows, 'rolled up');
    for (const ageMs of [RETENTION_MS, RETENTION_MS / 2]) {
      for (const table of ['request', 'llm_call', 'rag', 'cache', 'ws_session']) {
        await store.sql(`DELETE FROM enterprise.${table}_metrics WHERE timestamp < $1`, [
          new Date(NOW - ageMs),
        ]);
      }
      await store.rollup(NOW + 2 * HOUR_MS, ageMs).catchUp();
      assert.deepEqual(await totalsOf(store), fromRows, 'pruned');
    }
    const [folded] = await store.sql<{ hours: string; oldest: Date }>(
      `SELECT count(DISTINCT bucket) AS hours, min(bucket) FILTER (WHERE bucket > '-infinity') AS oldest
       FROM enterprise.rollup_hour WHERE signal = 'request' AND bucket < now()`,
    );
    assert.ok(folded && folded.oldest.getTime() >= NOW - RETENTION_MS, 'hours past their retention are gone');
    const answer = await store.history({ signal: 'request', measure: 'count', from: '-399d', step: '1d' });
    const inHistory = answer.series[0]?.points.reduce((sum, [, count]) => sum + (count ?? 0), 0) ?? 0;
    assert.ok(inHistory > 0 && inHistory < ROWS, 'history knows nothing of what is folded');
  });

  it('hold every row that comes late, before and after its minute is rolled up again', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, ROWS, 3);
    await store.rollup().catchUp();
    const minutes = [2, 3, 3, 90, 150, 3000];
    await late(
      store,
      minutes.map((ago) => NOW - ago * MINUTE_MS),
    );
    const before = await totalsOf(store);
    assert.equal(requestsIn(before), ROWS + minutes.length);
    await store.rollup().catchUp();
    assert.deepEqual(await totalsOf(store), before);
  });

  it('leave out what comes later than its retention, which is in no rollup any more', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, ROWS, 31);
    await store.rollup(NOW, RETENTION_MS).catchUp();
    const before = await totalsOf(store);
    await late(store, [NOW - 20 * DAY_MS]);
    assert.deepEqual(await totalsOf(store), before);
    await store.rollup(NOW, RETENTION_MS).catchUp();
    assert.deepEqual(await totalsOf(store), before);
    // As a migration does that has everything rolled up anew.
    await store.sql(
      `UPDATE enterprise.nervecenter_rollup_state
      SET minute_watermark = $1, hour_watermark = $1`,
      [new Date(NOW - 31 * DAY_MS)],
    );
    assert.deepEqual(await totalsOf(store), before);
    await store.rollup(NOW, RETENTION_MS).catchUp();
    assert.deepEqual(await totalsOf(store), before);
  });

  it('end where they are asked to end, whatever the rollups reach', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, ROWS, 3);
    const untilMs = NOW - 26 * HOUR_MS - 12_345;
    const before = await totalsOf(store, untilMs);
    const [row] = await store.sql<{ count: string }>(
      'SELECT count(*) FROM enterprise.request_metrics WHERE timestamp < $1',
      [new Date(untilMs)],
    );
    assert.equal(requestsIn(before), Number(row?.count));
    await store.rollup().catchUp();
    assert.deepEqual(await totalsOf(store, untilMs), before);
  });

  it('are bounded: the largest values by themselves, all others as one', async (t) => {
    const store = await openHistory(t, server);
    await store.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT $1, '/raw/' || least(i, 3000), 'GET', 200, 1 FROM generate_series(1, 3100) AS i`,
      [new Date(NOW - 20 * DAY_MS)],
    );
    const check = async (named: number) => {
      const totals = await totalsOf(store);
      assert.equal(requestsIn(totals), 3100);
      assert.equal(Object.keys(totals).length, named + 1);
      assert.equal(totals[`http.server.request.duration {"http.route":"/raw/3000"} count`], 101);
    };
    await check(150);
    for (const nowMs of [NOW, NOW + 2 * HOUR_MS]) {
      await store.rollup(nowMs, RETENTION_MS).catchUp();
      await check(150);
      const [folded] = await store.sql<{ values: number }>(
        `SELECT count(*)::int AS values FROM enterprise.rollup_hour WHERE bucket = '-infinity' AND signal = 'request'`,
      );
      assert.equal(folded?.values, 1001);
    }
  });

  it('of an empty database are none', async (t) => {
    assert.deepEqual(await totalsOf(await openHistory(t, server)), {});
  });
});

describe('the window of before', () => {
  it('has every value in the slot and bucket in which the live view would have it', async (t) => {
    const store = await openHistory(t, server);
    const values = Array.from({ length: 400 }, (_, i) => 0.001 * 1.05 ** i);
    await store.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT $1, '/', 'GET', 200, ms FROM unnest($2::float8[]) AS ms`,
      [new Date(NOW - 7000), values],
    );
    const range = { fromMs: NOW - 5 * MINUTE_MS, toMs: NOW, windowMs: 5 * MINUTE_MS };
    const [slot, ...others] = await store.lend((client) => readWindow(client, range));
    assert.deepEqual(others, []);
    assert.equal(Math.floor((slot?.atMs ?? 0) / 5000), Math.floor((NOW - 7000) / 5000));
    const [point] = slot?.points ?? [];
    assert.ok(point?.kind === 'histogram');
    const expected = new Map<number, number>();
    for (const ms of values) {
      const index = bucketIndex(ms / 1000);
      expected.set(index, (expected.get(index) ?? 0) + 1);
    }
    const found = point.counts.flatMap((count, at) => (count > 0 ? [[at + point.offset, count]] : []));
    assert.deepEqual(
      found,
      [...expected].sort(([a], [b]) => a - b),
    );
    assert.equal(point.count, values.length);
  });

  it('leaves out what is older or later, and numbers that are none', async (t) => {
    const store = await openHistory(t, server);
    await store.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT $1::timestamptz + make_interval(secs => s), '/', 'GET', 200, ms
       FROM unnest(ARRAY[-301, 0, -1, -2, -3]::float8[], ARRAY[1, 1, 'NaN', 'Infinity', 8]::float8[]) AS rows(s, ms)`,
      [new Date(NOW)],
    );
    const range = { fromMs: NOW - 5 * MINUTE_MS, toMs: NOW, windowMs: 5 * MINUTE_MS };
    const slots = await store.lend((client) => readWindow(client, range));
    const points = slots.flatMap(({ points }) => points).filter((point) => point.kind === 'histogram');
    assert.equal(
      points.reduce((sum, { count }) => sum + count, 0),
      1,
    );
    assert.equal(
      points.reduce((sum, point) => sum + point.sum, 0),
      0.008,
    );
  });
});
