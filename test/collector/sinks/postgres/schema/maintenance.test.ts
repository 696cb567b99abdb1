import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { ClientBase } from 'pg';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import { Maintenance } from '../../../../../src/collector/sinks/postgres/schema/maintenance.ts';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { readPartitions } from '../../../../../src/collector/sinks/postgres/schema/partitions.ts';
import type { RetentionPolicy } from '../../../../../src/collector/sinks/postgres/schema/retention.ts';
import { startCollector } from '../../../../../src/collector/start.ts';
import { type PostgresConfig, readConfig } from '../../../../../src/config/config.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';
import { DAY_MS, milliseconds } from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const TABLE = 'request_metrics';
const OFTEN_MS = 20;
const POLICY: RetentionPolicy = readConfig({}, import.meta.dirname);
let server: TestPostgres;
let running: Maintenance[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  running = [];
});
afterAll(() => server.stop());

/** A collector's maintenance with a clock to turn, running often. */
class Watched {
  readonly lines: string[] = [];
  nowMs = Date.now();
  runs = 0;
  reachable = true;
  readonly maintenance: Maintenance;

  constructor(database: PostgresConfig, { role = '', policy = POLICY } = {}) {
    this.maintenance = new Maintenance({
      lend: (work) => this.#lend(database, role, work),
      policy,
      now: () => milliseconds(this.nowMs),
      log: (_, line) => this.lines.push(line),
      intervalMs: OFTEN_MS,
      retryMs: OFTEN_MS,
    });
    running.push(this.maintenance);
  }

  async #lend<T>(
    database: PostgresConfig,
    role: string,
    work: (client: ClientBase) => Promise<T>,
  ): Promise<T> {
    this.runs++;
    if (!this.reachable) throw new NervecenterError('NC_UNAVAILABLE', 'There is no server.');
    return server.using(database, async (client) => {
      if (role !== '') await client.query(`SET ROLE ${role}`);
      return work(client);
    });
  }

  /** Waits for whole runs that began after this call. */
  async ranTwice(): Promise<void> {
    const from = this.runs;
    await until(() => this.runs > from + 2);
  }
}

async function migrated(): Promise<PostgresConfig> {
  const database = await server.createDatabase();
  await server.using(database, (client) => migrate(client));
  return database;
}

const newestDay = (database: PostgresConfig): Promise<number> =>
  server.using(database, async (client) => (await readPartitions(client, [TABLE])).at(-1)?.fromMs ?? 0);

test('days are made and dropped as the clock goes on; one line per run that drops', async () => {
  const database = await migrated();
  const watched = new Watched(database);
  watched.maintenance.start();
  await watched.ranTwice();
  assert.deepEqual(watched.lines, []);
  const newest = await newestDay(database);
  watched.nowMs += DAY_MS;
  await until(async () => (await newestDay(database)) === newest + DAY_MS);
  watched.nowMs += 60 * DAY_MS;
  await until(() => watched.lines.length > 0);
  await watched.ranTwice();
  assert.equal(watched.lines.length, 1);
  assert.match(watched.lines[0] ?? '', /^Dropped \d+ daily partitions past their retention/);
});

test('a server that comes late is found, and its absence is not ours to tell', async () => {
  const database = await migrated();
  const watched = new Watched(database);
  watched.reachable = false;
  watched.nowMs += DAY_MS;
  const before = await newestDay(database);
  watched.maintenance.start();
  await watched.ranTwice();
  watched.reachable = true;
  await until(async () => (await newestDay(database)) === before + DAY_MS);
  assert.deepEqual(watched.lines, []);
});

test('too little room for today’s rows is said once', async () => {
  const watched = new Watched(await migrated(), { policy: { ...POLICY, storageMaxBytes: 1 } });
  watched.maintenance.start();
  await watched.ranTwice();
  assert.equal(watched.lines.length, 1);
  assert.match(watched.lines[0] ?? '', /more than NERVECENTER_STORAGE_MAX_BYTES \(0\.0 MiB\)/);
});

test('a role without the right says once what to do, and that it works again', async () => {
  const database = await migrated();
  await server.using(database, (client) => client.query('CREATE ROLE nobody_much'));
  const watched = new Watched(database, { role: 'nobody_much' });
  watched.maintenance.start();
  await watched.ranTwice();
  assert.equal(watched.lines.length, 1);
  assert.match(watched.lines[0] ?? '', /run `nervecenter prune` daily as the role that owns the tables/);
  await server.using(database, (client) => client.query('ALTER ROLE nobody_much SUPERUSER'));
  await until(() => watched.lines.length > 1);
  assert.equal(watched.lines[1], 'Partitions and retention work again.');
  await server.using(database, (client) => client.query('DROP ROLE nobody_much'));
});

test('a failure of another kind is said with its reason', async () => {
  const database = await migrated();
  await server.using(database, (client) => client.query(`DROP TABLE enterprise.${TABLE}`));
  const watched = new Watched(database);
  watched.maintenance.start();
  await watched.ranTwice();
  assert.equal(watched.lines.length, 1);
  assert.match(
    watched.lines[0] ?? '',
    /^Partitions and retention failed: .*request_metrics_default.*every hour\.$/,
  );
});

test('stopping waits for what is under way and begins nothing more', async () => {
  const watched = new Watched(await migrated());
  watched.maintenance.start();
  watched.maintenance.start();
  await watched.maintenance.stop();
  assert.equal(watched.runs, 1);
  watched.maintenance.start();
  await watched.maintenance.stop();
  assert.equal(watched.runs, 1);
});

test('a collector does it by itself', async () => {
  const database = await migrated();
  await server.using(database, (client) =>
    client.query(`INSERT INTO enterprise.cache_metrics (cache_type, timestamp) VALUES ('old', '2020-01-01')`),
  );
  const directory = reachableTempDir();
  const env = { ...database.env, NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: directory };
  const lines: string[] = [];
  const log = (_: string, line: string) => lines.push(line);
  const collector = await startCollector({ config: readConfig(env, directory), log, host: null });
  try {
    await until(() => lines.length > 0);
    assert.deepEqual(lines, ['Dropped 1 rows past their retention from default partitions.']);
  } finally {
    await collector.shutdown(2000);
    rmSync(directory, { recursive: true, force: true });
  }
});
