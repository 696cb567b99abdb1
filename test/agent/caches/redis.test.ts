import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { redis as instrumentation } from '../../../src/agent/caches/redis.ts';
import { RedisServer } from '../../support/caches/redis-server.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const { createClient, createClientPool } = createRequire(import.meta.url)('redis') as typeof import('redis');

let server: RedisServer;
let agent: RecordingAgent;
let stop: () => void;
let redis: Awaited<ReturnType<typeof connect>>;

const connect = (RESP: 2 | 3 = 2) =>
  createClient({ RESP, socket: { port: server.port, host: '127.0.0.1' } }).connect();

beforeAll(async () => {
  server = await RedisServer.start();
  const seed = await connect();
  await Promise.all([seed.set('rag:there', 'v'), seed.hSet('rag:hash', 'f', 'v')]);
  seed.destroy();
});
afterAll(() => server.stop());
beforeEach(async () => {
  agent = new RecordingAgent();
  stop = instrumentation.start(agent);
  redis = await connect();
});
afterEach(() => {
  redis.destroy();
  stop();
});

test('commands that read a value are look-ups, one per key', async () => {
  await redis.mGet(['rag:there', 'session:1', 'emb:none']);
  await redis.getEx('rag:there', { type: 'PERSIST' });
  await redis.getDel('rag:none');
  await redis.hGet('rag:hash', 'f');
  await redis.hmGet('rag:hash', ['none']);
  await redis.hGetAll('rag:hash');
  await redis.hGetAll('rag:none');
  await redis.sendCommand(['GET', 'emb:none']);
  await redis.get(Buffer.from('rag:there'));
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['embedding', false],
    ['rag', true],
    ['rag', false],
    ['rag', true],
    ['rag', false],
    ['rag', true],
    ['rag', false],
    ['embedding', false],
    ['rag', true],
  ]);
});

test('keys of no cache and commands that read no value are none', async () => {
  await redis.get('session:1');
  await redis.exists('rag:there');
  await redis.set('rag:there', 'v');
  assert.deepEqual(agent.lookups, []);
});

test('a command that fails is neither hit nor miss, and still fails in the app’s hands', async () => {
  await assert.rejects(redis.get('rag:hash'), /WRONGTYPE/);
  assert.deepEqual(agent.lookups, []);
});

test('pipelines and transactions', async () => {
  await redis.multi().get('rag:there').get('emb:none').execAsPipeline();
  await redis.multi().get('rag:there').set('rag:x', 'v').mGet(['rag:none', 'emb:none']).exec();
  await assert.rejects(redis.multi().get('rag:hash').get('rag:there').exec());
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['embedding', false],
    ['rag', true],
    ['rag', false],
    ['embedding', false],
    ['rag', true],
  ]);
});

test('RESP3, and a pool of connections', async () => {
  const resp3 = await connect(3);
  await resp3.get('rag:none');
  await resp3.hGetAll('rag:hash');
  resp3.destroy();
  const pool = createClientPool({ socket: { port: server.port, host: '127.0.0.1' } });
  await pool.connect();
  await pool.get('rag:there');
  pool.destroy();
  assert.deepEqual(agent.lookups, [
    ['rag', false],
    ['rag', true],
    ['rag', true],
  ]);
});

test('what the client keeps itself is a hit without a command', async () => {
  const caching = createClient({
    RESP: 3,
    clientSideCache: { ttl: 0, maxEntries: 10 },
    socket: { port: server.port, host: '127.0.0.1' },
  });
  await caching.connect();
  server.commands.length = 0;
  await caching.get('rag:there');
  await caching.get('rag:there');
  await caching.get('emb:none');
  caching.destroy();
  assert.equal(server.commands.filter(([name]) => name === 'GET').length, 2);
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['rag', true],
    ['embedding', false],
  ]);
});

test('after stop nothing is counted', async () => {
  stop();
  assert.equal(await redis.get('rag:there'), 'v');
  assert.deepEqual(agent.lookups, []);
});
