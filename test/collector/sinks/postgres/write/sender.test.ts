import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import type { AgentLink } from '../../../../../src/collector/agent-link.ts';
import { type AgentHandlers, receiveFrom } from '../../../../../src/collector/receivers/agents.ts';
import { SentBatches } from '../../../../../src/collector/receivers/sent-batches.ts';
import { encodeEvents, sectionsOf } from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { Spool } from '../../../../../src/collector/sinks/postgres/spool/spool.ts';
import { createStorage, type Storage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { tuplesOf } from '../../../../../src/collector/sinks/postgres/write/tuples.ts';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import type { AgentMessage, CollectorMessage } from '../../../../../src/core/frame.ts';
import { type NervecenterEvent, SIGNALS } from '../../../../../src/core/signals/index.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { SHARED, sourceNamed } from '../../../../link/messages.ts';
import { unseen } from '../../../../support/measuring.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { oneOfEach, requestEvents } from '../events.ts';

const PATIENCE_MS = 60_000;
const SENDER_COLUMNS = ['service', 'instance_id'];
const TABLES = Object.values(SIGNALS)
  .filter(({ name }) => name !== 'system')
  .map(({ table }) => table);

let server: TestPostgres;
let database: PostgresConfig;
let dataDir: string;
let storage: Storage | null = null;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

afterEach(async () => {
  await storage?.shutdown(PATIENCE_MS);
  storage = null;
  rmSync(dataDir, { recursive: true, force: true });
});

async function startStorage(): Promise<Storage> {
  storage = createStorage({
    ...unseen(),
    config: { postgres: database, dataDir, spoolMaxBytes: MIB },
    log: () => {},
  });
  await storage.start();
  return storage;
}

async function newPlace(): Promise<void> {
  database = await server.createDatabase();
  dataDir = reachableTempDir();
}

function sendersIn(table: string): Promise<unknown[]> {
  return server.using(database, async (client) => {
    const { rows } = await client.query(`SELECT service, instance_id FROM enterprise.${table}`);
    return rows;
  });
}

/** What an agent says over its link, up to the answer to its last message. */
async function conversation(
  handlers: Pick<AgentHandlers, 'events'>,
  messages: readonly AgentMessage[],
): Promise<void> {
  const answers: CollectorMessage[] = [];
  let hear: (message: unknown) => void = () => {};
  const link: AgentLink = {
    onMessage: (listener) => {
      hear = listener;
    },
    onClose: () => {},
    send: (message) => answers.push(message),
    close: () => {},
  };
  const nothing = () => {};
  receiveFrom(link, {
    sharing: SHARED,
    sentBatches: new SentBatches(),
    join: () => true,
    leave: nothing,
    takeLeft: () => {},
    frame: nothing,
    refused: (what) => assert.fail(what),
    ask: nothing,
    goodbye: nothing,
    ...handlers,
  });
  for (const message of messages) hear(message);
  await until(() => answers.length === messages.length);
}

test('a row says which process sent it, whatever the event claims; the collector’s own say none', async () => {
  await newPlace();
  const { offer, flush } = bound(await startStorage());
  const source = sourceNamed('shop');
  const claimed = { instanceId: randomUUID(), service: 'claimed' };
  const events = oneOfEach().map((event) => ({ ...event, sender: claimed }));
  await conversation({ events: offer }, [
    { type: 'hello', source },
    { type: 'events', batch: 1, again: false, events },
  ]);
  assert.equal(await flush(), true);
  for (const table of TABLES) {
    const expected = [{ service: 'shop', instance_id: source.instanceId }];
    assert.deepEqual(await sendersIn(table), expected, table);
  }
  await offer(oneOfEach());
  assert.equal(await flush(), true);
  const [, own] = await sendersIn('cache_metrics');
  assert.deepEqual(own, { service: null, instance_id: null });
});

function bound(one: Storage) {
  return {
    offer: (events: readonly NervecenterEvent[]) => one.offer(events),
    flush: () => one.flush(PATIENCE_MS),
  };
}

test('what an earlier version left in the spool, without these columns, is stored', async () => {
  await newPlace();
  const events = [...oneOfEach(), ...requestEvents(3)];
  const spool = await Spool.open({
    directory: join(dataDir, 'spool'),
    maxBytes: MIB,
    onLost: () => assert.fail(),
  });
  const batch = { writer: randomUUID(), seq: 1, rows: events.length, payload: earlierPayload(events) };
  await spool.append(batch, () => {});
  await spool.close();
  const later = await startStorage();
  await until(() => later.counts().stored === events.length, { timeoutMs: PATIENCE_MS });
  assert.deepEqual(later.counts().dropped, {});
  const none = { service: null, instance_id: null };
  for (const table of TABLES.filter((one) => one !== 'request_metrics')) {
    assert.deepEqual(await sendersIn(table), [none], table);
  }
  assert.deepEqual(await sendersIn('request_metrics'), [none, none, none, none]);
});

/** The payload as a version without the sender's columns wrote it: they are the last ones. */
function earlierPayload(events: readonly NervecenterEvent[]): Buffer {
  const sections = sectionsOf(encodeEvents(events).payload).map(({ table, columns, rows, tuples }) => {
    const kept = columns.filter(([name]) => !SENDER_COLUMNS.includes(name));
    const fields = tuplesOf(tuples).flatMap((tuple) => {
      const count = Buffer.alloc(2);
      count.writeInt16BE(kept.length);
      return [count, ...tuple.slice(0, kept.length)];
    });
    const bytes = Buffer.concat(fields);
    return { header: { table, columns: kept, rows, bytes: bytes.length }, bytes };
  });
  const header = Buffer.from(JSON.stringify(sections.map((one) => one.header)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, ...sections.map(({ bytes }) => bytes)]);
}
