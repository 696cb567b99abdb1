import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { freePort, WITHOUT_OTLP } from '../support/free-port.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres, urlOf } from '../support/postgres.ts';

const WORKER = join(import.meta.dirname, 'fixtures', 'worker.cjs');
const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const PATIENCE = { timeoutMs: 60_000 };

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

const running: ObservedApp[] = [];
afterEach(async () => {
  for (const app of running.splice(0).reverse()) await app.stop();
});

function start(service: string, env: Readonly<Record<string, string>>, dataDir?: string): ObservedApp {
  const app = new ObservedApp(WORKER, {
    env: { OTEL_SERVICE_NAME: service, ...env },
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  running.push(app);
  return app;
}

function startAlone(env: Readonly<Record<string, string>>): ObservedApp {
  const collector = new ObservedApp(CLI, {
    flags: [],
    args: ['collector'],
    env: { ...WITHOUT_OTLP, ...env },
  });
  running.push(collector);
  return collector;
}

async function record(app: ObservedApp, times: number): Promise<void> {
  const url = await app.appUrl();
  for (let i = 0; i < times; i++) assert.equal((await fetch(`${url}/record`)).status, 200);
}

const joined = (app: ObservedApp) =>
  until(() => /^\[nervecenter\] joined the dashboard of \S+ at http/m.test(app.stderr), PATIENCE);

describe('two apps on one port', () => {
  it('that store in different directories have a dashboard each, and say so in one line', async () => {
    const port = String(await freePort());
    const first = start('first', { NERVECENTER_PORT: port });
    await first.started();
    const second = start('second', { NERVECENTER_PORT: port });
    await second.started();
    const lines = second.stderr.split('\n').filter((line) => line.startsWith('[nervecenter]'));
    assert.equal(lines.length, 1, second.stderr);
    assert.match(
      lines[0] ?? '',
      /is that of first \(process \d+\), whose rows go elsewhere: this app has its own/,
    );
    assert.notEqual(second.dashboardUrl, first.dashboardUrl);
    await Promise.all([record(first, 3), record(second, 5)]);
    await first.snapshotWhen(({ llm, pipeline }) => llm.total_requests === 3 && pipeline.events_stored >= 6);
    await second.snapshotWhen(
      ({ llm, pipeline }) => llm.total_requests === 5 && pipeline.events_stored >= 10,
    );
    const third = start('third', {
      NERVECENTER_PORT: port,
      NERVECENTER_DATA_DIR: join(second.dataDir, 'data'),
    });
    await joined(third);
    assert.ok(
      third.stderr.includes(`joined the dashboard of second at ${second.dashboardUrl}`),
      third.stderr,
    );
    await first.stop();
    await record(third, 2);
    await second.snapshotWhen(({ llm, instances }) => llm.total_requests === 7 && instances.length === 2);
  });

  it('that store in different databases store each in its own, and share one where it is the same', async () => {
    const port = String(await freePort());
    const databases = [await postgres.createDatabase(), await postgres.createDatabase()] as const;
    const settings = databases.map((database) => ({
      NERVECENTER_PORT: port,
      NERVECENTER_DATABASE_URL: urlOf(database),
    }));
    const first = start('first', settings[0] ?? {});
    await first.started();
    const second = start('second', settings[1] ?? {});
    const third = start('third', settings[0] ?? {});
    await Promise.all([second.started(), joined(third)]);
    await Promise.all([record(first, 1), record(second, 2), record(third, 3)]);
    const stored = (which: 0 | 1) =>
      postgres.using(databases[which], async (client) => {
        const { rows } = await client.query(
          'SELECT service, count(*)::int AS calls FROM enterprise.llm_call_metrics GROUP BY 1 ORDER BY 1',
        );
        return rows.map(({ service, calls }) => `${service} ${calls}`).join();
      });
    await until(
      async () => (await stored(0)) === 'first 1,third 3' && (await stored(1)) === 'second 2',
      PATIENCE,
    );
  });

  it('that share a database from different directories have all of it stored, what was left before they met as well', async () => {
    const database = await postgres.createDatabase();
    const env = { NERVECENTER_PORT: String(await freePort()), NERVECENTER_DATABASE_URL: urlOf(database) };
    const dataDir = reachableTempDir();
    const script = new ObservedApp(join(import.meta.dirname, 'fixtures', 'one-call.cjs'), { env, dataDir });
    running.push(script);
    assert.deepEqual(await script.end(), { code: 0, signal: null });
    const first = start('first', env);
    await first.started();
    const second = start('second', env, dataDir);
    await joined(second);
    await first.snapshotWhen(({ llm, pipeline }) => llm.total_requests === 1 && pipeline.events_queued === 0);
  });

  it('of which one has a token that does not open the dashboard of the other have one each', async () => {
    const port = String(await freePort());
    const first = start('first', { NERVECENTER_PORT: port });
    await first.started();
    const NERVECENTER_DATA_DIR = join(first.dataDir, 'data');
    const token = 'a-token-of-the-second-app';
    const second = start('second', {
      NERVECENTER_PORT: port,
      NERVECENTER_DATA_DIR,
      NERVECENTER_ADMIN_TOKEN: token,
    });
    await second.started();
    assert.match(second.stderr, /which the admin token of this app does not open: this app has its own/);
    const answer = await fetch(`${second.dashboardUrl}/api/metrics/snapshot`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(answer.status, 200);
    const third = start('third', { NERVECENTER_PORT: port, NERVECENTER_DATA_DIR });
    await joined(third);
    assert.match(
      third.stderr,
      /joined the dashboard of first at /,
      'who sets none has nothing against another one',
    );
  });
});

describe('a collector that runs alone', () => {
  it('is joined by apps that have no place of their own for rows, and takes over from one of an app', async () => {
    const port = String(await freePort());
    const app = start('app', { NERVECENTER_PORT: port });
    await app.started();
    const place = { NERVECENTER_PORT: port, NERVECENTER_DATA_DIR: join(app.dataDir, 'data') };
    const sharing = start('sharing', place);
    await joined(sharing);
    await Promise.all([record(app, 4), record(sharing, 2)]);
    const collector = startAlone(place);
    await collector.started();
    assert.equal(collector.dashboardUrl, `http://127.0.0.1:${port}`);
    await Promise.all([record(app, 1), record(sharing, 1)]);
    const { instances } = await collector.snapshotWhen(
      ({ llm, pipeline }) => llm.total_requests === 8 && pipeline.totals === 'known',
    );
    assert.deepEqual(instances.map(({ service }) => service).toSorted(), ['app', 'sharing']);
    await joined(app);
    // Nobody chose where its rows go: no data directory, no database.
    const guest = new ObservedApp(WORKER, {
      env: { OTEL_SERVICE_NAME: 'guest', NERVECENTER_PORT: port, NERVECENTER_DATA_DIR: '' },
    });
    running.push(guest);
    await joined(guest);
    const other = startAlone({ NERVECENTER_PORT: port });
    assert.deepEqual(await other.end(), { code: 1, signal: null });
    assert.match(
      other.stderr,
      new RegExp(
        `127\\.0\\.0\\.1:${port} is the nervecenter collector of process ${collector.child.pid}\\. .*NERVECENTER_PORT.*\\[NC_PORT_TAKEN\\]`,
      ),
    );
  });
});
