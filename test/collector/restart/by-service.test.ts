import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Collector } from '../../../src/collector/start.ts';
import type { PostgresConfig } from '../../../src/config/config.ts';
import type { AgentMessage, CollectorMessage } from '../../../src/core/frame.ts';
import { OTHER_SENDERS } from '../../../src/core/history/sender-filter.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { FedCollector } from './fed-collector.ts';
import { requestOrCall } from './traffic.ts';

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

/** One more process that sends to the collector. */
function agentOf({ attach }: Collector, service: string) {
  const instanceId = randomUUID();
  let send: (message: AgentMessage) => void = () => {};
  let accepted = 0;
  let batch = 0;
  attach({
    onMessage: (listener) => {
      send = listener;
    },
    onClose: () => {},
    send: (message: CollectorMessage) => {
      if (message.type === 'accepted') accepted = message.batch;
    },
    close: () => {},
  });
  const frameIntervalMs = milliseconds(1000);
  const source = { service, instanceId, host: 'h', pid: 1, instrumentations: [], frameIntervalMs };
  send({ type: 'hello', source });
  return {
    instanceId,
    offer: (events: readonly NervecenterEvent[]) =>
      send({ type: 'events', batch: ++batch, again: false, events }),
    accepted: () => until(() => accepted === batch),
  };
}

const counted = ({ api, llm }: Snapshot): number[] => [
  api.requests_total,
  api.errors_total,
  llm.total_requests,
  llm.tokens_out_total,
];
const sum = (parts: readonly number[][]): number[] =>
  (parts[0] ?? []).map((_, at) => parts.reduce((total, part) => total + (part[at] ?? 0), 0));

async function countedBy(fed: FedCollector, query: string): Promise<number[]> {
  return counted((await (await fed.get(`/api/metrics/snapshot?${query}`)).json()) as Snapshot);
}

const events = (count: number) => Array.from({ length: count }, (_, i) => requestOrCall(i));
const service = (name: string) => `service=${encodeURIComponent(name)}`;

/** What was stored before services were told apart. */
async function storeFromBefore(database: PostgresConfig): Promise<void> {
  const attributes = '{"http.route": "/old", "http.request.method": "GET", "http.response.status_code": 500}';
  await server.using(database, (client) =>
    client.query(
      `INSERT INTO enterprise.totals (metric, series, attributes, count, sum, zero_count)
       VALUES ('http.server.request.duration', 'before', '${attributes}', 7, 7, 0)`,
    ),
  );
}

describe('what services counted', () => {
  it('adds up to the whole, and is theirs again after a restart', async () => {
    const database = await server.createDatabase();
    let fed = await FedCollector.start(database, dataDir);
    const agents = ['shop', 'shop', 'search'].map((name) => agentOf(fed.collector, name));
    // At once, so that batches mix them.
    for (const [i, agent] of agents.entries()) agent.offer(events(100 * (i + 1)));
    for (const agent of agents) await agent.accepted();
    const whole = await until(async () => {
      const snapshot = await fed.snapshot();
      return snapshot.pipeline.events_stored >= 600 ? snapshot : null;
    });
    const [shop, search] = [await countedBy(fed, service('shop')), await countedBy(fed, service('search'))];
    assert.deepEqual(sum([shop, search]), counted(whole));
    const byInstance = await Promise.all(
      agents.map(({ instanceId }) => countedBy(fed, `instance=${instanceId}`)),
    );
    assert.deepEqual(sum(byInstance), counted(whole));
    assert.deepEqual(sum(byInstance.slice(0, 2)), shop);
    await fed.collector.shutdown(5000);

    await storeFromBefore(database);
    fed = await FedCollector.start(database, dataDir);
    try {
      const after = await until(async () => {
        const snapshot = await fed.snapshot();
        return snapshot.pipeline.totals === 'known' ? snapshot : null;
      });
      assert.deepEqual(await countedBy(fed, service('shop')), shop);
      assert.deepEqual(await countedBy(fed, service('search')), search);
      assert.deepEqual(await countedBy(fed, service(OTHER_SENDERS)), [7, 7, 0, 0]);
      assert.deepEqual(counted(after), sum([counted(whole), [7, 7, 0, 0]]));
      const again = agentOf(fed.collector, 'shop');
      again.offer(events(10));
      await again.accepted();
      assert.deepEqual(await countedBy(fed, service('shop')), sum([shop, [9, 1, 1, 55]]));
    } finally {
      await fed.collector.shutdown(5000);
    }
  });
});
