import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'vitest';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir, startPostgres } from '../../../../support/postgres.ts';
import { Producer } from './producer.ts';

const ROUNDS = 25;
const COLLECTORS = 8;
const EVENTS_PER_OFFER = 40;
/** Said to be safe, at least, before a round ends. */
const OFFERS_PER_ROUND = 10;
const KILL_WITHIN_MS = 150;
const PATIENCE_MS = 60_000;
const CHILD = join(import.meta.dirname, 'collector-child.ts');

/** Returns the offers that the collectors said were safe, before all of them were killed at once. */
async function killedRound(
  database: PostgresConfig,
  round: number,
  dataDirs: readonly string[],
): Promise<string[]> {
  const child: ChildProcess = spawn(
    process.execPath,
    [CHILD, JSON.stringify(database), String(round), ...dataDirs],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const exited = once(child, 'exit');
  const closed = once(child, 'close');
  try {
    await until(() => said.split('\n').length > OFFERS_PER_ROUND, { timeoutMs: PATIENCE_MS });
    await pause(Math.random() * KILL_WITHIN_MS);
  } finally {
    child.kill('SIGKILL');
  }
  assert.deepEqual(await exited, [null, 'SIGKILL']);
  await closed;
  return said.split('\n').slice(0, -1);
}

test(`collectors killed ${ROUNDS * COLLECTORS} times at random points: what was accepted is stored, once`, async () => {
  const server = await startPostgres();
  const dataDirs = Array.from({ length: COLLECTORS }, () => reachableTempDir());
  try {
    const database = await server.createDatabase();
    const accepted: string[] = [];
    for (let round = 0; round < ROUNDS; round++)
      accepted.push(...(await killedRound(database, round, dataDirs)));
    let recovered = 0;
    for (const dataDir of dataDirs) {
      const last = new Producer({ database, dataDir });
      await last.storage.start();
      recovered += last.storage.counts().accepted;
      await last.settled();
      assert.equal(last.dropped, last.storage.counts().dropped['spool_corrupt'] ?? 0);
      await last.close();
    }
    const offers = await server.using(database, async (client) => {
      const { rows } = await client.query<{ offer: string; rows: number; routes: number }>(
        `SELECT substring(endpoint FROM '.*/') AS offer, count(*)::int AS rows, count(DISTINCT endpoint)::int AS routes FROM enterprise.request_metrics GROUP BY 1`,
      );
      return new Map(rows.map((row) => [row.offer, row]));
    });
    for (const { offer, rows, routes } of offers.values()) assert.equal(rows, routes, `${offer} twice`);
    const missing = accepted.filter((offer) => offers.get(offer)?.rows !== EVENTS_PER_OFFER);
    assert.deepEqual(missing, [], 'accepted and not stored');
    assert.ok(accepted.length > ROUNDS * COLLECTORS, `${accepted.length} offers accepted`);
    assert.ok(recovered > 0, 'something waited in a spool in the end');
  } finally {
    await server.stop();
    for (const dataDir of dataDirs) rmSync(dataDir, { recursive: true, force: true });
  }
});
