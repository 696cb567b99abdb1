import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { ObservedApp } from '../support/observed-app.ts';
import { reachableTempDir } from '../support/postgres.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const ONE_CALL = join(FIXTURES, 'one-call.cjs');
const SCRIPTS = 4;

describe('a process that is over at once', () => {
  let dataDir: string;
  const apps: ObservedApp[] = [];
  const run = (script: string, env: Readonly<Record<string, string>> = {}) => {
    const app = new ObservedApp(script, { dataDir, env });
    apps.push(app);
    return app;
  };
  beforeEach(() => {
    dataDir = reachableTempDir();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });

  it('leaves what it recorded to the next collector, each call once, and prints nothing', async () => {
    for (let script = 0; script < SCRIPTS; script++) {
      const app = run(ONE_CALL, { OTEL_SERVICE_NAME: 'script' });
      assert.deepEqual(await app.end(), { code: 0, signal: null });
      assert.deepEqual([app.stdout, app.stderr], ['', '']);
    }
    assert.equal(existsSync(join(dataDir, 'data', 'postgres')), false, 'it starts no server');
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
    assert.deepEqual(await run(ONE_CALL, elsewhere).end(), { code: 0, signal: null });
    const next = run(join(FIXTURES, 'worker.cjs'));
    await next.started();
    assert.deepEqual(await run(ONE_CALL).end(), { code: 0, signal: null });
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

  it('leaves no trace when it recorded nothing, however long it idles below ten seconds', async () => {
    const idle = new ObservedApp('setTimeout(() => {}, 500)', {
      dataDir,
      flags: ['--require', join(import.meta.dirname, '..', '..', 'otel.js'), '--eval'],
    });
    apps.push(idle);
    assert.deepEqual(await idle.end(), { code: 0, signal: null });
    assert.deepEqual([idle.stderr, existsSync(join(dataDir, 'data'))], ['', false]);
  });
});
