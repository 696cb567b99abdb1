import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { ObservedApp, PRELOAD } from '../support/observed-app.ts';
import { reachableTempDir } from '../support/postgres.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const ONE_CALL = join(FIXTURES, 'one-call.cjs');
const SCRIPTS = 4;
/** What an app says that waited as long as it may, on a machine that is too busy for its last rows: they are lost then. */
const TOO_BUSY = /not kept \(.*\): to keep them took longer than 3 s/;
const ATTEMPTS_MAX = 5;

/** Runs it to its end, and again where the machine was too busy. */
async function kept(start: () => ObservedApp): Promise<ObservedApp> {
  for (let attempts = 1; ; attempts++) {
    const app = start();
    assert.deepEqual(await app.end(), { code: 0, signal: null }, app.stderr);
    if (attempts === ATTEMPTS_MAX || !TOO_BUSY.test(app.stderr)) return app;
  }
}

/** Where `require` of a script given on the command line looks first. */
const ROOT = join(import.meta.dirname, '..', '..');

describe('a process that is over at once', () => {
  let dataDir: string;
  const started: ObservedApp[] = [];
  const run = (script: string, env: Readonly<Record<string, string>> = {}) => {
    const app = new ObservedApp(script, { dataDir, env });
    started.push(app);
    return app;
  };
  const spooled = () => readdirSync(join(dataDir, 'data', 'spool')).filter((name) => name.endsWith('.spool'));
  beforeEach(() => {
    dataDir = reachableTempDir();
  });
  afterEach(async () => {
    for (const app of started.splice(0)) await app.stop();
  });

  it('leaves what it recorded to the next collector, each call once, and prints nothing', async () => {
    for (let script = 0; script < SCRIPTS; script++) {
      const app = await kept(() => run(ONE_CALL, { OTEL_SERVICE_NAME: 'script' }));
      assert.deepEqual([app.stdout, app.stderr], ['', '']);
    }
    assert.equal(existsSync(join(dataDir, 'data', 'postgres')), false, 'it starts no server');
    assert.deepEqual(spooled(), ['000000000001.spool'], 'they go on with one file');
    const next = run(join(FIXTURES, 'worker.cjs'), { OTEL_SERVICE_NAME: 'next' });
    await next.started();
    const { llm } = await next.snapshotWhen(
      ({ llm, pipeline }) => llm.total_requests >= SCRIPTS && pipeline.events_queued === 0,
    );
    assert.deepEqual([llm.total_requests, llm.tokens_in_total], [SCRIPTS, 10 * SCRIPTS]);
    const answer = await next.get('/api/metrics/events?signal=llm-call&service=script');
    const { events } = (await answer.json()) as { readonly events: readonly unknown[] };
    assert.equal(events.length, SCRIPTS);
  });

  it('leaves it to one that stores in the same database, and an app of that directory which does not says so', async () => {
    const elsewhere = { NERVECENTER_DATABASE_URL: 'postgres://u:secret-word@127.0.0.1:1/x' };
    await kept(() => run(ONE_CALL, elsewhere));
    const next = run(join(FIXTURES, 'worker.cjs'));
    await next.started();
    await kept(() => run(ONE_CALL));
    next.child.kill('SIGTERM');
    assert.deepEqual(await next.end(), { code: null, signal: 'SIGTERM' });
    const last = run(join(FIXTURES, 'worker.cjs'));
    await last.started();
    await last.snapshotWhen(({ llm, pipeline }) => llm.total_requests === 1 && pipeline.events_stored > 0);
    for (const { stderr } of [next, last]) {
      assert.match(
        stderr,
        /spool is left alone: 1 batch of rows wait there for Postgres 127\.0\.0\.1:1\/x, /,
      );
      assert.equal(stderr.match(/is left alone/g)?.length, 1);
      assert.doesNotMatch(stderr, /secret-word/);
    }
  });

  it('says which events are lost, and what to do, when the data directory cannot be used', async () => {
    writeFileSync(join(dataDir, 'data'), 'a file');
    const app = run(ONE_CALL);
    assert.deepEqual(await app.end(), { code: 0, signal: null });
    assert.match(
      app.stderr,
      /^\[nervecenter\] the last event of this process is not kept \(1 llm-call\): \S+spool cannot be written \(E\w+\)\..* set NERVECENTER_DATA_DIR to another directory\. \[NC_DATA_DIR\]\n$/,
    );
  });

  it('has no use for a file of alerts, nor for a spool where nothing is stored', async () => {
    const alerts = join(dataDir, 'alerts.json');
    writeFileSync(alerts, 'no JSON');
    const { stderr } = await kept(() => run(ONE_CALL, { NERVECENTER_ALERTS: alerts }));
    assert.equal(stderr, '');
    const [segment = ''] = spooled();
    assert.match(
      readFileSync(join(dataDir, 'data', 'spool', segment), 'latin1'),
      /"table":"llm_call_metrics"/,
    );
    const off = run(ONE_CALL, { NERVECENTER_STORAGE: 'off', NERVECENTER_DATA_DIR: join(dataDir, 'none') });
    assert.deepEqual([await off.end(), off.stderr], [{ code: 0, signal: null }, '']);
    assert.equal(existsSync(join(dataDir, 'none')), false);
  });

  it('leaves what it recorded though its collector fails while it ends', async () => {
    const alerts = join(dataDir, 'alerts.json');
    writeFileSync(alerts, 'no JSON');
    const ending = (ms: number) => `
      require('nervecenter').recordLlmCall({ model: 'gpt-4o', provider: 'openai', latencyMs: 5 });
      setTimeout(() => {}, ${ms})`;
    const lives = [120, 160, 200, 250, 300, 400];
    // One after the other: six that end at once on a busy machine take longer than the 3 s that each may wait for its disk.
    for (const ms of lives) {
      await kept(() => {
        const flags = ['--require', PRELOAD, '--eval'];
        const env = { NERVECENTER_ALERTS: alerts };
        const app = new ObservedApp(ending(ms), { dataDir, flags, env, cwd: ROOT });
        started.push(app);
        return app;
      });
    }
    const text = readdirSync(join(dataDir, 'data'))
      .filter((name) => name.startsWith('spool'))
      .flatMap((spool) =>
        readdirSync(join(dataDir, 'data', spool))
          .filter((name) => name.endsWith('.spool'))
          .map((name) => readFileSync(join(dataDir, 'data', spool, name), 'latin1')),
      )
      .join('');
    assert.equal(text.split('"table":"llm_call_metrics"').length - 1, lives.length);
  });

  it('leaves no trace when it recorded nothing, however long it idles below ten seconds', async () => {
    const idle = new ObservedApp('setTimeout(() => {}, 500)', {
      dataDir,
      flags: ['--require', PRELOAD, '--eval'],
    });
    started.push(idle);
    assert.deepEqual(await idle.end(), { code: 0, signal: null });
    assert.deepEqual([idle.stderr, existsSync(join(dataDir, 'data'))], ['', false]);
  });
});

/** Each takes Node milliseconds to load, and megabytes: `fetch` alone as much as all of the agent. */
const COSTLY = [
  'crypto',
  'http',
  'https',
  'http2',
  'tls',
  'zlib',
  'internal/deps/undici/undici',
  'internal/fs/streams',
];
const LOADED = 'process.stdout.write(JSON.stringify(process.moduleLoadList))';

it('an app that needs no network, digests or compression does not load them for us', () => {
  const home = reachableTempDir();
  try {
    const env = { ...process.env, NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: home, HOME: home };
    const run = (flags: readonly string[]) =>
      JSON.parse(
        execFileSync(process.execPath, [...flags, '--eval', LOADED], { env, encoding: 'utf8' }),
      ) as string[];
    const bare = new Set(run([]));
    const loaded = run(['--require', PRELOAD]).filter((name) => !bare.has(name));
    assert.ok(loaded.includes('NativeModule worker_threads'), 'the agent is there');
    assert.deepEqual(
      COSTLY.filter((name) => loaded.includes(`NativeModule ${name}`)),
      [],
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
