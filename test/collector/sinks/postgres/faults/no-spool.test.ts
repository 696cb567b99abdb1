import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, test } from 'vitest';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { unseen } from '../../../../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { requestEvents } from '../events.ts';

const PATIENCE_MS = 60_000;
const LOOKUPS = {
  name: 'nervecenter.cache.requests',
  unit: '{request}',
  description: '',
  attributes: { 'cache.name': 'rag', 'cache.result': 'hit' },
  kind: 'counter' as const,
  value: 5,
};

let server: TestPostgres;
let dataDir: string;
beforeAll(async () => {
  server = await startPostgres();
  dataDir = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test('without a spool shutdown stores all that waits, figures without rows included', async () => {
  const database = await server.createDatabase();
  const storage = createStorage({
    ...unseen(),
    config: { postgres: database, dataDir, spoolMaxBytes: 0 },
    log: () => {},
  });
  await storage.start();
  void storage.offer(requestEvents(3500));
  storage.addPoints([LOOKUPS]);
  await storage.shutdown(PATIENCE_MS);
  assert.deepEqual(storage.counts().dropped, {});
  const stored = await server.using(database, async (client) => ({
    rows: (await client.query('SELECT count(*)::int AS n FROM enterprise.request_metrics')).rows,
    lookups: (await client.query('SELECT sum FROM enterprise.totals WHERE metric = $1', [LOOKUPS.name])).rows,
  }));
  assert.deepEqual(stored, { rows: [{ n: 3500 }], lookups: [{ sum: 5 }] });
});
