import assert from 'node:assert/strict';
import { test } from 'vitest';
import { until } from '../../../../support/poll.ts';
import { startPostgres } from '../../../../support/postgres.ts';
import { assertConserved, Producer } from './producer.ts';

/** In a file of its own, so that the minute passes while other files run. */
const OUTAGE_MS = 60_000;
const EVENTS_PER_SECOND = 1000;
const TICK_MS = 100;
const PATIENCE_MS = 60_000;

test('the server is gone for a minute under 1,000 events a second: all are on disk, then all are stored', async () => {
  const server = await startPostgres();
  const database = await server.createDatabase();
  const producer = new Producer({ database });
  let running: NodeJS.Timeout | undefined;
  try {
    await producer.storage.start();
    running = setInterval(() => producer.produce((EVENTS_PER_SECOND * TICK_MS) / 1000), TICK_MS);
    await until(() => producer.storage.counts().stored > 0);
    await server.halt();
    const outageEndsAt = performance.now() + OUTAGE_MS;
    await until(() => performance.now() >= outageEndsAt, { timeoutMs: 2 * OUTAGE_MS });
    assert.equal(producer.storage.state, 'down');
    assert.ok(producer.storage.durable);
    const before = producer.storage.counts();
    assert.ok(
      before.spoolBytes > 1_000_000 && producer.acknowledged >= producer.produced.length - EVENTS_PER_SECOND,
    );
    await server.resume();
    clearInterval(running);
    await producer.settled();
    await until(() => producer.acknowledged === producer.produced.length, { timeoutMs: PATIENCE_MS });
    await assertConserved(server, database, producer);
    assert.equal(producer.dropped, 0);
    assert.ok(producer.storage.counts().spoolBytes < before.spoolBytes / 2, 'the spool has shrunk');
    assert.ok(producer.produced.length >= (OUTAGE_MS / 1000) * EVENTS_PER_SECOND * 0.5);
  } finally {
    clearInterval(running);
    await producer.close();
    await server.stop();
  }
});
