import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { requestEvents } from '../sinks/postgres/events.ts';
import { FedCollector } from './fed-collector.ts';

const EVENTS = 3;

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

/** A request to OTLP with an event that says it is of the last batch that there can be of a process. */
function lastBatchOf(instanceId: string): string {
  const record = {
    timeUnixNano: `${Date.now()}000000`,
    eventName: 'nervecenter.event',
    body: { stringValue: JSON.stringify(requestEvents(1)[0]) },
    attributes: [
      text('nervecenter.signal', 'request'),
      text('nervecenter.batch.writer', instanceId),
      text('nervecenter.batch.seq', String(Number.MAX_SAFE_INTEGER)),
    ],
  };
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] });
}

let server: TestPostgres;
let dataDir: string;
let fed: FedCollector | null = null;
beforeEach(async () => {
  server = await startPostgres();
  dataDir = reachableTempDir();
});
afterEach(async () => {
  await fed?.collector.shutdown(5000);
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

it('what an OTLP sender says of an agent’s batches silences the agent neither now nor after a restart', async () => {
  const database = await server.createDatabase();
  const agent = randomUUID();
  const port = await freePort();
  const body = lastBatchOf(agent);
  const send = async () => {
    const headers = { 'content-type': 'application/json' };
    const { status } = await fetch(`http://127.0.0.1:${port}/v1/logs`, { method: 'POST', headers, body });
    return status === 200;
  };
  const total = async () => (await fed?.snapshot())?.api.requests_total;
  const start = async () => {
    fed = await FedCollector.start(database, dataDir, { NERVECENTER_OTLP_PORT: String(port) }, agent);
    await until(send); // 503 until it is known what was accepted before.
    return fed;
  };

  const first = await start();
  await until(async () => (await total()) === 1);
  await first.collector.shutdown(5000);
  const second = await start();
  await second.feed(requestEvents(EVENTS));
  await until(() => second.accepted);
  await until(async () => (await total()) === 1 + EVENTS);
  assert.equal(await send(), true);
  await second.feed(requestEvents(EVENTS));
  await until(() => second.accepted);
  await until(async () => (await total()) === 1 + 2 * EVENTS);
});
