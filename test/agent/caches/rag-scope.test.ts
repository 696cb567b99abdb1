import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { ioredis } from '../../../src/agent/caches/ioredis.ts';
import { keyv } from '../../../src/agent/caches/keyv.ts';
import { memjs } from '../../../src/agent/caches/memjs.ts';
import { redis } from '../../../src/agent/caches/redis.ts';
import { CacheTally } from '../../../src/agent/caches/tally.ts';
import type { WorkContext } from '../../../src/agent/context/context.ts';
import { runRagQuery } from '../../../src/agent/rag/rag.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import type { RagQueryEvent } from '../../../src/core/signals/rag-query.ts';
import { MemcachedServer } from '../../support/caches/memcached-server.ts';
import { RedisServer } from '../../support/caches/redis-server.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const require = createRequire(import.meta.url);

/** Counts as the real agent does. */
class TallyingAgent extends RecordingAgent {
  readonly tally = new CacheTally();
  override cacheLookup(name: string, hit: boolean, work?: WorkContext | null): void {
    super.cacheLookup(name, hit);
    this.tally.lookup(name, hit, work);
  }
}

type Get = (key: string) => Promise<unknown>;

let redisServer: RedisServer;
let memcachedServer: MemcachedServer;
let agent: TallyingAgent;
let undos: (() => void)[];

beforeAll(async () => {
  [redisServer, memcachedServer] = await Promise.all([RedisServer.start(), MemcachedServer.start()]);
});
afterAll(() => Promise.all([redisServer.stop(), memcachedServer.stop()]));
beforeEach(() => {
  agent = new TallyingAgent();
  undos = [ioredis, redis, memjs, keyv].map((instrumentation) => instrumentation.start(agent));
});
afterEach(() => {
  for (const undo of undos.reverse()) undo();
});

/** Two queries at once on one connection, which the first of them opens: one hits, one misses. */
async function assertEachQueryHasItsOwn(get: Get): Promise<void> {
  const stageNames = new StageNames();
  const query = (key: string) =>
    runRagQuery({ agent, stageNames, onInvalid: assert.fail }, {}, () => get(key));
  await get('rag:there'); // Of no query.
  await Promise.all([query('rag:there'), query('rag:none'), get('rag:none')]);
  const hits = (agent.events as RagQueryEvent[]).map(({ cacheHit }) => cacheHit);
  assert.deepEqual(hits.sort(), [false, true]);
  assert.equal(agent.lookups.length, 4);
}

for (const enableAutoPipelining of [false, true]) {
  test(`ioredis, auto-pipelining ${enableAutoPipelining}: a query has its own look-ups`, async () => {
    const { Redis } = require('ioredis') as typeof import('ioredis');
    const client = new Redis({ port: redisServer.port, host: '127.0.0.1', enableAutoPipelining });
    await client.set('rag:there', 'v');
    await assertEachQueryHasItsOwn((key) => client.get(key)).finally(() => client.disconnect());
  });
}

test('redis: a query has its own look-ups', async () => {
  const { createClient } = require('redis') as typeof import('redis');
  const client = await createClient({ socket: { port: redisServer.port, host: '127.0.0.1' } }).connect();
  await client.set('rag:there', 'v');
  await assertEachQueryHasItsOwn((key) => client.get(key)).finally(() => client.destroy());
});

test('memjs: a query has its own look-ups', async () => {
  const { Client } = require('memjs');
  const client = Client.create(`127.0.0.1:${memcachedServer.port}`);
  await client.set('rag:there', 'v', {});
  await assertEachQueryHasItsOwn((key) => client.get(key)).finally(() => client.close());
});

test('keyv: a query has its own look-ups', async () => {
  const { Keyv } = require('keyv') as typeof import('keyv');
  const cache = new Keyv();
  await cache.set('rag:there', 'v');
  await assertEachQueryHasItsOwn((key) => cache.get(key));
});
