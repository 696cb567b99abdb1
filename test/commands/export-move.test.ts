import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EmbeddedPostgres } from '../../src/collector/sinks/postgres/embedded/embedded.ts';
import { Rollup } from '../../src/collector/sinks/postgres/rollup/rollup.ts';
import type { SentBatch } from '../../src/collector/sinks/postgres/spool/batch.ts';
import { createStorage } from '../../src/collector/sinks/postgres/storage.ts';
import { storedEarlier } from '../../src/collector/sinks/postgres/totals/earlier.ts';
import type { PostgresConfig } from '../../src/config/config.ts';
import { REQUEST_DURATION } from '../../src/core/signals/request.ts';
import { DAY_MS, MIB } from '../../src/core/units.ts';
import { oneOfEach, requestEvents } from '../collector/sinks/postgres/events.ts';
import { loadScript } from '../support/load-script.ts';
import { unseen } from '../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { contents, migratedDatabase, runExport } from './exporting.ts';

/** Nobody listens on port 1. */
const NOWHERE: PostgresConfig = { connectionString: null, env: { PGHOST: '127.0.0.1', PGPORT: '1' } };
const SENDER = '00000000-0000-4000-8000-000000000009';
const SHUTDOWN_MS = 5000;

let server: TestPostgres;
let cwd: string;
let names = 0;

beforeAll(async () => {
  server = await startPostgres();
  cwd = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
});

const fresh = () => join(cwd, `place-${++names}`);
const exporting = (env: Readonly<Record<string, string>>) => runExport({ cwd, env });

describe('moving embedded storage to a server', () => {
  it('loses and doubles nothing, though the spool still has rows and some of them are stored', async () => {
    const dataDir = fresh();
    mkdirSync(dataDir, { mode: 0o755 });
    const stored = [...requestEvents(300), ...oneOfEach()];
    const waiting = requestEvents(50);

    await collect(dataDir, NOWHERE, stored, [SENDER, 7]);
    cpSync(join(dataDir, 'spool'), join(cwd, 'spool-kept'), { recursive: true });
    await collect(dataDir, null, []);
    // As if the collector had been killed before it noted that these are stored; then more came.
    rmSync(join(dataDir, 'spool'), { recursive: true });
    cpSync(join(cwd, 'spool-kept'), join(dataDir, 'spool'), { recursive: true });
    await collect(dataDir, NOWHERE, waiting);

    const exported = await exporting({ NERVECENTER_DATA_DIR: dataDir });
    assert.equal(exported.code, 0, exported.stderr);
    const target = await migratedDatabase(server);
    await server.using(target, (client) => loadScript(client, exported.stdout));
    await server.using(target, async (client) =>
      assert.deepEqual(await embeddedContents(dataDir), await contents(client)),
    );
    await collect(dataDir, target, requestEvents(5));

    await server.using(target, async (client) => {
      const { rows } = await client.query('SELECT id FROM enterprise.request_metrics');
      const ids = rows.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      const requests = stored.filter(({ signal }) => signal === 'request').length;
      assert.equal(ids.length, requests + waiting.length + 5);
      const { rows: others } = await client.query(
        'SELECT count(*)::int AS count FROM enterprise.rag_metrics',
      );
      assert.equal(others[0].count, stored.filter(({ signal }) => signal === 'rag-query').length);
      const rolled = await client.query(
        `SELECT sum(count)::int AS count FROM enterprise.rollup_minute
         WHERE signal = 'request' AND dimension = '' AND field = (
           SELECT min(field) FROM enterprise.rollup_minute WHERE signal = 'request' AND dimension = '')`,
      );
      assert.equal(rolled.rows[0].count, ids.length, 'history counts each row once');
      const shown = await storedEarlier(client);
      const requestsShown = shown.totals
        .filter(({ name }) => name === REQUEST_DURATION.name)
        .reduce((sum, point) => sum + (point.kind === 'histogram' ? point.count : 0), 0);
      assert.equal(requestsShown, ids.length, 'and so do the totals of a later start');
      assert.deepEqual(shown.sent, [[SENDER, 7]], 'what is sent again is known there, too');
    });
  });

  it('works beside a collector that runs', async () => {
    const dataDir = fresh();
    mkdirSync(dataDir, { mode: 0o755 });
    const storage = createStorage({
      ...unseen(),
      config: { postgres: null, dataDir, spoolMaxBytes: MIB },
      log: () => {},
    });
    await storage.start();
    try {
      void storage.offer(requestEvents(10));
      assert.ok(await storage.flush(SHUTDOWN_MS));
      const { code, stdout, stderr } = await exporting({ NERVECENTER_DATA_DIR: dataDir });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^exporting from embedded PostgreSQL in .* \(run by process \d+\)\n/);
      assert.equal(stdout.match(/^.*\/users\/:id\t/gm)?.length, 10);
      assert.equal(storage.state, 'ok');
    } finally {
      await storage.shutdown(SHUTDOWN_MS);
    }
  });
});

/** A collector's storage from start to end. Rows it can store are stored and rolled up. */
async function collect(
  dataDir: string,
  postgres: PostgresConfig | null,
  events: readonly ReturnType<typeof oneOfEach>[number][],
  sent?: SentBatch,
): Promise<void> {
  rmSync(join(dataDir, 'spool', 'target'), { force: true }); // What waits is for wherever it goes now.
  const storage = createStorage({
    ...unseen(),
    config: { postgres, dataDir, spoolMaxBytes: MIB },
    log: () => {},
  });
  const offered = storage.offer(events, sent);
  await storage.start();
  await offered;
  if (postgres !== NOWHERE) {
    assert.ok(await storage.flush(SHUTDOWN_MS));
    const lend: typeof storage.lend = (work) => storage.lend(work);
    const inAnHour = () => Date.now() + DAY_MS / 24;
    await new Rollup({ lend, now: inAnHour, retentionMs: () => 400 * DAY_MS }).catchUp();
  }
  await storage.shutdown(SHUTDOWN_MS);
}

async function embeddedContents(dataDir: string): Promise<Record<string, string[]>> {
  const embedded = new EmbeddedPostgres({ dataDir, log: () => {} });
  const client = new Client(await embedded.start());
  try {
    await client.connect();
    return await contents(client);
  } finally {
    await client.end();
    await embedded.stop(SHUTDOWN_MS);
  }
}
