import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import { minutesWithin } from '../../../../../src/collector/sinks/postgres/rollup/state.ts';
import { noteGone } from '../../../../../src/collector/sinks/postgres/schema/gone-rows.ts';
import { bucketIndex } from '../../../../../src/core/histogram.ts';
import { BUCKET_MIN, unpack } from '../../../../../src/core/history/packed.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, milliseconds } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, NOW, openHistory, type TestHistory } from '../history/fixture.ts';

const OF_REQUESTS = `(SELECT id FROM enterprise.rollup_kind WHERE signal = 'request' AND dimension = '')`;
let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function insert({ sql }: TestHistory, timesMs: readonly number[], marked = true): Promise<void> {
  const times = timesMs.map((ms) => new Date(ms));
  await sql(
    `WITH stored AS (
       INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT at, '/late', 'GET', 200, 10 FROM unnest($1::timestamptz[]) AS at RETURNING timestamp
     )
     INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
     SELECT 'request', array_agg(DISTINCT date_trunc('minute', timestamp)) FROM stored WHERE $2 HAVING count(*) > 0`,
    [times, marked],
  );
}

/** Every rollup of every signal agrees with its rows, up to the watermarks. */
async function assertAgrees({ sql }: TestHistory): Promise<void> {
  for (const [unit, column] of [
    ['minute', 'minute_watermark'],
    ['hour', 'hour_watermark'],
    // The day that is not over has what the hours have.
    ['day', 'hour_watermark'],
  ]) {
    const wrong = await sql(
      `SELECT * FROM (
         SELECT date_trunc('${unit}', timestamp, 'UTC') AS bucket, count(*) AS count, round(sum(response_time_ms)::numeric, 6) AS sum
         FROM enterprise.request_metrics
         WHERE timestamp < (SELECT ${column} FROM enterprise.nervecenter_rollup_state WHERE signal = 'request') GROUP BY 1
       ) AS rows FULL JOIN (
         SELECT bucket, count, round(sum::numeric, 6) AS sum FROM enterprise.rollup_${unit}
         WHERE signal = 'request' AND field = 'value' AND dimension = ''
       ) AS rolled USING (bucket)
       WHERE rows.count IS DISTINCT FROM rolled.count OR rows.sum IS DISTINCT FROM rolled.sum`,
    );
    assert.deepEqual(wrong, [], unit);
  }
  await assertDays({ sql });
}

/** Every day of every signal and dimension, the open one too, is what its hours are. */
async function assertDays({ sql }: Pick<TestHistory, 'sql'>): Promise<void> {
  const money = (expression: string) => `coalesce(round((${expression})::numeric, 6), 0)`;
  const wrong = await sql(
    `SELECT * FROM (
       SELECT kind, date_trunc('day', bucket, 'UTC') AS bucket, value_id, sum(count) AS count, min(min) AS min,
         max(max) AS max, ${money('sum(sum)')} AS sum, ${money('sum(sum_2)')} AS cost, sum(length(histogram)) > 0 AS distributed
       FROM enterprise.rollup_by_hour JOIN enterprise.rollup_kind ON id = kind JOIN enterprise.nervecenter_rollup_state USING (signal)
       WHERE bucket < hour_watermark GROUP BY 1, 2, 3
     ) AS hours FULL JOIN (
       SELECT kind, bucket, value_id, count, min, max, ${money('sum')} AS sum, ${money('sum_2')} AS cost,
         length(histogram) > 0 AS distributed
       FROM enterprise.rollup_by_day
     ) AS days USING (kind, bucket, value_id)
     WHERE (hours.count, hours.min, hours.max, hours.sum, hours.cost, hours.distributed)
       IS DISTINCT FROM (days.count, days.min, days.max, days.sum, days.cost, days.distributed)`,
  );
  assert.deepEqual(wrong, [], 'days of hours');
  const open = await sql(
    `SELECT FROM enterprise.nervecenter_rollup_state
     WHERE open_day_until IS DISTINCT FROM hour_watermark OR pair_hour_watermark IS DISTINCT FROM hour_watermark
       OR coalesce(pair_open_day_until, hour_watermark) IS DISTINCT FROM hour_watermark`,
  );
  assert.deepEqual(open, [], 'the open day reaches as far as the hours');
  const unnamed = await sql(
    `SELECT FROM (TABLE enterprise.rollup_by_minute UNION ALL TABLE enterprise.rollup_by_hour UNION ALL TABLE enterprise.rollup_by_day) AS rolled
     WHERE value_id NOT IN (SELECT id FROM enterprise.rollup_value)`,
  );
  assert.deepEqual(unnamed, [], 'every value has its text');
}

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

  it('of rows that are gone, or some of them, are not made anew from what comes late', async (t) => {
    const store = await openHistory(t, server);
    const day = Math.floor(NOW / DAY_MS) * DAY_MS - 3 * DAY_MS;
    const times = Array.from({ length: 40 }, (_, i) => day + 5 * HOUR_MS + i * MINUTE_MS);
    await insert(store, [...times, NOW - HOUR_MS]);
    await store.rollup().catchUp();
    const all = () =>
      store.sql(`SELECT kind, bucket, value_id, count FROM enterprise.rollup_by_hour
        UNION ALL SELECT kind, bucket, value_id, count FROM enterprise.rollup_by_day ORDER BY 1, 2, 3, 4`);
    const before = await all();
    const dropped = { table: 'request_metrics', toMs: milliseconds(day + DAY_MS) };
    await store.lend((client) => noteGone(client, [dropped]));
    await store.sql('DELETE FROM enterprise.request_metrics WHERE timestamp < $1', [new Date(day + DAY_MS)]);
    await insert(store, [day + 5 * HOUR_MS, day + 7 * HOUR_MS]);
    await store.rollup().catchUp();
    assert.deepEqual(await all(), before);
    // What a reset of the watermarks makes anew is what has rows.
    await store.sql(
      `UPDATE enterprise.nervecenter_rollup_state SET minute_watermark = $1, hour_watermark = $1`,
      [new Date(day + 6 * HOUR_MS)],
    );
    await store.rollup().catchUp();
    assert.deepEqual(await all(), before);
    await insert(store, [NOW - HOUR_MS]);
    await store.rollup().catchUp();
    assert.notDeepEqual(await all(), before);
  });

  it('of a day past its retention in part are kept until all of it is, whatever comes late', async (t) => {
    const store = await openHistory(t, server);
    const day = Math.floor(NOW / DAY_MS) * DAY_MS - 10 * DAY_MS;
    await insert(store, [day + HOUR_MS, day + 20 * HOUR_MS, NOW - 2 * HOUR_MS]);
    const keptFromMs = day + 12 * HOUR_MS;
    await store.rollup(NOW, NOW - keptFromMs).catchUp();
    await insert(store, [day + 20 * HOUR_MS, NOW - HOUR_MS]);
    await store.rollup(NOW + HOUR_MS, NOW + HOUR_MS - keptFromMs).catchUp();
    await assertAgrees(store);
  });

  it('take on late hours as far as their rows allow, and one at least', async (t) => {
    const store = await openHistory(t, server);
    const hours = [5, 4, 3, 2].map((ago) => Math.floor(NOW / HOUR_MS) * HOUR_MS - ago * HOUR_MS);
    await insert(
      store,
      hours.flatMap((at) => Array.from({ length: 10 }, (_, i) => at + i * MINUTE_MS)),
    );
    const minutes = hours.flatMap((at) => [at, at + MINUTE_MS]);
    const within = (rowsMax: number) =>
      store.lend((client) => minutesWithin(client, SHAPES.request, minutes, rowsMax));
    assert.deepEqual(await Promise.all([5, 10, 25, 39, 40].map(within)), [2, 2, 4, 6, 8]);
  });

  it('of kinds that a later version keeps are left alone, and of signals that are unknown go in the end', async (t) => {
    const store = await openHistory(t, server);
    await insert(store, [NOW - 3 * HOUR_MS]);
    await store.rollup(NOW - HOUR_MS).catchUp();
    await store.sql(`INSERT INTO enterprise.rollup_kind (id, signal, field, dimension, second) VALUES
      (9001, 'request', 'value', 'later', ''), (9002, 'gone', 'value', 'user', ''), (9003, 'request', 'value', 'later', 'method')`);
    await store.sql(
      `INSERT INTO enterprise.rollup_value (id, value, seen) VALUES (9000, 'a@gone.example', $1)`,
      [new Date(NOW)],
    );
    await store.sql(
      `INSERT INTO enterprise.rollup_by_hour (kind, bucket, value_id, count)
       SELECT kind, date_trunc('hour', $1::timestamptz), 9000, 7 FROM unnest(ARRAY[9001, 9002, 9003]) AS kind`,
      [new Date(NOW - 3 * HOUR_MS)],
    );
    const kinds = async () =>
      (
        await store.sql<{ kind: number }>(
          'SELECT kind::int FROM enterprise.rollup_by_hour WHERE kind > 9000 ORDER BY 1',
        )
      ).map(({ kind }) => kind);
    await insert(store, [NOW - 3 * HOUR_MS, NOW - 2 * HOUR_MS]);
    await store.rollup().catchUp();
    assert.deepEqual(await kinds(), [9001, 9002, 9003]);
    await insert(store, [NOW + 40 * DAY_MS], false);
    await store.rollup(NOW + 41 * DAY_MS, 30 * DAY_MS).catchUp();
    assert.deepEqual(await kinds(), []);
    assert.deepEqual(await store.sql('SELECT FROM enterprise.rollup_value WHERE id = 9000'), []);
  });

  it('keep no user of a signal past its retention, though others are kept longer', async (t) => {
    const store = await openHistory(t, server);
    await insert(store, [NOW - 50 * DAY_MS, NOW - 2 * HOUR_MS]);
    await store.sql(
      `UPDATE enterprise.request_metrics SET user_email = 'a@shop.example' WHERE timestamp < $1`,
      [new Date(NOW - DAY_MS)],
    );
    await store.sql(
      `INSERT INTO enterprise.cache_metrics (timestamp, cache_type, hits) VALUES ($1, 'rag', 1)`,
      [new Date(NOW - 60 * DAY_MS)],
    );
    const retentionMs = (signal: string) => (signal === 'request' ? 60 : 400) * DAY_MS;
    const users = () => store.sql(`SELECT FROM enterprise.rollup_value WHERE value = 'a@shop.example'`);
    const rollup = (nowMs: number) => new Rollup({ lend: store.lend, now: () => nowMs, retentionMs });
    await rollup(NOW).catchUp();
    assert.notDeepEqual(await users(), []);
    await insert(store, [NOW + 20 * DAY_MS], false);
    await rollup(NOW + 21 * DAY_MS).catchUp();
    assert.deepEqual(await users(), []);
    assert.notDeepEqual(await store.sql(`SELECT FROM enterprise.rollup_value WHERE value = 'rag'`), []);
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
