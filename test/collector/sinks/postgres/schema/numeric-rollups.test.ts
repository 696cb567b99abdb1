import assert from 'node:assert/strict';
import type { Client, PoolClient } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { createHistory } from '../../../../../src/collector/sinks/postgres/history/history.ts';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { migrate, rollBack } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { parseHistoryQuery } from '../../../../../src/core/history/parameters.ts';
import { DAY_MS, HOUR_MS } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, NOW } from '../history/fixture.ts';

/** The last migration that has rollups as text. */
const TEXT = 20;
const TIERS = ['rollup_minute', 'rollup_hour', 'rollup_day'];

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const rollupOf = (client: Client, nowMs = NOW) =>
  new Rollup({
    lend: (work) => work(client as unknown as PoolClient),
    now: () => nowMs,
    retentionMs: () => 400 * DAY_MS,
  });

/** A database as the version before left it: rows of the oldest days are gone, their rollups are not. */
async function fillAsBefore(client: Client): Promise<void> {
  await migrate(client);
  const sql = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await client.query<T>(text, values)).rows;
  await fill({ sql } as Parameters<typeof fill>[0], 1500);
  assert.equal(await rollupOf(client, NOW - 3 * HOUR_MS).catchUp(), 'done');
  await rollBack(client, TEXT);
  await client.query('DELETE FROM enterprise.request_metrics WHERE timestamp < $1', [
    new Date(NOW - 20 * DAY_MS),
  ]);
  // Counts of more digits, a name that no signal of today has, and a moment that is none.
  await client.query(`
    UPDATE enterprise.rollup_day SET count = 9007199254740993, histogram = '\\x8000000000ff00057fffffff000600000007000700000008'
    WHERE (signal, field, dimension, bucket, value) IN (SELECT signal, field, dimension, bucket, value FROM enterprise.rollup_day
      WHERE signal = 'system' AND dimension = '' AND field = 'value' LIMIT 1);
    INSERT INTO enterprise.rollup_hour (signal, field, dimension, bucket, value, count, sum)
    VALUES ('gone', 'value', 'what', '2020-01-01', 'tab\t', 3, 0.1), ('gone', 'value', 'what', '-infinity', 'x', 1, 1)`);
}

/** Every rollup in the old shape, its histogram as counts by bucket, because its pairs have no order. */
async function rollupsOf(client: Client, tier: string): Promise<unknown[]> {
  const { rows } = await client.query<{ histogram: Buffer | null; sums: Record<string, number> | null }>(
    `SELECT signal, field, dimension, bucket, value, count, sum, min, max, histogram, sums FROM enterprise.${tier}
     WHERE field <> '' AND isfinite(bucket) ORDER BY signal, field, dimension, bucket, value`,
  );
  return rows.map(({ histogram, sums, ...row }) => ({
    ...row,
    histogram: histogram === null ? null : countsOf(histogram),
    sums: Object.entries(sums ?? {})
      .filter(([, sum]) => sum)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  }));
}

async function allRollups(client: Client): Promise<unknown[][]> {
  const all: unknown[][] = [];
  for (const tier of TIERS) all.push(await rollupsOf(client, tier));
  return all;
}

function countsOf(pairs: Buffer): [number, number][] {
  const counts = new Map<number, number>();
  for (let at = 0; at < pairs.length; at += 6) {
    const bucket = pairs.readInt16BE(at);
    counts.set(bucket, (counts.get(bucket) ?? 0) + pairs.readInt32BE(at + 2));
  }
  return [...counts].sort(([a], [b]) => a - b);
}

test('rollups as text become numbers and lose nothing, those of rows that are gone included; and become text again', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    const before = await allRollups(client);
    for (const rollups of before) assert.ok(rollups.length > 100);
    await migrate(client);
    assert.deepEqual(await allRollups(client), before);
    await rollBack(client, TEXT);
    assert.deepEqual(await allRollups(client), before);
  });
});

test('after it history goes on, two dimensions follow in steps, and rollups of rows that are gone stay', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    await migrate(client);
    const history = createHistory((work) => work(client as unknown as PoolClient));
    const ask = async (parameters: Record<string, string>) => {
      const query = { signal: 'request', measure: 'count', from: '-31d', step: '1d', ...parameters };
      const { source, series } = await history(parseHistoryQuery(new URLSearchParams(query), NOW));
      const points = series.flatMap(({ points: own }) => own);
      return { source, count: points.reduce((sum, [, count]) => sum + (count ?? 0), 0) };
    };
    const rows = async (where: string) => {
      const found = await client.query(`SELECT FROM enterprise.request_metrics WHERE ${where}`);
      return found.rowCount;
    };
    const one = { endpoint: '/a', method: 'GET' };
    const oneOf = `endpoint = '/a' AND method = 'GET'`;
    assert.deepEqual(await ask({}), { source: 'rollup_day', count: 1500 });
    assert.deepEqual(await ask(one), { source: 'rows', count: await rows(oneOf) });
    assert.equal(await rollupOf(client).catchUp(), 'done');
    assert.deepEqual(await ask({}), { source: 'rollup_day', count: 1500 });
    assert.deepEqual(await ask(one), { source: 'rollup_day', count: await rows(oneOf) });
  });
});

test('a collector of the version before goes on reading, cannot write, and takes no mark', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    await migrate(client);
    const marks = `SELECT count(*)::int AS count FROM enterprise.nervecenter_rollup_pending`;
    await client.query(
      `INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes) VALUES ('request', ARRAY['2026-04-01Z'::timestamptz])`,
    );
    for (const statement of [
      `DELETE FROM enterprise.rollup_minute WHERE signal = 'request'`,
      `INSERT INTO enterprise.rollup_hour (signal, field, dimension, bucket, value, count) VALUES ('request', '', '', now(), '', 0)`,
    ]) {
      await client.query('BEGIN');
      await client.query('DELETE FROM enterprise.nervecenter_rollup_pending');
      await assert.rejects(client.query(statement), /cannot (delete from|insert into) view/);
      await client.query('ROLLBACK');
    }
    assert.deepEqual((await client.query(marks)).rows, [{ count: 1 }]);
    // Its question for a percentile of a month by endpoint.
    const { rows } = await client.query(
      `SELECT value, sum(count)::int AS count, string_agg(histogram, ''::bytea) AS histogram FROM enterprise.rollup_day
       WHERE signal = 'request' AND field = 'value' AND dimension = 'endpoint' GROUP BY 1`,
    );
    assert.equal(rows.length, 3);
    for (const { count, histogram } of rows)
      assert.equal(
        countsOf(histogram).reduce((sum, [, one]) => sum + one, 0),
        count,
      );
  });
});

test('who could use the tables of before can use those of now', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await migrate(client);
    await rollBack(client, TEXT);
    await client.query(`
      CREATE ROLE rollup_writer; GRANT USAGE ON SCHEMA enterprise TO rollup_writer;
      GRANT SELECT, INSERT, UPDATE, DELETE ON enterprise.rollup_minute, enterprise.rollup_hour, enterprise.rollup_day TO rollup_writer`);
    await migrate(client);
    const { rows } = await client.query<{ relname: string; may: boolean }>(
      `SELECT relname, has_table_privilege('rollup_writer', oid, 'SELECT, INSERT, UPDATE, DELETE') AS may
       FROM pg_class WHERE relnamespace = 'enterprise'::regnamespace AND relname LIKE 'rollup\\_%' AND relkind IN ('r', 'v')`,
    );
    assert.equal(rows.length, 9);
    assert.deepEqual(
      rows.filter(({ may }) => !may),
      [],
    );
    await rollBack(client, TEXT);
    await client.query(`SET ROLE rollup_writer; DELETE FROM enterprise.rollup_day; RESET ROLE`);
  });
});

test('a role that migrates what is another’s leaves it the other’s, and back again', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await migrate(client);
    await rollBack(client, TEXT);
    await client.query(`
      CREATE ROLE rollup_owner; GRANT USAGE, CREATE ON SCHEMA enterprise TO rollup_owner;
      ALTER TABLE enterprise.rollup_minute OWNER TO rollup_owner; ALTER TABLE enterprise.rollup_hour OWNER TO rollup_owner;
      ALTER TABLE enterprise.rollup_day OWNER TO rollup_owner`);
    const owners = async () => {
      const { rows } = await client.query<{ owner: string }>(
        `SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class
         WHERE relnamespace = 'enterprise'::regnamespace AND relname LIKE 'rollup\\_%' AND relkind IN ('r', 'v')`,
      );
      return rows.map(({ owner }) => owner);
    };
    await migrate(client);
    assert.deepEqual(await owners(), ['rollup_owner']);
    await client.query('SET ROLE rollup_owner; SELECT FROM enterprise.rollup_day; RESET ROLE');
    await rollBack(client, TEXT);
    assert.deepEqual(await owners(), ['rollup_owner']);
  });
});

test('views of others on the tables of before are named, and nothing is changed', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await migrate(client);
    await rollBack(client, TEXT);
    await client.query('CREATE VIEW of_days AS SELECT bucket, count FROM enterprise.rollup_day');
    await assert.rejects(
      migrate(client),
      /rollups that migration 021 replaces: of_days\. Drop them, migrate/,
    );
    await client.query('SELECT FROM of_days');
    await client.query('DROP VIEW of_days');
    await migrate(client);
    await client.query('CREATE VIEW of_days AS SELECT bucket, count FROM enterprise.rollup_day');
  });
});
