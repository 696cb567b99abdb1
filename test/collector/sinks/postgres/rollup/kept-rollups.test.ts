import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import { minutesWithin } from '../../../../../src/collector/sinks/postgres/rollup/state.ts';
import { noteGone } from '../../../../../src/collector/sinks/postgres/schema/gone-rows.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, milliseconds } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { NOW, openHistory } from '../history/fixture.ts';
import { assertAgrees, insert } from './rolled.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describe('rollups', () => {
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
});
