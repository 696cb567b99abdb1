import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { bucketIndex } from '../../../../../src/core/histogram.ts';
import { BUCKET_MIN, unpack } from '../../../../../src/core/history/packed.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, NOW, openHistory, type TestHistory } from '../history/fixture.ts';
import { assertAgrees, insert } from './rolled.ts';

const OF_REQUESTS = `(SELECT id FROM enterprise.rollup_kind WHERE signal = 'request' AND dimension = '')`;
let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const countOf = async ({ history }: TestHistory, from: string) => {
  const answer = await history({ signal: 'request', measure: 'count', from });
  return answer.series[0]?.points.reduce((sum, [, count]) => sum + (count ?? 0), 0);
};

/** Buckets of a count over the last days that are not what plain SQL says. */
async function differences(store: TestHistory, parameters: Record<string, string>): Promise<unknown[]> {
  const answer = await store.history({ signal: 'request', measure: 'count', from: '-7d', ...parameters });
  const found = new Map<number, number>();
  for (const { points } of answer.series)
    for (const [at, count] of points) found.set(at, (found.get(at) ?? 0) + (count ?? 0));
  const starts = [...found.keys()].sort((a, b) => a - b);
  const rows = await store.sql<{ at: Date; count: number }>(
    `SELECT at, (SELECT count(*)::int FROM enterprise.request_metrics
       WHERE timestamp >= at AND timestamp < ends AND method = coalesce($3, method))
     FROM unnest($1::timestamptz[], $2::timestamptz[]) AS spans(at, ends)`,
    [
      starts.map((at) => new Date(at)),
      [...starts.slice(1).map((at) => new Date(at)), new Date(answer.to)],
      parameters['method'] ?? null,
    ],
  );
  assert.equal(rows.length, starts.length);
  return rows.filter(({ at, count }) => found.get(at.getTime()) !== count);
}

describe('rollups', () => {
  it('agree with the rows after every step, whatever comes late', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, 1500, 3);
    let nowMs = NOW - DAY_MS;
    const late: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      await store.rollup(nowMs).catchUp();
      await assertAgrees(store);
      late.push(...[5, 90, 1500].map((minutes) => nowMs - minutes * MINUTE_MS));
      await insert(store, late.slice(-3));
      nowMs += 4 * HOUR_MS;
    }
    await store.rollup(nowMs).catchUp();
    await assertAgrees(store);
    assert.equal(await countOf(store, '-30d'), 1500 + late.length);
    const [left] = await store.sql('SELECT FROM enterprise.nervecenter_rollup_pending');
    assert.equal(left, undefined);
  });

  it('are done by one collector at a time, and several do no harm', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, 1500, 3);
    const outcomes = await Promise.all([1, 2, 3].map(() => store.rollup().catchUp()));
    assert.ok(outcomes.includes('done'));
    await store.rollup().catchUp();
    await assertAgrees(store);
    assert.equal(await countOf(store, '-30d'), 1500);
  });

  it('see the rows of a transaction that commits after their minute was rolled up', async (t) => {
    const store = await openHistory(t, server);
    await insert(store, [NOW - 2 * HOUR_MS]);
    await store.lend(async (client) => {
      await client.query('BEGIN');
      const at = new Date(NOW - HOUR_MS);
      await client.query(
        `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms) VALUES ($1, '/slow', 'GET', 200, 3)`,
        [at],
      );
      await client.query(
        `INSERT INTO enterprise.nervecenter_rollup_pending VALUES ('request', ARRAY[date_trunc('minute', $1::timestamptz)])`,
        [at],
      );
      await store.rollup().catchUp();
      assert.equal(await countOf(store, '-24h'), 1);
      await client.query('COMMIT');
    });
    await store.rollup().catchUp();
    assert.equal(await countOf(store, '-24h'), 2);
    await assertAgrees(store);
  });

  it('have the open day wherever the hours are: late rows, other versions and watermarks that were set back', async (t) => {
    const store = await openHistory(t, server);
    await fill(store, 1500, 3);
    let stored = 1500;
    const check = async () => {
      for (const range of [{ step: '1d' }, { step: '12h' }, { step: '1d', tz: 'America/New_York' }]) {
        for (const filter of [{}, { group_by: 'user' }, { group_by: 'endpoint', method: 'GET' }])
          assert.deepEqual(await differences(store, { ...range, ...filter }), [], JSON.stringify(range));
      }
      assert.equal(await countOf(store, '-30d'), stored);
    };
    const insertLate = async (...hoursAgo: number[]) => {
      await insert(
        store,
        hoursAgo.map((hours) => NOW - hours * HOUR_MS),
      );
      stored += hoursAgo.length;
    };
    const midnight = Math.floor(NOW / DAY_MS) * DAY_MS;
    for (const nowMs of [midnight + MINUTE_MS, midnight + HOUR_MS + MINUTE_MS, NOW]) {
      await store.rollup(nowMs).catchUp();
      await check();
      await assertAgrees(store);
    }
    assert.equal(
      (await store.history({ signal: 'request', measure: 'count', from: '-12h', step: '1d' })).source,
      'rollup_day',
    );

    await insertLate(1, 5, 12, 13, 30);
    await store.rollup().catchUp();
    await check();
    await assertAgrees(store);

    await store.sql(`DELETE FROM enterprise.rollup_by_day WHERE bucket >= $1`, [new Date(midnight)]);
    await store.sql(
      `UPDATE enterprise.nervecenter_rollup_state SET open_day_until = NULL, pair_open_day_until = NULL`,
    );
    await check();
    await store.rollup().catchUp();
    await assertAgrees(store);

    await store.sql(
      `UPDATE enterprise.nervecenter_rollup_state SET minute_watermark = $1, hour_watermark = $1`,
      [new Date(NOW - (NOW % HOUR_MS) - 3 * HOUR_MS)],
    );
    // Behind the watermark again: only its row has it.
    await insertLate(1);
    await check();
    await store.rollup().catchUp();
    await check();
    await assertAgrees(store);

    await store.sql(
      `UPDATE enterprise.nervecenter_rollup_state SET minute_watermark = $1, hour_watermark = $1`,
      [new Date(midnight - 2 * DAY_MS + 5 * HOUR_MS)],
    );
    for (const nowMs of [NOW - 2 * DAY_MS, NOW - DAY_MS, midnight + MINUTE_MS, NOW - 9 * HOUR_MS, NOW]) {
      await store.rollup(nowMs).catchUp();
      await check();
    }
    await assertAgrees(store);
  });

  it('take more late minutes than one step does', async (t) => {
    const store = await openHistory(t, server);
    await insert(store, [NOW - 3 * DAY_MS]);
    await store.rollup().catchUp();
    await insert(
      store,
      Array.from({ length: 1200 }, (_, minute) => NOW - DAY_MS - minute * MINUTE_MS),
    );
    assert.equal(await store.rollup().step(), 'behind');
    assert.equal(await store.rollup().catchUp(), 'done');
    await assertAgrees(store);
  });

  it('leap over a stretch without rows, and over an empty table', async (t) => {
    const store = await openHistory(t, server);
    assert.equal(await store.rollup(NOW - 300 * DAY_MS).step(), 'done');
    await insert(store, [NOW - 200 * DAY_MS, NOW - HOUR_MS], false);
    assert.equal(await store.rollup().step(), 'behind');
    assert.equal(await store.rollup().catchUp(), 'done');
    await assertAgrees(store);
  });

  it('go with their rows', async (t) => {
    const store = await openHistory(t, server);
    await insert(store, [NOW - 40 * DAY_MS, NOW - 3 * DAY_MS]);
    await store.rollup(NOW, 30 * DAY_MS).catchUp();
    const rows = await store.sql('SELECT DISTINCT bucket FROM enterprise.rollup_hour');
    assert.equal(rows.length, 1);
    const valuesOf = () =>
      store.sql<{ value: string }>(
        `SELECT value FROM enterprise.rollup_value WHERE value = '/late' AND second = ''`,
      );
    assert.equal((await valuesOf()).length, 1);
    await insert(store, [NOW + 40 * DAY_MS], false);
    await store.sql(`UPDATE enterprise.request_metrics SET endpoint = '/new' WHERE timestamp > $1`, [
      new Date(NOW),
    ]);
    await store.rollup(NOW + 41 * DAY_MS, 30 * DAY_MS).catchUp();
    assert.deepEqual(await valuesOf(), [], 'a value goes with its last rollup');
  });

  it('are not spoilt by numbers that are none', async (t) => {
    const store = await openHistory(t, server);
    await store.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT $1, '/odd', 'GET', 200, ms FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity', '1e308', '5e-324', '-1', '0', '8']::float8[]) AS ms`,
      [new Date(NOW - HOUR_MS)],
    );
    await store.rollup().catchUp();
    const [row] = await store.sql<{ count: string; min: number; max: number; histogram: Buffer }>(
      `SELECT count, min, max, histogram FROM enterprise.rollup_by_minute WHERE kind = ${OF_REQUESTS}`,
    );
    assert.ok(row);
    assert.deepEqual([row.count, row.min, row.max], ['8', -1, 1e308]);
    const { count, zeroCount } = unpack(row.histogram);
    assert.deepEqual([count, zeroCount], [5, 2]);
  });

  it('put every value into the bucket that the live view puts it into', async (t) => {
    const store = await openHistory(t, server);
    const powers = Array.from({ length: 60 }, (_, exponent) => 2 ** (exponent - 9));
    const others = Array.from({ length: 2000 }, (_, i) => 1.013 ** i / 500);
    const values = [...powers, ...others].filter((value) => value < 2 ** 49);
    await store.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT $1, '/', 'GET', 200, ms FROM unnest($2::float8[]) AS ms`,
      [new Date(NOW - HOUR_MS), values],
    );
    await store.rollup().catchUp();
    const [row] = await store.sql<{ histogram: Buffer }>(
      `SELECT histogram FROM enterprise.rollup_by_hour WHERE kind = ${OF_REQUESTS}
       UNION ALL SELECT histogram FROM enterprise.rollup_by_minute WHERE kind = ${OF_REQUESTS}`,
    );
    assert.ok(row);
    const expected = new Map<number, number>();
    for (const value of values) {
      const index = bucketIndex(value);
      expected.set(index, (expected.get(index) ?? 0) + 1);
    }
    const found = unpack(row.histogram).counts.flatMap((count, at) =>
      count > 0 ? [[at + BUCKET_MIN, count]] : [],
    );
    assert.deepEqual(
      found,
      [...expected].sort((a, b) => a[0] - b[0]),
    );
  });
});
