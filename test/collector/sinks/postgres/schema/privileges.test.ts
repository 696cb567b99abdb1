import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Client, PoolClient } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import type { Lend } from '../../../../../src/collector/sinks/postgres/connect/lend.ts';
import { createHistory } from '../../../../../src/collector/sinks/postgres/history/history.ts';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { Maintenance } from '../../../../../src/collector/sinks/postgres/schema/maintenance.ts';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { applyRetention } from '../../../../../src/collector/sinks/postgres/schema/retention.ts';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { storedEarlier } from '../../../../../src/collector/sinks/postgres/totals/earlier.ts';
import { type PostgresConfig, readConfig } from '../../../../../src/config/config.ts';
import { parseHistoryQuery } from '../../../../../src/core/history/parameters.ts';
import { SIGNALS } from '../../../../../src/core/signals/index.ts';
import { DAY_MS, HOUR_MS, MIB, milliseconds } from '../../../../../src/core/units.ts';
import { packageRoot } from '../../../../../src/platform/paths.ts';
import { unseen } from '../../../../support/measuring.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { oneOfEach, requestEvent } from '../events.ts';

const PATIENCE_MS = 60_000;
const SENDER = '00000000-0000-4000-8000-000000000009';
/** Signals whose rows are taken back and told again where a trace is decided anew. */
const CORRECTED = new Set(['request', 'llm-call', 'rag-query', 'ws-session']);
const DENIED = { code: '42501' };
let server: TestPostgres;
let database: PostgresConfig;

beforeAll(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  const [owner = '', ...roles] = documentedRoles();
  await server.using(database, (client) => client.query(owner));
  await as('nervecenter_owner', (client) => migrate(client));
  await server.using(database, (client) => client.query(roles.join('\n')));
});
afterAll(() => server.stop());

/** The SQL of the documentation's section on roles, for this database. */
function documentedRoles(): string[] {
  const documentation = readFileSync(join(packageRoot(), 'docs', 'storage.md'), 'utf8');
  const blocks = [...documentation.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = '']) => sql);
  assert.equal(blocks.length, 3);
  return blocks.map((sql) => sql.replace('DATABASE app', `DATABASE ${database.env['PGDATABASE']}`));
}

function connectionAs(role: string): PostgresConfig {
  return { connectionString: null, env: { ...database.env, PGUSER: role } };
}

function as<T>(role: string, work: (client: Client) => Promise<T>): Promise<T> {
  return server.using(database, async (client) => {
    await client.query(`SET SESSION AUTHORIZATION ${role}`);
    return work(client);
  });
}

test('a writer stores rows of every signal and does nothing else to the tables', async () => {
  const dataDir = reachableTempDir();
  const storage = createStorage({
    ...unseen(),
    config: { postgres: connectionAs('nervecenter_writer'), dataDir, spoolMaxBytes: MIB },
    log: () => {},
  });
  try {
    await storage.start();
    const events = oneOfEach();
    const stray = requestEvent({ timeMs: milliseconds(Date.now() - 5 * DAY_MS) });
    await storage.offer([...events, stray], [SENDER, 7]);
    assert.equal(await storage.flush(PATIENCE_MS), true);
    assert.equal(storage.counts().stored, events.length + 1);
  } finally {
    await storage.shutdown(PATIENCE_MS);
    rmSync(dataDir, { recursive: true, force: true });
  }
  await as('nervecenter_writer', async (client) => {
    const { totals, window, sent } = await storedEarlier(client);
    assert.ok(totals.length > 0 && window.length > 0, 'as a later start reads them');
    assert.deepEqual(sent, [[SENDER, 7]]);
    for (const [signal, { table }] of Object.entries(SIGNALS)) {
      const denied = CORRECTED.has(signal) ? [] : ['DELETE FROM'];
      for (const sql of ['DROP TABLE', 'TRUNCATE', ...denied]) {
        await assert.rejects(client.query(`${sql} enterprise.${table}`), DENIED, `${sql} ${table}`);
      }
    }
    await assert.rejects(client.query('CREATE TABLE enterprise.mine (x int)'), DENIED);
    await assert.rejects(client.query('UPDATE enterprise.request_metrics SET method = $1', ['x']), DENIED);
  });
});

test('a writer rolls up, late rows too, drops old rollups, and answers history from them', async () => {
  const lend: Lend = (work) => as('nervecenter_writer', (client) => work(client as unknown as PoolClient));
  const roll = async (nowMs: number, retentionMs = 400 * DAY_MS) => {
    const rollup = new Rollup({ lend, now: () => nowMs, retentionMs: () => retentionMs });
    assert.equal(await rollup.catchUp(), 'done');
  };
  const nowMs = Date.now() + 2 * HOUR_MS;
  await roll(nowMs);
  await as('nervecenter_writer', (client) =>
    client.query(`
      INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
      VALUES ('request', ARRAY[date_bin('1 minute', now() - interval '3 hours', 'epoch'::timestamptz)])`),
  );
  await roll(nowMs);
  const query = new URLSearchParams({ signal: 'request', measure: 'count', from: '-30d', step: '1d' });
  const answer = await createHistory(lend)(parseHistoryQuery(query, nowMs));
  assert.equal(answer.source, 'rollup_day');
  const counts = answer.series.flatMap(({ points }) => points.map(([, count]) => count ?? 0));
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    2,
  );
  await roll(nowMs + 40 * DAY_MS, DAY_MS);
  const left = await as('nervecenter_reader', (client) => client.query('SELECT FROM enterprise.rollup_hour'));
  assert.equal(left.rowCount, 0);
});

test('a writer’s maintenance says once whose job it is; the owner then does it', async () => {
  const lines: string[] = [];
  let runs = 0;
  const maintenance = new Maintenance({
    lend: (work) => {
      runs++;
      return as('nervecenter_writer', work);
    },
    policy: readConfig({}, import.meta.dirname),
    now: () => milliseconds(Date.now()),
    log: (_, line) => lines.push(line),
    intervalMs: 1,
  });
  await server.using(database, (client) =>
    client.query(`
      INSERT INTO enterprise.nervecenter_batches (writer, seq, stored_at)
      SELECT '00000000-0000-4000-8000-000000000002', n, now() - interval '9 days' FROM generate_series(1, 101) AS n;
      INSERT INTO enterprise.nervecenter_window (at, measured) VALUES (now() - interval '2 hours', '[]')`),
  );
  maintenance.start();
  await until(() => runs > 2);
  await maintenance.stop();
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /nervecenter prune/);
  await as('nervecenter_owner', async (client) => {
    const ledger = await client.query(
      `SELECT count(*)::int AS count FROM enterprise.nervecenter_batches WHERE seq = 1 AND writer::text LIKE '%0002'`,
    );
    assert.deepEqual(ledger.rows, [{ count: 0 }], 'the ledger is the writer’s own to prune');
    const window = await client.query(
      `SELECT FROM enterprise.nervecenter_window WHERE at < now() - interval '1 hour'`,
    );
    assert.equal(window.rowCount, 0);
    const strays = async () =>
      (await client.query('SELECT count(*)::int AS count FROM enterprise.request_metrics_default')).rows[0]
        .count;
    assert.equal(await strays(), 1);
    await applyRetention(client, readConfig({}, import.meta.dirname), milliseconds(Date.now()));
    assert.equal(await strays(), 0);
  });
});

test('a reader reads every table and changes nothing', async () => {
  await as('nervecenter_reader', async (client) => {
    const { rows } = await client.query('SELECT COUNT(*) FROM enterprise.system_metrics');
    assert.equal(rows[0].count, '1');
    await client.query('SELECT FROM enterprise.rollup_hour');
    await client.query('SELECT FROM enterprise.totals');
    await assert.rejects(
      client.query(`INSERT INTO enterprise.cache_metrics (cache_type) VALUES ('x')`),
      DENIED,
    );
    await assert.rejects(client.query('DELETE FROM enterprise.nervecenter_batches'), DENIED);
    await assert.rejects(client.query('UPDATE enterprise.totals SET sum = 0'), DENIED);
    await assert.rejects(client.query('DROP TABLE enterprise.rag_metrics'), DENIED);
  });
});
