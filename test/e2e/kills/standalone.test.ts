import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { freePort, WITHOUT_OTLP } from '../../support/free-port.ts';
import { ObservedApp } from '../../support/observed-app.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { assertAccounted, type End } from './accounts.ts';
import { Load, REQUEST_HEADER } from './load.ts';
import { storedIn } from './rows.ts';
import { Watcher } from './watcher.ts';

const CLI = join(import.meta.dirname, '..', '..', '..', 'dist', 'cli.js');
const APP = join(import.meta.dirname, 'fixtures', 'answering-app.cjs');
const TOKEN = 'a-token-long-enough-for-a-test';
const APPS = 3;
const ROUNDS = 10;
/** Answered under a collector before it is killed. */
const REQUESTS_PER_ROUND = 100;

it(`nothing is missing and no total falls while a collector of its own is killed ${ROUNDS} times under load`, async () => {
  const home = reachableTempDir();
  const port = await freePort();
  const env = { NERVECENTER_PORT: String(port), NERVECENTER_ADMIN_TOKEN: TOKEN, ...WITHOUT_OTLP };
  const start = () => new ObservedApp(CLI, { flags: [], args: ['collector'], dataDir: home, env });
  const apps = Array.from(
    { length: APPS },
    () =>
      new ObservedApp(APP, {
        // They agree with the collector on where rows go, so one of them takes its place until it is back.
        env: { ...env, NERVECENTER_DATA_DIR: join(home, 'data'), NERVECENTER_USER_HEADER: REQUEST_HEADER },
      }),
  );
  let collector = start();
  const watcher = new Watcher(port, TOKEN);
  const ends: End[] = [];
  try {
    const load = new Load(await Promise.all(apps.map((app) => app.appUrl())));
    while (ends.length < ROUNDS) {
      const { api } = await watcher.when(
        ({ pipeline }) => pipeline.totals === 'known',
        'the totals are known',
      );
      const enough = api.requests_total + REQUESTS_PER_ROUND;
      await watcher.when((now) => now.api.requests_total >= enough, 'the totals go on');
      const atMs = performance.now();
      ends.push({ pid: collector.child.pid ?? 0, signal: 'SIGKILL', atMs, mayMissFromMs: atMs });
      collector.child.kill('SIGKILL');
      await collector.end();
      collector = start();
    }
    const stored = () => storedIn(join(home, 'data'));
    await assertAccounted({ load, watcher, ends, stored, cutShort: () => false });
    for (const app of apps) assert.doesNotMatch(app.stdout + app.stderr, /unhandled|Error/);
  } finally {
    await watcher.stop();
    for (const app of [...apps, collector]) await app.stop();
    rmSync(home, { recursive: true, force: true });
  }
});
