import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { freePort } from '../support/free-port.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const WORKER = join(FIXTURES, 'worker.cjs');

const asked = async (url: string, path: string, times: number): Promise<number> => {
  let pid = 0;
  for (let i = 0; i < times; i++) pid = Number(await (await fetch(`${url}${path}`)).text());
  return pid;
};
const upCount = ({ instances }: Snapshot): number => instances.filter(({ up }) => up).length;
const notices = ({ stderr }: ObservedApp): number => stderr.match(/^nervecenter /gm)?.length ?? 0;

describe('a cluster', () => {
  let app: ObservedApp;
  let urls: string[];
  beforeAll(async () => {
    app = new ObservedApp(join(FIXTURES, 'cluster.cjs'), {
      env: { NERVECENTER_PORT: String(await freePort()) },
    });
    await until(() => app.stdout.match(/^port \d+$/gm)?.length === 3);
    urls = [...app.stdout.matchAll(/^port (\d+)$/gm)].map(([, port]) => `http://127.0.0.1:${port}`);
    await app.started();
  });
  afterAll(() => app.stop());

  it('has one collector, one dashboard, and lists every process', async () => {
    const { instances } = await app.snapshotWhen((snapshot) => upCount(snapshot) === 4);
    assert.equal(new Set(instances.map(({ pid }) => pid)).size, 4);
    assert.ok(instances.some(({ pid }) => pid === app.child.pid));
    assert.equal(notices(app), 1, app.stderr);
    assert.doesNotMatch(app.stderr, /taken/);
  });

  it('adds up what all workers do', async () => {
    for (const [i, url] of urls.entries()) await asked(url, '/record', 5 * (i + 1));
    const snapshot = await app.snapshotWhen(({ api, llm }) => api.requests_total + llm.total_requests >= 60);
    assert.equal(snapshot.api.requests_total, 30);
    assert.equal(snapshot.llm.total_requests, 30);
    assert.equal(snapshot.llm.tokens_in_total, 300);
  });

  it('keeps the totals of a worker that is killed, and says that it is down', async () => {
    const [url = ''] = urls;
    const pid = await asked(url, '/', 1);
    const before = await app.snapshotWhen(({ api }) => api.requests_total === 31);
    process.kill(pid, 'SIGKILL');
    const after = await app.snapshotWhen(({ instances }) =>
      instances.some((instance) => instance.pid === pid && !instance.up),
    );
    assert.equal(upCount(after), 3);
    assert.equal(after.api.requests_total, before.api.requests_total);
    assert.equal(after.llm.total_requests, 30);
    assert.ok(after.system.process_memory_mb < before.system.process_memory_mb, 'its gauges go with it');
    assert.doesNotMatch(app.stdout, /unhandled/);
  });
});

describe('processes that share a port', () => {
  let dataDir: string;
  let apps: ObservedApp[];
  let port: string;
  const start = async () => {
    const app = new ObservedApp(WORKER, { env: { NERVECENTER_PORT: port }, dataDir });
    apps.push(app);
    await app.appUrl();
    return app;
  };
  const snapshotOf = (host: ObservedApp, condition: (snapshot: Snapshot) => boolean) =>
    host.snapshotWhen(condition);
  beforeAll(async () => {
    dataDir = reachableTempDir();
    port = String(await freePort());
    apps = [];
  });
  afterAll(async () => {
    for (const app of apps) await app.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('go on with another collector when the process of theirs is killed, and lose no event', async () => {
    const first = await start();
    await first.started();
    const others = [await start(), await start()];
    await snapshotOf(first, (snapshot) => upCount(snapshot) === 3);
    for (const app of apps) await asked(await app.appUrl(), '/record', 10);
    const before = await snapshotOf(
      first,
      ({ llm, pipeline }) => llm.total_requests === 30 && pipeline.events_stored >= 60,
    );
    assert.equal(before.pipeline.events_dropped['agent_queue_full'], undefined);

    first.child.kill('SIGKILL');
    await first.end();
    // While nobody collects, the apps serve as ever, and their events wait.
    for (const app of others) await asked(await app.appUrl(), '/record', 10);
    const host = await until(() => others.find((app) => notices(app) === 1));
    await host.started();
    const after = await snapshotOf(
      host,
      (snapshot) =>
        upCount(snapshot) === 2 && snapshot.pipeline.events_stored >= 40 && snapshot.llm.total_requests >= 50,
    );
    // What the killed collector had counted is read back from its rows.
    assert.equal(after.llm.total_requests, 50);
    assert.equal(new URL(host.dashboardUrl).port, port);
    for (const app of others) {
      assert.equal(app.exited, false);
      assert.doesNotMatch(app.stdout + app.stderr, /unhandled|Error|taken/);
    }
    for (const app of others.filter((other) => other !== host).concat(host)) {
      app.child.kill('SIGTERM');
      await app.end();
    }
    await rowsOf(dataDir, async (select) => {
      const [rows] = await select(
        'select count(*)::int as n, count(distinct id)::int as ids from enterprise.llm_call_metrics',
      );
      assert.deepEqual(rows, { n: 50, ids: 50 });
    });
  });
});

/** Of an app whose rows are to be where those of another one are. */
const sameRows = ({ dataDir }: ObservedApp) => ({ NERVECENTER_DATA_DIR: join(dataDir, 'data') });

describe('a process that sends to another', () => {
  it('hands over all it has when it ends, however much', async () => {
    const env = { NERVECENTER_PORT: String(await freePort()) };
    const host = new ObservedApp(WORKER, { env });
    const apps = [host];
    try {
      await host.started();
      const sender = new ObservedApp(WORKER, { env: { ...env, ...sameRows(host) } });
      apps.push(sender);
      const url = await sender.appUrl();
      await host.snapshotWhen((snapshot) => upCount(snapshot) === 2);
      await fetch(`${url}/burst`).catch(() => {});
      assert.deepEqual(await sender.end(), { code: 0, signal: null });
      const { pipeline } = await host.snapshotWhen(({ pipeline }) => pipeline.events_stored >= 5000);
      assert.deepEqual(pipeline.events_dropped, {});
    } finally {
      for (const app of apps) await app.stop();
    }
  });
});

describe('two services on one port', () => {
  it('share the dashboard of the one that came first', async () => {
    const port = String(await freePort());
    const env = (service: string) => ({ NERVECENTER_PORT: port, OTEL_SERVICE_NAME: service });
    const first = new ObservedApp(WORKER, { env: env('shop') });
    const apps = [first];
    try {
      await first.started();
      const second = new ObservedApp(WORKER, { env: { ...env('search'), ...sameRows(first) } });
      apps.push(second);
      await asked(await first.appUrl(), '/', 2);
      await asked(await second.appUrl(), '/', 3);
      const snapshot = await first.snapshotWhen(({ api }) => api.requests_total === 5);
      assert.deepEqual(snapshot.instances.map(({ service }) => service).sort(), ['search', 'shop']);
      assert.equal(second.stderr, `[nervecenter] joined the dashboard of shop at ${first.dashboardUrl}.\n`);

      const third = new ObservedApp(WORKER, { env: { ...env('search'), ...sameRows(first) } });
      apps.push(third);
      await asked(await third.appUrl(), '/record', 4);
      const whole = await first.snapshotWhen(
        ({ api, llm }) => api.requests_total + llm.total_requests === 13,
      );
      const counted = async (query: string) => {
        const { api, llm } = (await (await first.get(`/api/metrics/snapshot?${query}`)).json()) as Snapshot;
        return [api.requests_total, llm.total_requests, llm.tokens_in_total];
      };
      assert.deepEqual(await counted('service=shop'), [2, 0, 0]);
      assert.deepEqual(await counted('service=search'), [7, 4, 40]);
      const ofSearch = whole.instances.filter(({ service }) => service === 'search');
      const parts = await Promise.all(ofSearch.map(({ instance_id }) => counted(`instance=${instance_id}`)));
      assert.deepEqual(parts.toSorted(), [
        [3, 0, 0],
        [4, 4, 40],
      ]);
      assert.deepEqual(await counted(''), [9, 4, 40]);
      third.child.kill('SIGKILL');
      await first.snapshotWhen(({ instances }) =>
        instances.some(({ pid, up }) => pid === third.child.pid && !up),
      );
      assert.deepEqual(await counted('service=search'), [7, 4, 40]);
    } finally {
      for (const app of apps) await app.stop();
    }
  });
});
