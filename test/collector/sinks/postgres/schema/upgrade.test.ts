import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { createSpecSchema, fillSpecTables, SPEC_TABLES, specColumns } from './spec-rows.ts';

const ROWS_PER_TABLE = 40_000;
const DAYS = 120;
/** The migration makes daily partitions for these; older rows wait in the default partition. */
const DAYS_PARTITIONED = 100;
let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function inSpecDatabase(work: (client: Client) => Promise<void>): Promise<void> {
  await server.using(await server.createDatabase(), async (client) => {
    await createSpecSchema(client);
    await work(client);
  });
}

/** Per table the count and a checksum over every column the specification has, whatever the order of rows. */
async function fingerprints(client: Client): Promise<unknown[]> {
  const { rows } = await client.query(
    SPEC_TABLES.map(
      (table) =>
        `SELECT '${table}' AS name, count(*), sum(hashtextextended(row(${specColumns(table).join(', ')})::text, 0))
         FROM enterprise.${table}`,
    ).join(' UNION ALL '),
  );
  return rows;
}

test('a filled database of the specification keeps every row and column, now in daily partitions', async () => {
  await inSpecDatabase(async (client) => {
    await fillSpecTables(client, ROWS_PER_TABLE, DAYS);
    const before = await fingerprints(client);
    await migrate(client);
    assert.deepEqual(await fingerprints(client), before);

    const verification = await client.query('SELECT COUNT(*) FROM enterprise.system_metrics');
    assert.deepEqual(verification.rows, [{ count: String(ROWS_PER_TABLE) }]);
    for (const table of SPEC_TABLES) {
      const { rows } = await client.query(
        `SELECT count(*)::int AS partitions, bool_or(days > 1) AS mixed FROM (
           SELECT tableoid, count(DISTINCT date_trunc('day', timestamp AT TIME ZONE 'UTC')) AS days
           FROM enterprise.${table} WHERE tableoid <> $1::regclass GROUP BY tableoid) AS by_partition`,
        [`enterprise.${table}_default`],
      );
      assert.ok(rows[0].partitions >= DAYS_PARTITIONED && rows[0].partitions <= DAYS_PARTITIONED + 2);
      assert.equal(rows[0].mixed, false, 'a partition holds one day');
    }
  });
});

test('columns keep their place, type, default and nullability', async () => {
  await inSpecDatabase(async (client) => {
    const columns = async () => {
      const { rows } = await client.query(
        `SELECT table_name, ordinal_position, column_name, data_type, character_maximum_length, numeric_precision,
                numeric_scale, column_default, is_nullable
         FROM information_schema.columns WHERE table_schema = 'enterprise' AND table_name = ANY ($1) ORDER BY 1, 2`,
        [SPEC_TABLES],
      );
      return rows;
    };
    const before = await columns();
    await migrate(client);
    const names = new Set(
      SPEC_TABLES.flatMap((table) => specColumns(table).map((name) => `${table}.${name}`)),
    );
    const after = (await columns()).filter(({ table_name, column_name }) =>
      names.has(`${table_name}.${column_name}`),
    );
    assert.deepEqual(after, before);
    await client.query('INSERT INTO enterprise.cache_metrics (cache_type) VALUES ($1)', ['rag']);
    const { rows } = await client.query('SELECT id, timestamp, hits FROM enterprise.cache_metrics');
    assert.match(rows[0].id, /^[0-9a-f-]{36}$/);
    assert.equal(rows[0].hits, 0);
  });
});

test('owner, privileges and indexes of others survive', async () => {
  await inSpecDatabase(async (client) => {
    await client.query(`
      CREATE ROLE table_owner; CREATE ROLE analyst;
      GRANT CREATE, USAGE ON SCHEMA enterprise TO table_owner;
      ALTER TABLE enterprise.rag_metrics OWNER TO table_owner;
      GRANT SELECT ON enterprise.rag_metrics TO analyst;
      GRANT INSERT ON enterprise.rag_metrics TO analyst WITH GRANT OPTION;
      CREATE INDEX by_hash ON enterprise.rag_metrics (query_hash) WHERE query_hash IS NOT NULL`);
    await migrate(client);
    const { rows } = await client.query(`
      SELECT array_agg(DISTINCT pg_get_userbyid(relowner)::text) AS owners,
             has_table_privilege('analyst', 'enterprise.rag_metrics', 'SELECT, INSERT WITH GRANT OPTION') AS granted,
             has_table_privilege('analyst', 'enterprise.rag_metrics', 'DELETE') AS more
      FROM pg_class WHERE relnamespace = 'enterprise'::regnamespace AND relname LIKE 'rag_metrics%' AND relkind IN ('r', 'p')`);
    assert.deepEqual(rows, [{ owners: ['table_owner'], granted: true, more: false }]);
    const indexes = await client.query(
      `SELECT indexname FROM pg_indexes WHERE schemaname = 'enterprise' AND tablename = 'rag_metrics' ORDER BY 1`,
    );
    assert.deepEqual(
      indexes.rows.map(({ indexname }) => indexname),
      ['by_hash', 'idx_rag_metrics_trace', 'idx_rag_metrics_ts', 'rag_metrics_pkey'],
    );
  });
});

test('rows outside the calendar’s near past and future are kept too', async () => {
  await inSpecDatabase(async (client) => {
    await client.query(`
      INSERT INTO enterprise.cache_metrics (cache_type, timestamp)
      VALUES ('a', '1970-01-01'), ('b', '2199-01-01'), ('c', 'infinity'), ('d', '-infinity'), ('e', now())`);
    await migrate(client);
    const { rows } = await client.query('SELECT cache_type FROM enterprise.cache_metrics ORDER BY 1');
    assert.deepEqual(
      rows.map(({ cache_type }) => cache_type),
      ['a', 'b', 'c', 'd', 'e'],
    );
  });
});

test('days are those of UTC, whatever the session’s zone and date style', async () => {
  await inSpecDatabase(async (client) => {
    await client.query(`
      SET TIME ZONE 'Asia/Kolkata'; SET datestyle = 'SQL, DMY';
      INSERT INTO enterprise.cache_metrics (cache_type, timestamp)
      SELECT 'rag', now() - n * interval '1 hour' FROM generate_series(0, 72) AS n`);
    await migrate(client);
    const { rows } = await client.query(`
      SELECT DISTINCT tableoid::regclass::text AS partition, to_char(timestamp AT TIME ZONE 'UTC', 'YYYYMMDD') AS day
      FROM enterprise.cache_metrics`);
    assert.ok(rows.length >= 4);
    for (const { partition, day } of rows) assert.equal(partition, `enterprise.cache_metrics_p${day}`);
  });
});

test('what hangs on a table is not lost silently: the migration names it and changes nothing', async () => {
  await inSpecDatabase(async (client) => {
    await client.query('CREATE VIEW enterprise.busy AS SELECT * FROM enterprise.request_metrics');
    await assert.rejects(migrate(client), /request_metrics cannot be partitioned while it has: view .*busy/);
    const { rows } = await client.query(
      `SELECT relkind FROM pg_class WHERE oid = 'enterprise.request_metrics'::regclass`,
    );
    assert.deepEqual(rows, [{ relkind: 'r' }]);
    await client.query('DROP VIEW enterprise.busy');
    await migrate(client);
  });
});
