import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool, type PoolClient } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAlertRule } from '../../src/collector/alerts/parse-rule.ts';
import { AlertService } from '../../src/collector/alerts/service.ts';
import { createAlertStore } from '../../src/collector/sinks/postgres/alert-store.ts';
import type { Lend } from '../../src/collector/sinks/postgres/connect/lend.ts';
import { createHistory } from '../../src/collector/sinks/postgres/history/history.ts';
import { keepRollups } from '../../src/collector/sinks/postgres/rollup/upkeep.ts';
import type { PostgresConfig } from '../../src/config/config.ts';
import { packageRoot } from '../../src/platform/paths.ts';
import { FedCollector } from '../collector/restart/fed-collector.ts';
import { requestEvent } from '../collector/sinks/postgres/events.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { contents } from './exporting.ts';

const CLI = join(packageRoot(), 'src', 'cli.ts');
const USER = 'ada@example.com';
let server: TestPostgres;
let cwd: string;

beforeAll(async () => {
  server = await startPostgres();
  cwd = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
});

function nervecenter(
  database: PostgresConfig | null,
  args: readonly string[],
  settings: Record<string, string> = {},
) {
  const own = { PATH: process.env['PATH'], NERVECENTER_DATA_DIR: join(cwd, 'data') };
  const env = { ...own, ...database?.env, ...settings };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, [CLI, ...args], { cwd, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

async function filled(): Promise<PostgresConfig> {
  const database = await server.createDatabase();
  assert.equal((await nervecenter(database, ['migrate'])).code, 0);
  await server.using(database, (client) =>
    client.query(`
      INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, user_email, department)
        SELECT now() - interval '3 hours', '/ask', 'GET', 200, 10, email, 'sales'
        FROM unnest(ARRAY['${USER}', '${USER}', 'bob@example.com', NULL]) AS users(email);
      INSERT INTO enterprise.llm_call_metrics (timestamp, provider, model, elapsed_ms, user_email, error_message)
        VALUES (now() - interval '3 hours', 'acme', '${USER}', 5, '${USER}', NULL),
          (now() - interval '3 hours', 'acme', 'm', 5, NULL, 'no quota for ${USER}.');
      INSERT INTO enterprise.rag_metrics (timestamp, total_ms, user_email) VALUES (now(), 5, '${USER}');
      INSERT INTO enterprise.ws_session_metrics (timestamp, path, duration_ms, user_email) VALUES (now(), '/', 5, '${USER}');
      INSERT INTO enterprise.spans (trace_id, span_id, name, kind, duration_ms, status, attributes, events)
        VALUES ('t', 's', 'ask', 'server', 1, 'ok', '{"user.email":"${USER}","http.route":"/ask"}', '[["login",1,{"user":{"id":"${USER}"}}]]'),
          ('t', 's2', 'ask', 'server', 1, 'ok', '{"user.email":"bob@example.com"}', '[]');
      INSERT INTO enterprise.totals VALUES ('orders', 'x', '{"user.email":"${USER}"}', 7, 7, 0);
      INSERT INTO enterprise.nervecenter_alert_events (id, at, since, rule, name, severity, group_value, change, level)
        VALUES (gen_random_uuid(), now(), now(), 'r', 'Errors of ${USER}', 'warning', '${USER}', 'began', 1);
      INSERT INTO enterprise.nervecenter_alert_states VALUES ('r', '${USER}', 'firing', now(), 1, 1, 1, 1);
      INSERT INTO enterprise.nervecenter_alert_deliveries (id, webhook, body) VALUES (gen_random_uuid(), '{}', 'of ${USER}')`),
  );
  return database;
}

/** Has rollups made of all rows. */
async function rolledUp(database: PostgresConfig): Promise<void> {
  const hours = () =>
    server.using(database, (client) =>
      client.query(`SELECT FROM enterprise.rollup_hour WHERE dimension = 'user' AND signal = 'request'`),
    );
  await server.using(database, async (client) => {
    const lend = async <T>(work: (client: PoolClient) => Promise<T>) => work(client as unknown as PoolClient);
    const year = 366 * 86_400_000;
    const stop = keepRollups({ lend, now: () => Date.now(), retentionMs: () => year as never }, () => {});
    await until(async () => ((await hours()).rows.length >= 3 ? true : undefined));
    stop();
    // What is under way ends before its connection does.
    await client.query('SELECT pg_advisory_lock(1919904876)');
  });
}

const figures = (database: PostgresConfig) =>
  server.using(database, async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT count(*)::int FROM enterprise.request_metrics) AS requests,
         (SELECT sum(count)::int FROM enterprise.rollup_hour WHERE signal = 'request' AND dimension = 'user') AS rolled,
         (SELECT count::int FROM enterprise.totals WHERE metric = 'orders') AS orders,
         (SELECT count(*)::int FROM enterprise.spans) AS spans`,
    );
    return rows[0];
  });

test('forget takes a user out of every table, says how often, and leaves what things add up to', async () => {
  const database = await filled();
  await rolledUp(database);
  const before = await figures(database);
  assert.deepEqual(before, { requests: 4, rolled: 4, orders: 7, spans: 2 });
  const dry = await nervecenter(database, ['forget', `--user=${USER}`, '--dry-run']);
  assert.deepEqual([dry.code, dry.stderr], [0, '']);
  assert.match(dry.stdout, /^request_metrics: 2 would change$/m);

  const done = await nervecenter(database, ['forget', `--user=${USER}`]);
  assert.deepEqual([done.code, done.stderr], [0, '']);
  for (const line of [
    'request_metrics: 2 changed',
    'llm_call_metrics: 2 changed',
    'rag_metrics: 1 changed',
    'ws_session_metrics: 1 changed',
    'spans: 1 changed',
    'totals: 1 changed',
    'nervecenter_alert_states: 1 changed',
    'nervecenter_alert_events: 1 changed',
    'nervecenter_alert_deliveries: 1 changed',
  ]) {
    assert.match(done.stdout, new RegExp(`^${line}$`, 'm'), done.stdout);
  }
  assert.match(done.stdout, /^rollup_value: \d+ changed$/m);
  assert.deepEqual(await figures(database), before);
  const everything = await server.using(database, (client) => contents(client));
  // A model that has the name of a person is a model.
  const others = Object.entries(everything).filter(([table]) => !/^(llm_call_metrics|rollup_)/.test(table));
  expect(JSON.stringify(others)).not.toContain(USER);
  expect(JSON.stringify(others)).toContain('bob@example.com');
  const { rows } = await server.using(database, (client) =>
    client.query(`SELECT FROM enterprise.rollup_hour WHERE dimension = 'user' AND value = '${USER}'`),
  );
  assert.equal(rows.length, 0);

  const again = await nervecenter(database, ['forget', `--user=${USER}`]);
  assert.match(again.stdout, /^nothing is stored of this user$/m);
});

test('forget finds a user who is hidden, by the name the app gives, in rows and in what a killed collector left', async () => {
  const database = await server.createDatabase();
  const dataDir = join(cwd, 'data');
  const collector = await FedCollector.start(database, dataDir, { NERVECENTER_HASH_USERS: 'on' });
  await collector.collector.ready;
  await collector.feed([{ ...requestEvent(), userEmail: USER } as never]);
  await until(() => collector.accepted);
  await collector.collector.shutdown(5000);
  const done = await nervecenter(database, ['forget', `--user=${USER}`]);
  assert.match(done.stdout, /^hidden as user-[\da-f]{32}\nrequest_metrics: 1 changed$/m, done.stdout);
  const { rows } = await server.using(database, (client) =>
    client.query('SELECT user_email FROM enterprise.request_metrics'),
  );
  assert.deepEqual(rows, [{ user_email: null }]);
});

test('rows that wait in a spool are stored and forgotten with the others', async () => {
  const database = await server.createDatabase();
  assert.equal((await nervecenter(database, ['migrate'])).code, 0);
  const dataDir = join(cwd, 'data');
  await server.halt();
  const collector = await FedCollector.start(database, dataDir);
  await collector.collector.ready;
  await collector.feed([{ ...requestEvent(), userEmail: USER } as never]);
  await until(() => collector.accepted);
  await collector.collector.shutdown(2000);
  await server.resume();
  const done = await nervecenter(database, ['forget', `--user=${USER}`]);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^request_metrics: 1 changed$/m, done.stdout);
  assert.doesNotMatch(done.stdout, /spool files/);
});

test('an id that is a number is found where an attribute says that it is a user’s, and nowhere else', async () => {
  const database = await server.createDatabase();
  assert.equal((await nervecenter(database, ['migrate'])).code, 0);
  await server.using(database, (client) =>
    client.query(`
      INSERT INTO enterprise.spans (trace_id, span_id, name, kind, duration_ms, status, attributes, events)
        VALUES ('t', 's', 'ask', 'server', 1, 'ok', '{"enduser.id":4711,"http.response.body.size":4711}', '[["login",1,{"userId":[4711,4712]}]]'),
          ('t', 's2', 'ask', 'server', 1, 'ok', '{"enduser.id":47110,"count":4711}', '[]');
      INSERT INTO enterprise.totals VALUES ('orders', 'x', '{"user.id":4711}', 7, 7, 0)`),
  );
  const done = await nervecenter(database, ['forget', '--user=4711']);
  assert.match(done.stdout, /^spans: 1 changed$/m, done.stdout);
  assert.match(done.stdout, /^totals: 1 changed$/m);
  const { rows } = await server.using(database, (client) =>
    client.query('SELECT attributes, events FROM enterprise.spans ORDER BY span_id'),
  );
  assert.deepEqual(rows, [
    { attributes: { 'http.response.body.size': 4711 }, events: [['login', 1, { userId: [null, 4712] }]] },
    { attributes: { 'enduser.id': 47110, count: 4711 }, events: [] },
  ]);
});

function ruleAbout(id: string, filters: Record<string, string>, name = 'Slow') {
  const condition = { kind: 'threshold', signal: 'request', measure: 'max', window: '1m', threshold: 1 };
  return { id, name, condition: { ...condition, filters } };
}

test('rules that name a user are told, and those that are stored do not name it any more', async () => {
  const database = await server.createDatabase();
  assert.equal((await nervecenter(database, ['migrate'])).code, 0);
  const rules = [
    ruleAbout('of-ada', { user: USER, endpoint: '/ask' }),
    ruleAbout('by-name', { endpoint: '/ask' }, `Slow for ${USER}`),
    ruleAbout('of-bob', { user: 'bob@example.com' }),
  ];
  await server.using(database, async (client) => {
    for (const rule of rules)
      await client.query('INSERT INTO enterprise.nervecenter_alert_rules (id, definition) VALUES ($1, $2)', [
        rule.id,
        rule,
      ]);
  });
  const file = join(cwd, 'alerts.json');
  writeFileSync(file, JSON.stringify({ rules: [ruleAbout('in-file', { user: USER })] }));
  const forget = ['forget', `--user=${USER}`];
  const dry = await nervecenter(database, [...forget, '--dry-run'], { NERVECENTER_ALERTS: file });
  assert.match(dry.stdout, /^nervecenter_alert_rules: 2 would change$/m, dry.stdout + dry.stderr);
  const done = await nervecenter(database, forget, { NERVECENTER_ALERTS: file });
  assert.match(done.stdout, /^nervecenter_alert_rules: 2 changed$/m);
  assert.match(done.stdout, /^left: alerts whose rules name the user: by-name, of-ada\./m);
  assert.match(done.stdout, /^left: rules in the file of NERVECENTER_ALERTS that name the user: in-file\./m);
  assert.match(done.stdout, /^left: what was sent to others by OTLP and to webhooks/m);
  const { rows } = await server.using(database, (client) =>
    client.query('SELECT definition FROM enterprise.nervecenter_alert_rules ORDER BY id'),
  );
  const [byName, ofAda, ofBob] = rows.map(({ definition }) => parseAlertRule(definition).rule);
  assert.deepEqual([byName?.name, byName?.enabled], ['Slow for forgotten', true]);
  assert.deepEqual([ofAda?.enabled, JSON.stringify(rows).includes(USER)], [false, false]);
  assert.deepEqual([ofBob?.enabled, JSON.stringify(ofBob).includes('bob@example.com')], [true, true]);
});

test('a collector that judges alerts by user forgets with the others, and writes nothing again', async ({
  onTestFinished,
}) => {
  const database = await server.createDatabase();
  assert.equal((await nervecenter(database, ['migrate'])).code, 0);
  const { PGHOST = '', PGPORT, PGUSER = '', PGDATABASE = '' } = database.env;
  const pool = new Pool({ host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE, max: 4 });
  pool.on('error', () => {});
  const lend: Lend = async (work) => {
    const client = await pool.connect();
    return work(client).finally(() => client.release());
  };
  const service = new AlertService({
    store: createAlertStore(lend),
    history: createHistory(lend),
    issues: () => [],
    fileRules: [],
    hideUser: null,
    service: 'shop',
    intervalMs: 20,
    webhookHosts: [],
    log: () => {},
  });
  onTestFinished(async () => {
    await service.stop();
    await pool.end();
  });
  service.start();
  await pool.query(
    `INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms, user_email)
     SELECT '/a', 'GET', 200, 5000, email FROM unnest(ARRAY['${USER}', 'bob@example.com']) AS users(email)`,
  );
  const condition = { ...ruleAbout('slow', {}).condition, group_by: 'user' };
  await until(() => service.save({ ...ruleAbout('slow', {}), condition }).catch(() => undefined));
  const listed = () => JSON.stringify(service.list());
  const states = async () =>
    (await pool.query('SELECT group_value FROM enterprise.nervecenter_alert_states ORDER BY 1')).rows.map(
      ({ group_value }) => String(group_value),
    );
  await until(async () => (await states()).length === 2);
  const done = await nervecenter(database, ['forget', `--user=${USER}`]);
  assert.match(done.stdout, /^nervecenter_alert_states: \d+ changed$/m, done.stdout + done.stderr);
  assert.ok(!done.stdout.includes('has in memory'), done.stdout);
  assert.ok(!listed().includes(USER), 'it does not have it in memory');
  // All alerts end: what it still had would be written now.
  await pool.query('DELETE FROM enterprise.request_metrics');
  const resolved = `SELECT FROM enterprise.nervecenter_alert_events WHERE change = 'resolved' AND group_value LIKE 'bob%'`;
  await until(async () => (await pool.query(resolved)).rows.length === 1);
  const { alerts } = await server.using(database, async (client) => {
    const { nervecenter_alert_states, nervecenter_alert_events } = await contents(client);
    return { alerts: JSON.stringify([nervecenter_alert_states, nervecenter_alert_events]) };
  });
  assert.ok(alerts.includes('bob@example.com') && !alerts.includes(USER), alerts);
});

test('forget refuses what is not clearly one user, before it touches anything', async () => {
  for (const args of [
    [],
    ['--user= '],
    ['--user=*'],
    ['--user=%@example.com'],
    ['--user=a@b.c,d@e.f'],
    ['--user=all'],
  ]) {
    const refused = await nervecenter(null, ['forget', ...args]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /--user: expected one whole address or id|without a value/);
  }
});
