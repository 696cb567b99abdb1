import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import {
  type Migration,
  migrate,
  readMigrations,
  schemaStatus,
} from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { SIGNALS } from '../../../../../src/core/signals/index.ts';
import { packageRoot } from '../../../../../src/platform/paths.ts';
import { until } from '../../../../support/poll.ts';
import { poolOf, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const PROCESSES = 20;
/** Types that the catalogue calls by their long names. */
const SQL_NAMES: Readonly<Record<string, string>> = {
  varchar: 'character varying',
  timestamptz: 'timestamp with time zone',
};
let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function inNewDatabase<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return server.using(await server.createDatabase(), work);
}

/** The migration as the specification has it: no schema, indexes that cannot be made twice. */
function specMigration(): string {
  const sql = readFileSync(join(packageRoot(), 'migrations/007_observability_tables.sql'), 'utf8');
  return sql.replaceAll('CREATE INDEX IF NOT EXISTS', 'CREATE INDEX');
}

test('every column of every signal exists with its type', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    const { rows } = await client.query<{ table: string; column: string; type: string }>(`
      SELECT table_name AS table, column_name AS column, data_type AS type
      FROM information_schema.columns WHERE table_schema = 'enterprise'`);
    const found = new Map(rows.map(({ table, column, type }) => [`${table}.${column}`, type]));
    for (const signal of Object.values(SIGNALS)) {
      for (const { name, type } of signal.columns) {
        const actual = found.get(`${signal.table}.${name}`);
        assert.equal(actual, SQL_NAMES[type] ?? type, `${signal.table}.${name}`);
      }
    }
  });
});

test('columns beyond the specification are nullable, so that foreign writers stay valid', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    await client.query(
      `INSERT INTO enterprise.llm_call_metrics (model, provider, elapsed_ms) VALUES ('m', 'p', 1)`,
    );
    await client.query('INSERT INTO enterprise.rag_metrics (total_ms) VALUES (1)');
  });
});

test('migrating again changes nothing', async () => {
  await inNewDatabase(async (client) => {
    const first = await migrate(client);
    assert.deepEqual(
      first.map(({ number }) => number),
      readMigrations().map(({ number }) => number),
    );
    assert.deepEqual(await migrate(client), []);
    const status = await schemaStatus(client);
    assert.deepEqual(status.pending, []);
    assert.equal(status.applied[0]?.name, 'observability_tables');
  });
});

test('an empty database has everything pending', async () => {
  const status = await inNewDatabase((client) => schemaStatus(client));
  assert.deepEqual(status.applied, []);
  assert.equal(status.pending.length, readMigrations().length);
});

test(`${PROCESSES} at once apply each migration once`, async () => {
  const database = await server.createDatabase();
  // In two waves of ten, because the server allows twenty connections in all.
  const migrateIn = () => server.using(database, (client) => migrate(client));
  const wave = () => Promise.all(Array.from({ length: PROCESSES / 2 }, migrateIn));
  const results = [...(await wave()), ...(await wave())];
  const numbers = results.flatMap((applied) => applied.map(({ number }) => number)).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    readMigrations().map(({ number }) => number),
  );
});

test("a database that already went through the specification's migration keeps its rows", async () => {
  await inNewDatabase(async (client) => {
    await client.query('CREATE SCHEMA enterprise');
    await client.query(specMigration());
    await client.query(
      `INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms) VALUES ('/', 'GET', 200, 1)`,
    );
    await migrate(client);
    const { rows } = await client.query('SELECT endpoint FROM enterprise.request_metrics');
    assert.deepEqual(rows, [{ endpoint: '/' }]);
    assert.deepEqual((await schemaStatus(client)).pending, []);
  });
});

test('a newer schema is refused with both numbers and the remedy', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    await client.query(`INSERT INTO enterprise.nervecenter_migrations (number, name) VALUES (999, 'future')`);
    const newest = readMigrations().at(-1)?.number;
    await assert.rejects(migrate(client), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'NC_SCHEMA_NEWER');
      assert.match(error.message, /999/);
      assert.match(error.message, new RegExp(`up to ${newest}\\b`));
      assert.match(error.message, /Upgrade nervecenter/);
      return true;
    });
  });
});

test('a migration that fails leaves nothing behind and those before it in place', async () => {
  await inNewDatabase(async (client) => {
    const broken: Migration[] = [
      { number: 1, name: 'good', sql: 'CREATE SCHEMA enterprise; CREATE TABLE enterprise.a (x int)' },
      { number: 2, name: 'bad', sql: 'CREATE TABLE enterprise.b (x int); SELECT 1 / 0' },
    ];
    await assert.rejects(migrate(client, broken), /division by zero/);
    const status = await schemaStatus(client, broken);
    assert.deepEqual(
      status.pending.map(({ number }) => number),
      [2],
    );
    const { rows } = await client.query(
      `SELECT to_regclass('enterprise.a') IS NOT NULL AS a, to_regclass('enterprise.b') IS NOT NULL AS b`,
    );
    assert.deepEqual(rows, [{ a: true, b: false }]);
  });
});

test('a role that may write rows and no more can start on a migrated database', async () => {
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    await client.query(`
      CREATE ROLE rows_only;
      GRANT USAGE ON SCHEMA enterprise TO rows_only;
      GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA enterprise TO rows_only;
      SET ROLE rows_only`);
    assert.deepEqual(await migrate(client), []);
  });
});

test('indexes by trace are made anew beside writers and whoever reads for long: both go on, and every row is kept', async () => {
  const REMADE = 25;
  const database = await server.createDatabase();
  const pool = poolOf(database);
  const reader = new Client(pool.options);
  const traces: string[] = [];
  const write = async () => {
    const traceId = randomUUID().replaceAll('-', '');
    await pool.query(
      `INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms, trace_id)
       VALUES ('/', 'GET', 200, 1, $1)`,
      [traceId],
    );
    traces.push(traceId);
  };
  try {
    await server.using(database, (client) =>
      migrate(
        client,
        readMigrations().filter(({ number }) => number < REMADE),
      ),
    );
    await reader.connect();
    await reader.query('BEGIN; SELECT FROM enterprise.request_metrics LIMIT 1'); // As an export does.
    let done = false;
    const migrated = server
      .using(database, (client) => migrate(client))
      .finally(() => {
        done = true;
      });
    await until(async () => {
      const { rowCount } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
      );
      return rowCount;
    });
    for (let row = 0; row < 20; row++) await write(); // None of them waits behind the migration.
    assert.equal(done, false);
    await reader.query('COMMIT');
    await reader.end();
    while (!done) await write();
    assert.deepEqual(
      (await migrated).map(({ number }) => number),
      readMigrations().flatMap(({ number }) => (number < REMADE ? [] : [number])),
    );
    const { rows } = await pool.query<{ stored: number }>(
      'SELECT count(*)::int AS stored FROM enterprise.request_metrics WHERE trace_id = ANY ($1)',
      [traces],
    );
    assert.equal(rows[0]?.stored, traces.length);
  } finally {
    await reader.end();
    await pool.end();
  }
});
