import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { clientOf } from '../../../../../src/collector/sinks/postgres/connect/schema.ts';
import { createHistory } from '../../../../../src/collector/sinks/postgres/history/history.ts';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { migrate, rollBack } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { applyRetention } from '../../../../../src/collector/sinks/postgres/schema/retention.ts';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { type PostgresConfig, readConfig } from '../../../../../src/config/config.ts';
import { parseHistoryQuery } from '../../../../../src/core/history/parameters.ts';
import { DAY_MS, HOUR_MS, MIB, milliseconds } from '../../../../../src/core/units.ts';
import { packageRoot } from '../../../../../src/platform/paths.ts';
import { unseen } from '../../../../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { oneOfEach, requestEvent } from '../events.ts';

const SCHEMA = 'observability';
const PATIENCE_MS = 60_000;
/** Values that read as the default schema does, in a name and alone. */
const LOOKALIKES = {
  route: '/enterprise.html',
  department: 'enterprise',
  userEmail: "o'enterprise.x@example.com",
};

let server: TestPostgres;
let database: PostgresConfig;

beforeAll(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
});
afterAll(() => server.stop());

async function withClient<T>(
  work: (client: InstanceType<ReturnType<typeof clientOf>>) => Promise<T>,
): Promise<T> {
  const { PGHOST = '', PGPORT, PGUSER = '', PGDATABASE = '' } = database.env;
  const client = new (clientOf(SCHEMA))({
    host: PGHOST,
    port: Number(PGPORT),
    user: PGUSER,
    database: PGDATABASE,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test('rows, rollups, history and retention are in the schema that is named, and values that read like it stay', async () => {
  const dataDir = reachableTempDir();
  const storage = createStorage({
    ...unseen(),
    config: { postgres: database, schema: SCHEMA, dataDir, spoolMaxBytes: MIB },
    log: () => {},
  });
  const lookalike = requestEvent(LOOKALIKES);
  const old = requestEvent({ timeMs: milliseconds(Date.now() - 60 * DAY_MS) });
  try {
    await storage.start();
    await storage.offer([...oneOfEach(), lookalike, old]);
    assert.equal(await storage.flush(PATIENCE_MS), true);
    const nowMs = Date.now() + 2 * HOUR_MS;
    const rollup = new Rollup({
      lend: (work) => storage.lend(work),
      now: () => nowMs,
      retentionMs: () => 400 * DAY_MS,
    });
    assert.equal(await rollup.catchUp(), 'done');
    const history = createHistory((work) => storage.lend(work));
    const query = new URLSearchParams({
      signal: 'request',
      measure: 'count',
      from: '-2d',
      step: '1h',
      group_by: 'department',
    });
    const { series } = await history(parseHistoryQuery(query, nowMs));
    assert.ok(
      series.some(({ group }) => group['department'] === LOOKALIKES.department),
      JSON.stringify(series.map(({ group }) => group)),
    );
  } finally {
    await storage.shutdown(PATIENCE_MS);
    rmSync(dataDir, { recursive: true, force: true });
  }
  await withClient(async (client) => {
    const stored = await client.query(
      'SELECT endpoint, department, user_email FROM enterprise.request_metrics WHERE id = $1',
      [lookalike.id],
    );
    assert.deepEqual(Object.values(stored.rows[0] ?? {}), Object.values(LOOKALIKES));
    const totals = await client.query(
      "SELECT FROM enterprise.totals WHERE attributes->>'http.route' = '/enterprise.html'",
    );
    assert.ok((totals.rowCount ?? 0) > 0);
    const { strayRows } = await applyRetention(
      client,
      readConfig({}, import.meta.dirname),
      milliseconds(Date.now()),
    );
    assert.equal(strayRows, 1);
  });
  assert.deepEqual(await schemas(), [SCHEMA]);
});

test('commands have it as well, and an export names it', async () => {
  const env = { ...process.env, ...database.env, NERVECENTER_SCHEMA: SCHEMA, NERVECENTER_ALERTS: '' };
  const run = (...args: string[]) =>
    execFileSync(process.execPath, [join(packageRoot(), 'src', 'cli.ts'), ...args], {
      env,
      encoding: 'utf8',
    });
  assert.match(run('migrate'), /none pending/);
  assert.match(run('migrate', '--dry-run'), /0 pending/);
  const script = run('export');
  assert.doesNotMatch(script, /enterprise\.["\w]*(?:metrics|nervecenter|rollup|spans|totals)/);
  assert.match(script, /COPY observability\."request_metrics"/);
});

test('it can be undone', async () => {
  await withClient(async (client) => {
    await rollBack(client, 0);
    const { rows } = await client.query('SELECT FROM pg_tables WHERE schemaname = $1', [SCHEMA]);
    assert.equal(rows.length, 0);
    assert.ok((await migrate(client)).length > 0);
  });
  assert.deepEqual(await schemas(), [SCHEMA]);
});

/** Those in the database that are not the server's own. */
function schemas(): Promise<string[]> {
  return server.using(database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' ORDER BY 1",
    );
    return rows.map(({ name }) => name);
  });
}
