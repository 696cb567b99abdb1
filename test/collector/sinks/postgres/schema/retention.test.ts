import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import {
  ensurePartitions,
  readPartitions,
} from '../../../../../src/collector/sinks/postgres/schema/partitions.ts';
import {
  applyRetention,
  describeDrops,
  pruneLedger,
  type RetentionPolicy,
} from '../../../../../src/collector/sinks/postgres/schema/retention.ts';
import { dayOf } from '../../../../../src/collector/sinks/postgres/schema/retention-policy.ts';
import { type PostgresConfig, readConfig } from '../../../../../src/config/config.ts';
import { SIGNALS } from '../../../../../src/core/signals/index.ts';
import { DAY_MS, MINUTE_MS, type Milliseconds, milliseconds } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const TABLES = Object.values(SIGNALS).map(({ table }) => table);
const TABLE = 'request_metrics';
const POLICY: RetentionPolicy = readConfig({}, import.meta.dirname);
/** Noon of the day on which the database was migrated, so that no test falls on two days. */
let NOW = milliseconds(Date.now());
const inDays = (days: number): Milliseconds => milliseconds(NOW + days * DAY_MS);
let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function migrated(): Promise<PostgresConfig> {
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    const [today] = await readPartitions(client, [TABLE]);
    NOW = milliseconds((today?.fromMs ?? 0) + DAY_MS / 2);
  });
  return database;
}

async function inMigrated(work: (client: Client) => Promise<void>): Promise<void> {
  await server.using(await migrated(), work);
}

/** This many rows at one point in time. */
async function addRows(client: Client, timeMs: number | string, count = 1, table = TABLE): Promise<void> {
  const values =
    table === TABLE
      ? `(timestamp, endpoint, method, status_code, response_time_ms) SELECT $1, '/' || n, 'GET', 200, n`
      : `(timestamp, cache_type) SELECT $1, 'rag'`;
  const time = typeof timeMs === 'string' ? timeMs : new Date(timeMs);
  await client.query(`INSERT INTO enterprise.${table} ${values} FROM generate_series(1, $2::int) AS n`, [
    time,
    count,
  ]);
}

async function countOf(client: Client, table: string): Promise<number> {
  const { rows } = await client.query(`SELECT count(*)::int AS count FROM enterprise.${table}`);
  return rows[0].count;
}

/** Days from today that have a partition. */
async function partitionDays(client: Client, table = TABLE): Promise<number[]> {
  return (await readPartitions(client, [table])).map(({ fromMs }) => (fromMs - dayOf(NOW)) / DAY_MS);
}

test('a migrated database has today and three days ahead in every table, and needs no more', async () => {
  await inMigrated(async (client) => {
    for (const table of TABLES) assert.deepEqual(await partitionDays(client, table), [0, 1, 2, 3]);
    const { made } = await applyRetention(client, POLICY, NOW);
    assert.deepEqual(made, []);
  });
});

test('days ahead are made as time goes by, and have the indexes of their table', async () => {
  await inMigrated(async (client) => {
    const { made } = await applyRetention(client, POLICY, inDays(2));
    assert.equal(made.length, TABLES.length * 2);
    assert.deepEqual(await partitionDays(client), [0, 1, 2, 3, 4, 5]);
    const { rows } = await client.query(
      `SELECT indexdef FROM pg_indexes WHERE tablename = $1 ORDER BY indexdef DESC`,
      [made.find((name) => name.startsWith(TABLE))],
    );
    assert.match(rows[0].indexdef, /^CREATE UNIQUE INDEX .*\(id, "timestamp"\)$/);
    assert.match(rows[1].indexdef, /\(trace_id varchar_pattern_ops\) WHERE \(trace_id IS NOT NULL\)$/);
    assert.match(rows[2].indexdef, /\("timestamp" DESC\)$/);
    assert.equal(rows.length, 3);
  });
});

test('rows that had no partition move into their day, once there is one', async () => {
  await inMigrated(async (client) => {
    await addRows(client, inDays(-5), 10);
    await addRows(client, inDays(-2), 20);
    await addRows(client, inDays(5), 30);
    await addRows(client, 'infinity');
    assert.equal(await countOf(client, `${TABLE}_default`), 61);
    await applyRetention(client, POLICY, NOW);
    assert.equal(await countOf(client, `${TABLE}_default`), 31, 'the far future waits');
    assert.deepEqual(await partitionDays(client), [-5, -2, 0, 1, 2, 3]);
    await applyRetention(client, POLICY, inDays(4));
    assert.equal(await countOf(client, `${TABLE}_default`), 1);
    assert.equal(await countOf(client, TABLE), 61);
  });
});

test('whole days go when they are past their table’s retention, and their space comes back', async () => {
  await inMigrated(async (client) => {
    const size = async () => {
      const { rows } = await client.query(
        `SELECT sum(pg_total_relation_size(inhrelid))::float8 AS bytes FROM pg_inherits WHERE inhparent = 'enterprise.${TABLE}'::regclass`,
      );
      return rows[0].bytes as number;
    };
    await addRows(client, NOW, 100);
    await applyRetention(client, POLICY, NOW);
    const small = await size();
    await addRows(client, inDays(1), 20_000);
    await addRows(client, NOW, 10, 'cache_metrics');
    const full = await size();
    assert.ok(full > small + 1_000_000);

    const week = await applyRetention(client, POLICY, inDays(8));
    assert.deepEqual(
      week.expired.map(({ table }) => table).sort(),
      ['cache_metrics', 'spans', 'system_metrics'],
      'kept for 7 days; all others longer',
    );
    assert.equal(await countOf(client, 'cache_metrics'), 0);
    assert.equal(await countOf(client, TABLE), 20_100);

    const month = await applyRetention(client, POLICY, inDays(32));
    assert.equal(await countOf(client, TABLE), 0);
    assert.match(
      describeDrops(month) ?? '',
      /^Dropped \d+ daily partitions past their retention \(\d+\.\d MiB\)\.$/,
    );
    assert.ok((await size()) < small + 200_000, 'what is left are empty partitions');
    assert.equal(describeDrops(await applyRetention(client, POLICY, inDays(32))), null);
  });
});

test('rows past their retention without a partition go too, and those beside them stay', async () => {
  await inMigrated(async (client) => {
    await addRows(client, '1970-01-01', 500);
    await addRows(client, '-infinity', 1);
    await addRows(client, inDays(400), 7);
    const { strayRows, made } = await applyRetention(client, POLICY, NOW);
    assert.equal(strayRows, 501);
    assert.deepEqual(made, [], 'no partition is made only to be dropped');
    assert.equal(await countOf(client, TABLE), 7);
  });
});

test('the room for all rows is kept by dropping the oldest days of all tables, never today', async () => {
  await inMigrated(async (client) => {
    await addRows(client, NOW, 2000);
    await addRows(client, inDays(-1), 2000);
    await addRows(client, inDays(-2), 2000);
    await addRows(client, inDays(-3), 2000, 'cache_metrics');
    const { bytes } = await applyRetention(client, POLICY, NOW);
    const slightly = await applyRetention(client, { ...POLICY, storageMaxBytes: bytes - 1 }, NOW);
    assert.deepEqual(
      slightly.evicted.map(({ table }) => table),
      ['cache_metrics'],
    );
    assert.ok(slightly.bytes < bytes);
    const severely = await applyRetention(client, { ...POLICY, storageMaxBytes: 1 }, NOW);
    assert.equal(severely.evicted.length, 2);
    assert.equal(await countOf(client, TABLE), 2000);
    assert.match(describeDrops(severely) ?? '', /2 daily partitions over NERVECENTER_STORAGE_MAX_BYTES/);
  });
});

test('tables of others in the schema are neither counted nor touched', async () => {
  await inMigrated(async (client) => {
    const { bytes } = await applyRetention(client, POLICY, NOW);
    await client.query(`
      CREATE TABLE enterprise.invoices AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 5000) AS n`);
    const after = await applyRetention(client, { ...POLICY, storageMaxBytes: bytes }, inDays(365));
    assert.equal(await countOf(client, 'invoices'), 5000);
    assert.ok(after.bytes <= bytes + 1_000_000);
  });
});

test('the ledger forgets what is older than a week, but never a writer’s last batches', async () => {
  await inMigrated(async (client) => {
    await client.query(`
      INSERT INTO enterprise.nervecenter_batches (writer, seq, stored_at)
      SELECT gen_random_uuid(), n, now() - interval '1 year' FROM generate_series(1, 3) AS n;
      INSERT INTO enterprise.nervecenter_batches (writer, seq, stored_at)
      SELECT '00000000-0000-4000-8000-000000000001', n, now() - interval '8 days' FROM generate_series(1, 500) AS n;
      INSERT INTO enterprise.nervecenter_batches (writer, seq)
      SELECT '00000000-0000-4000-8000-000000000001', n FROM generate_series(501, 550) AS n`);
    assert.equal(await pruneLedger(client, NOW), 450);
    assert.equal(await countOf(client, 'nervecenter_batches'), 103);
    assert.equal(await pruneLedger(client, NOW), 0);
  });
});

test('processes that send nothing any more and the window of before are forgotten with the ledger', async () => {
  await inMigrated(async (client) => {
    const at = (ms: number) => `to_timestamp(${ms / 1000})`;
    await client.query(`
      INSERT INTO enterprise.nervecenter_senders (instance_id, batch, seen_at)
      VALUES (gen_random_uuid(), 1, ${at(inDays(-8))}), (gen_random_uuid(), 2, ${at(inDays(-6))});
      INSERT INTO enterprise.nervecenter_window (at, measured)
      VALUES (${at(NOW - 61 * MINUTE_MS)}, '[]'), (${at(NOW - 59 * MINUTE_MS)}, '[]')`);
    await pruneLedger(client, NOW);
    const { rows } = await client.query('SELECT batch FROM enterprise.nervecenter_senders');
    assert.deepEqual(rows, [{ batch: '2' }]);
    assert.equal(await countOf(client, 'nervecenter_window'), 1);
  });
});

test('digests of requests are forgotten an hour before the last batch, processes that sent as little since are not', async () => {
  await inMigrated(async (client) => {
    const digest = '0190b0c0-0000-8000-8000-00000000000';
    await client.query(`
      INSERT INTO enterprise.nervecenter_senders (instance_id, batch, seen_at)
      SELECT instance_id::uuid, batch, to_timestamp(${inDays(-3) / 1000}) - age::interval FROM (VALUES
        ('${digest}1', 1, '61 minutes'), (gen_random_uuid()::text, 2, '61 minutes'),
        ('${digest}2', 3, '59 minutes'), (gen_random_uuid()::text, 4, '0 minutes')) AS sent(instance_id, batch, age);
      INSERT INTO enterprise.nervecenter_senders (instance_id, batch, seen_at)
      SELECT overlay(md5(n::text) PLACING '8' FROM 13)::uuid, 5, to_timestamp(${inDays(-4) / 1000})
      FROM generate_series(1, 300000) AS n`);
    await pruneLedger(client, NOW);
    const { rows } = await client.query(
      'SELECT batch::int FROM enterprise.nervecenter_senders ORDER BY batch',
    );
    assert.deepEqual(rows, [{ batch: 2 }, { batch: 3 }, { batch: 4 }]);
  });
});

test('totals take room as well', async () => {
  await inMigrated(async (client) => {
    const { bytes: before } = await applyRetention(client, POLICY, NOW);
    await client.query(`
      INSERT INTO enterprise.totals (metric, series, attributes, count, sum, zero_count)
      SELECT 'm', md5(n::text), '{}', 0, 1, 0 FROM generate_series(1, 5000) AS n`);
    const { bytes } = await applyRetention(client, POLICY, NOW);
    assert.ok(bytes > before + 300_000, `${before} to ${bytes}`);
  });
});

test('many at once, while rows arrive: each partition is made once, no row is refused or lost', async () => {
  const database = await migrated();
  const workers = 4;
  const writers = 3;
  const batches = 40;
  let writing = writers;
  const write = () =>
    server.using(database, async (client) => {
      // Each batch holds a day without a partition, so that it meets the moment at which one appears.
      for (let n = 0; n < batches; n++) {
        await client.query('BEGIN');
        await addRows(client, inDays(-1 - (n % 20)), 5);
        await addRows(client, inDays(-1 - (n % 5)), 5, 'cache_metrics');
        await client.query('COMMIT');
      }
      writing--;
    });
  const maintain = () =>
    server.using(database, async (client) => {
      const made: string[] = [];
      do made.push(...(await applyRetention(client, POLICY, NOW)).made);
      while (writing > 0);
      return made;
    });
  const [made] = await Promise.all([
    Promise.all(Array.from({ length: workers }, maintain)),
    Promise.all(Array.from({ length: writers }, write)),
  ]);
  await server.using(database, async (client) => {
    const names = [...made.flat(), ...(await applyRetention(client, POLICY, NOW)).made];
    assert.equal(new Set(names).size, names.length, 'nobody made what another had made');
    assert.equal(names.filter((name) => name.startsWith(TABLE)).length, 20);
    assert.equal(await countOf(client, TABLE), writers * batches * 5);
    assert.equal(await countOf(client, 'cache_metrics'), writers * batches * 5);
    assert.equal(await countOf(client, `${TABLE}_default`), 0);
  });
});

test('a partition that somebody made by hand is used as it is', async () => {
  await inMigrated(async (client) => {
    const from = new Date(dayOf(inDays(4))).toISOString();
    const to = new Date(dayOf(inDays(34))).toISOString();
    await client.query(
      `CREATE TABLE enterprise.a_month PARTITION OF enterprise.${TABLE} FOR VALUES FROM ('${from}') TO ('${to}')`,
    );
    assert.deepEqual(await ensurePartitions(client, TABLE, inDays(-30), inDays(10)), []);
  });
});

test('what is dropped is said to the rollups before, so that they are not made anew from what is left', async () => {
  await inMigrated(async (client) => {
    await addRows(client, inDays(-3));
    await ensurePartitions(client, TABLE, dayOf(inDays(-30)), NOW);
    await client.query(
      `INSERT INTO enterprise.nervecenter_rollup_state (signal, minute_watermark, hour_watermark) VALUES ('request', now(), now()), ('cache', now(), now())`,
    );
    await applyRetention(client, { ...POLICY, storageMaxBytes: 1 }, NOW);
    const { rows } = await client.query(
      'SELECT signal, rows_from FROM enterprise.nervecenter_rollup_state ORDER BY signal',
    );
    assert.deepEqual(rows, [
      { signal: 'cache', rows_from: null },
      { signal: 'request', rows_from: new Date(dayOf(inDays(-2))) },
    ]);
  });
});
