import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { dumpSchema, SCHEMA_PATH } from '../../../../../scripts/dump-schema.ts';
import {
  label,
  migrate,
  readMigrations,
  readRollbacks,
  rollBack,
  schemaStatus,
} from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const PLAIN = 9;
const ROWS_FROM = 24;
let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function inNewDatabase<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return server.using(await server.createDatabase(), work);
}

test('migrations/schema.sql is what the migrations make', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    assert.equal(
      await dumpSchema(client),
      readFileSync(SCHEMA_PATH, 'utf8'),
      'run `node scripts/dump-schema.ts` and review the difference',
    );
  });
});

for (const [when, made] of [
  ['before', ''],
  [
    'while',
    `ALTER TABLE enterprise.nervecenter_rollup_state ADD COLUMN rows_from TIMESTAMPTZ;
     CREATE INDEX rollup_value_value ON enterprise.rollup_value (value)`,
  ],
] as const) {
  test(`a database that was migrated ${when} migration 021 made what 024 makes ends in the same schema`, async () => {
    await inNewDatabase(async (client) => {
      await migrate(
        client,
        readMigrations().filter(({ number }) => number < ROWS_FROM),
      );
      await client.query(made);
      await migrate(client);
      assert.equal(await dumpSchema(client), readFileSync(SCHEMA_PATH, 'utf8'));
      await rollBack(client, 0);
    });
  });
}

test('every migration has its rollback', () => {
  assert.deepEqual(readRollbacks().map(label), readMigrations().map(label));
});

test('undoing a migration leaves the schema as it was before it, and it can be done again', async () => {
  const migrations = readMigrations();
  await inNewDatabase(async (client) => {
    const before = new Map<number, string>();
    for (const { number } of migrations) {
      before.set(number, await dumpSchemaIfAny(client));
      await migrate(
        client,
        migrations.filter((one) => one.number <= number),
      );
    }
    const complete = await dumpSchema(client);
    for (const { number } of migrations.toReversed()) {
      const undone = await rollBack(client, number - 1);
      assert.deepEqual(
        undone.map((one) => one.number),
        [number],
      );
      assert.equal(await dumpSchemaIfAny(client), before.get(number), `undone ${number}`);
    }
    assert.deepEqual((await schemaStatus(client)).applied, []);
    await migrate(client);
    assert.equal(await dumpSchema(client), complete);
  });
});

/** Empty where there is no table: the schema itself stays when all is undone. */
async function dumpSchemaIfAny(client: Client): Promise<string> {
  const { rowCount } = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'enterprise'`);
  const dump = rowCount === 0 ? '' : await dumpSchema(client);
  return /CREATE TABLE/.test(dump) ? dump : '';
}

test('going back to plain tables keeps every row', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    await client.query(`
      INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
      SELECT now() - n * interval '1 hour', '/', 'GET', 200, n FROM generate_series(1, 1000) AS n`);
    const rows = async () =>
      (
        await client.query(
          'SELECT id, timestamp, response_time_ms FROM enterprise.request_metrics ORDER BY id',
        )
      ).rows as unknown[];
    const before = await rows();
    await rollBack(client, PLAIN);
    assert.deepEqual(await rows(), before);
    await migrate(client);
    assert.deepEqual(await rows(), before);
  });
});

test('all the way back is the specification’s rollback: its five tables are gone, others stay', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    await client.query('CREATE TABLE enterprise.users (id int)');
    await rollBack(client, 0);
    const { rows } = await client.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'enterprise'`);
    assert.deepEqual(rows, [{ tablename: 'users' }]);
  });
});

test('two at once undo each migration once', async () => {
  const database = await server.createDatabase();
  await server.using(database, (client) => migrate(client));
  const undo = () => server.using(database, (client) => rollBack(client, 0));
  const undone = (await Promise.all([undo(), undo()])).flat().map(label).sort();
  assert.deepEqual(undone, readMigrations().map(label));
});

test('a rollback that fails changes nothing, and what a newer version made is left to it', async () => {
  await inNewDatabase(async (client) => {
    await migrate(client);
    const broken = readRollbacks().map((one) => ({ ...one, sql: `${one.sql}; SELECT 1 / 0` }));
    const before = await dumpSchema(client);
    await assert.rejects(rollBack(client, 0, broken), /division by zero/);
    assert.equal(await dumpSchema(client), before);
    assert.deepEqual((await schemaStatus(client)).pending, []);
    await client.query(`INSERT INTO enterprise.nervecenter_migrations (number, name) VALUES (999, 'future')`);
    await assert.rejects(rollBack(client, 0), { code: 'NC_SCHEMA_NEWER' });
  });
});
