import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'vitest';
import type { Health } from '../../src/core/snapshot.ts';
import { freePort } from '../support/free-port.ts';
import { ObservedApp, type ObservedAppOptions, PRELOAD } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { rowsOf } from '../support/rows.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const WORKER = join(FIXTURES, 'worker.cjs');
const CONDUCT = join(FIXTURES, 'conduct.cjs');

async function withApp(
  script: string,
  options: ObservedAppOptions,
  check: (app: ObservedApp) => Promise<void>,
): Promise<void> {
  const app = new ObservedApp(script, options);
  try {
    await check(app);
  } finally {
    await app.stop();
  }
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const notices = ({ stderr }: ObservedApp): number => stderr.match(/^nervecenter /gm)?.length ?? 0;

describe('a port that somebody else holds', () => {
  it('is told in one sentence, costs the app nothing, and is taken once it is free', async () => {
    const foreign = createServer().listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const { port } = foreign.address() as AddressInfo;
    await withApp(WORKER, { env: { NERVECENTER_PORT: String(port) } }, async (app) => {
      const url = await app.appUrl();
      for (let i = 0; i < 10; i++) assert.equal((await fetch(`${url}/record`)).status, 200);
      await until(() => app.stderr !== '');
      assert.equal((await fetch(url)).status, 200);
      foreign.close();
      await app.started();
      const [sentence, notice] = lines(app.stderr);
      assert.match(
        sentence ?? '',
        new RegExp(`127.0.0.1:${port} is taken .*NERVECENTER_PORT.*NC_PORT_TAKEN`),
      );
      assert.match(notice ?? '', /^nervecenter \d/);
      // What happened meanwhile was kept: measurements and rows alike.
      const snapshot = await app.snapshotWhen(
        ({ pipeline, api }) => pipeline.events_stored >= 21 && api.requests_total >= 11,
      );
      assert.equal(snapshot.api.requests_total, 11);
      assert.equal(snapshot.llm.total_requests, 10);
    });
  });
});

describe('storage that cannot work', () => {
  const cases: Record<string, () => Promise<Record<string, string>>> = {
    'a data directory that cannot be made': async () => ({
      NERVECENTER_DATA_DIR: '/dev/null/nervecenter',
      NERVECENTER_ADMIN_TOKEN: 'a-token-that-need-not-be-kept',
    }),
    'a Postgres that refuses the connection': async () => ({
      NERVECENTER_DATABASE_URL: `postgres://somebody:secret-word@127.0.0.1:${await freePort()}/app`,
    }),
    'a database that is no Postgres': async () => ({
      NERVECENTER_DATABASE_URL: 'env:DATABASE_URL',
      DATABASE_URL: 'mysql://somebody:secret-word@127.0.0.1/app',
    }),
    'a Postgres whose name nobody knows': async () => ({
      NERVECENTER_DATABASE_URL: 'postgres://somebody:secret-word@database.invalid/app',
    }),
  };
  for (const [what, environment] of Object.entries(cases)) {
    it(`${what} is told in one sentence; app and live view go on and health says so`, async () => {
      await withApp(WORKER, { env: await environment() }, async (app) => {
        const url = await app.appUrl();
        await app.started();
        assert.equal((await fetch(`${url}/record`)).status, 200);
        const snapshot = await app.snapshotWhen(({ llm }) => llm.total_requests === 1);
        assert.equal(snapshot.pipeline.storage, 'down');
        const health = (await (await app.get('/api/metrics/health')).json()) as Health;
        assert.notEqual(health.status, 'healthy');
        assert.ok(health.issues.includes('Storage unreachable'), health.issues.join());
        const said = lines(app.stderr).filter((line) => line.startsWith('[nervecenter]'));
        assert.equal(said.length, 1, app.stderr);
        assert.match(said[0] ?? '', /\[NC_\w+\]$/);
        assert.doesNotMatch(app.stderr, /secret-word|^\s+at /m);
        app.child.kill('SIGTERM');
        assert.deepEqual(await app.end(), { code: null, signal: 'SIGTERM' });
      });
    });
  }
});

describe('where the agent stays out', () => {
  it('has storage of its own next to the database of an app, whatever that is', async () => {
    const env = {
      DATABASE_URL: 'mysql://somebody:secret-word@127.0.0.1/app',
      PGHOST: '127.0.0.1',
      PGPORT: '1',
    };
    await withApp(WORKER, { env }, async (app) => {
      const url = await app.appUrl();
      await app.started();
      assert.equal((await fetch(`${url}/record`)).status, 200);
      await app.snapshotWhen(({ pipeline }) => pipeline.storage === 'ok' && pipeline.events_stored > 0);
      assert.match(app.stderr, /^ {2}storage +embedded PostgreSQL/m);
    });
  });

  it('does nothing at all with OTEL_SDK_DISABLED', async () => {
    await withApp(CONDUCT, { args: ['presence'], env: { OTEL_SDK_DISABLED: 'true' } }, async (app) => {
      assert.deepEqual(await app.end(), { code: 0, signal: null });
      assert.deepEqual([app.stdout, app.stderr], ['false,false,false\n', '']);
    });
  });

  it('loads nothing but its first lines with OTEL_SDK_DISABLED', () => {
    const loaded = (disabled: string) => {
      const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
      const env = {
        ...process.env,
        NODE_OPTIONS: '',
        OTEL_SDK_DISABLED: disabled,
        NODE_V8_COVERAGE: directory,
      };
      execFileSync(process.execPath, ['--require', PRELOAD, '-e', 'process.exit()'], { env, cwd: directory });
      const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.json'));
      const { result } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as {
        readonly result: readonly { readonly url: string }[];
      };
      rmSync(directory, { recursive: true, force: true });
      const files = result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
      return { files, bytes: files.reduce((sum, url) => sum + statSync(new URL(url)).size, 0) };
    };
    const off = loaded(' TRUE ');
    assert.deepEqual(
      off.files.filter((url) => /preload|agent|node_modules/.test(url.slice(url.lastIndexOf('dist/')))),
      [],
    );
    assert.ok(off.bytes < 16 * 1024, `${off.bytes} bytes in ${off.files.join(', ')}`);
    assert.ok(loaded('false').bytes > 10 * off.bytes);
  });

  it('says once what it is where the app’s worker threads are seen as well', async () => {
    await withApp(CONDUCT, { args: ['thread'] }, async (app) => {
      await app.appUrl();
      await app.started();
      assert.equal(lines(app.stdout)[0], 'true,true,true true,true');
      assert.equal(notices(app), 1);
    });
  });

  it('starts no collector for what only lives a moment, nor for the tool that launches the app', async () => {
    const env = { NODE_OPTIONS: `--require ${JSON.stringify(PRELOAD)}` };
    const dataDir = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    writeFileSync(
      join(dataDir, 'npm-cli.js'),
      `const { spawn } = require('node:child_process');
       const child = spawn(process.execPath, [${JSON.stringify(CONDUCT)}, 'children'], { stdio: 'inherit' });
       process.on('SIGTERM', () => child.kill());
       child.on('exit', (code) => process.exit(code ?? 0));`,
    );
    await withApp('npm-cli.js', { flags: [], env, dataDir }, async (app) => {
      const url = await app.appUrl();
      await app.started();
      await fetch(url);
      const { instances } = await app.snapshotWhen(({ api }) => api.requests_total === 1);
      assert.equal(instances.length, 1);
      assert.notEqual(instances[0]?.pid, app.child.pid);
      assert.equal(notices(app), 1, app.stderr);
    });
  });
});

describe('an app under the agent', () => {
  it('is observed once when the preload is there twice', async () => {
    const flags = ['--require', PRELOAD, '--import', pathToFileURL(PRELOAD).href];
    await withApp(WORKER, { flags, env: { NODE_OPTIONS: `--require ${PRELOAD}` } }, async (app) => {
      const url = await app.appUrl();
      await app.started();
      for (let i = 0; i < 7; i++) await fetch(url);
      const snapshot = await app.snapshotWhen(({ api }) => api.requests_total >= 7);
      assert.equal(snapshot.api.requests_total, 7);
      assert.equal(snapshot.instances.length, 1);
      assert.equal(notices(app), 1);
    });
  });

  it('may come from standard input', async () => {
    const script =
      'require("node:http").createServer((_, answer) => answer.end()).listen(0, function () { console.log("port " + this.address().port); })';
    await withApp('-', { input: script }, async (app) => {
      const url = await app.appUrl();
      await app.started();
      await fetch(url);
      await app.snapshotWhen(({ api }) => api.requests_total === 1);
    });
  });

  it('may be ESM and loaded with --import', async () => {
    const flags = ['--import', pathToFileURL(PRELOAD).href];
    await withApp(join(FIXTURES, 'app.mjs'), { flags }, async (app) => {
      const url = await app.appUrl();
      await app.started();
      assert.equal(await (await fetch(url)).text(), 'because');
      const snapshot = await app.snapshotWhen(({ rag }) => rag.total_queries === 1);
      assert.equal(snapshot.rag.stages['vector_search']?.count, 1);
      assert.match(app.stdout, /^port \d+\n$/);
    });
  });

  it('keeps its own SIGTERM handler, its exit code and its last rows', async () => {
    await withApp(CONDUCT, { args: ['signal'] }, async (app) => {
      const url = await app.appUrl();
      await app.started();
      for (let i = 0; i < 5; i++) await fetch(url);
      app.child.kill('SIGTERM');
      assert.deepEqual(await app.end(), { code: 9, signal: null });
      assert.equal(lines(app.stdout)[1], 'mine, of 1');
      await rowsOf(app.dataDir, async (select) => {
        const rows = await select('select count(*)::int as n from enterprise.request_metrics');
        assert.deepEqual(rows, [{ n: 5 }]);
      });
    });
  });

  for (const conduct of ['throwing', 'uncaught']) {
    it(`behaves as without it when its own code fails (${conduct})`, async () => {
      const outcome = async (options: ObservedAppOptions) => {
        let seen = {};
        await withApp(CONDUCT, { args: [conduct], ...options }, async (app) => {
          const end = await app.end();
          const thrown = lines(app.stderr).filter((line) => /Error:|^Node/.test(line));
          // Server and client are one process: which of them sees the end of a response first is not settled.
          seen = { ...end, printed: lines(app.stdout).sort(), thrown };
        });
        return seen;
      };
      const alone = await outcome({ flags: [] });
      assert.deepEqual(await outcome({}), alone);
      assert.notEqual((alone as { code: number }).code, 0);
    });
  }

  it('runs when a setting is wrong, and is told which', async () => {
    await withApp(WORKER, { env: { NERVECENTER_INTERVAL_MS: 'often' } }, async (app) => {
      assert.equal((await fetch(await app.appUrl())).status, 200);
      assert.match(app.stderr, /^\[nervecenter\] off: NERVECENTER_INTERVAL_MS: .* got "often".*\n$/);
    });
  });
});
