import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client } from 'pg';
import { test } from 'vitest';
import { prepareHome } from '../../src/collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../../src/collector/sinks/postgres/embedded/running.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';

const WORKER = join(import.meta.dirname, 'fixtures', 'worker.cjs');
const PATIENCE_MS = 60_000;
const REQUESTS = 25;
/** A request to `/record` is a row itself, and the LLM call that it records is another one. */
const TABLES = ['llm_call_metrics', 'request_metrics'];

/** Asks the app and waits until every row of it is stored, `total` in each table. */
async function work(app: ObservedApp, service: string, total: number): Promise<void> {
  const url = await app.appUrl();
  for (let request = 0; request < REQUESTS; request++) {
    assert.equal((await fetch(`${url}/record`)).status, 200);
  }
  const rows = async (table: string) => Number((await stored(app.dataDir, table, service))?.[0] ?? 0);
  await until(async () => (await Promise.all(TABLES.map(rows))).every((count) => count >= total), {
    timeoutMs: PATIENCE_MS,
  });
}

/** Rows of a service and how many different ids they have, from whichever server runs now; `null` while none answers. */
async function stored(dataDir: string, table: string, service: string): Promise<unknown[] | null> {
  const server = runningServer(prepareHome(join(dataDir, 'data')));
  if (server === null) return null;
  const client = new Client(server);
  client.on('error', () => {}); // Its server may stop under it.
  try {
    await client.connect();
    const { rows } = await client.query({ text: countOf(table, service), rowMode: 'array' });
    return rows[0] ?? null;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => {});
  }
}

function countOf(table: string, service: string): string {
  return `SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM enterprise.${table} WHERE service = '${service}'`;
}

test('two apps start at once in one empty directory, the one that runs the server is killed, and no row is lost or twice', async () => {
  const dataDir = reachableTempDir();
  const apps = [0, 1].map(
    (which) => new ObservedApp(WORKER, { dataDir, env: { OTEL_SERVICE_NAME: `app-${which}` } }),
  ) as [ObservedApp, ObservedApp];
  try {
    for (const app of apps) await app.started();
    const [runs, joins] = apps[0].stderr.includes('(run by process') ? [1, 0] : [0, 1];
    const [killed, left] = [apps[runs] as ObservedApp, apps[joins] as ObservedApp];
    assert.match(killed.stderr, /^ {2}storage +embedded PostgreSQL 18 in data$/m);
    assert.match(
      left.stderr,
      new RegExp(
        `^ {2}storage +embedded PostgreSQL.* in data \\(run by process ${killed.child.pid}\\)$`,
        'm',
      ),
    );
    await Promise.all(apps.map((app, which) => work(app, `app-${which}`, REQUESTS)));
    killed.child.kill('SIGKILL');
    await killed.end();
    await work(left, `app-${joins}`, 2 * REQUESTS);
    left.child.kill('SIGTERM');
    await left.end();
    await rowsOf<{ rows: number; ids: number }>(dataDir, async (select) => {
      for (const table of TABLES) {
        const [ofKilled] = await select(countOf(table, `app-${runs}`));
        assert.deepEqual(ofKilled, { rows: REQUESTS, ids: REQUESTS }, table);
        const [ofLeft] = await select(countOf(table, `app-${joins}`));
        assert.deepEqual(ofLeft, { rows: 2 * REQUESTS, ids: 2 * REQUESTS }, table);
      }
    });
  } finally {
    for (const app of apps) await app.stop();
  }
});
