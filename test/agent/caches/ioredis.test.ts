import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Redis as Client } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { ioredis } from '../../../src/agent/caches/ioredis.ts';
import { RedisServer } from '../../support/caches/redis-server.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const { Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis');

let server: RedisServer;
let agent: RecordingAgent;
let stop: () => void;
let redis: Client;

interface ConnectOptions {
  readonly enableAutoPipelining?: boolean;
  readonly keyPrefix?: string;
  readonly lazyConnect?: boolean;
  readonly protocol?: 2 | 3;
}

const connect = (options: ConnectOptions = {}) =>
  new Redis({ port: server.port, host: '127.0.0.1', ...options });

beforeAll(async () => {
  server = await RedisServer.start();
  const seed = connect();
  await Promise.all([
    seed.set('rag:there', 'v'),
    seed.set('app:rag:there', 'v'),
    seed.hset('rag:hash', 'f', 'v'),
  ]);
  seed.disconnect();
});
afterAll(() => server.stop());
beforeEach(() => {
  agent = new RecordingAgent();
  stop = ioredis.start(agent);
  redis = connect();
});
afterEach(() => {
  redis.disconnect();
  stop();
});

test('commands that read a value are look-ups, one per key', async () => {
  await redis.mget('rag:there', 'session:1', 'emb:none');
  await redis.getBuffer('rag:there');
  await redis.getex('rag:none');
  await redis.getdel('rag:none');
  await redis.hget('rag:hash', 'f');
  await redis.hmget('rag:hash', 'f', 'none');
  await redis.hmget('rag:hash', 'none');
  await redis.hgetall('rag:hash');
  await redis.hgetall('rag:none');
  await redis.call('GET', 'rag:there');
  await redis.get(Buffer.from('emb:none'));
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['embedding', false],
    ['rag', true],
    ['rag', false],
    ['rag', false],
    ['rag', true],
    ['rag', true],
    ['rag', false],
    ['rag', true],
    ['rag', false],
    ['rag', true],
    ['embedding', false],
  ]);
});

test('keys of no cache and commands that read no value are none', async () => {
  await redis.get('session:1');
  await redis.exists('rag:there');
  await redis.set('rag:there', 'v');
  await redis.del('rag:none');
  assert.deepEqual(agent.lookups, []);
});

test('a command that fails is neither hit nor miss, and still fails in the app’s hands', async () => {
  await assert.rejects(redis.get('rag:hash'), /WRONGTYPE/);
  assert.deepEqual(agent.lookups, []);
});

test('pipelines and transactions', async () => {
  await redis.pipeline().get('rag:there').get('rag:hash').get('emb:none').exec();
  await redis.multi().get('rag:there').set('rag:x', 'v').get('rag:hash').mget('rag:none', 'emb:none').exec();
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['embedding', false],
    ['rag', true],
    ['rag', false],
    ['embedding', false],
  ]);
});

test('commands sent by themselves in a pipeline, with a key prefix, over RESP3', async () => {
  const other = connect({ enableAutoPipelining: true, keyPrefix: 'app:', protocol: 3 });
  await Promise.all([other.get('rag:there'), other.get('emb:none')]);
  other.disconnect();
  assert.ok(server.commands.some(([name, version]) => name?.toUpperCase() === 'HELLO' && version === '3'));
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['embedding', false],
  ]);
});

test('caches are named by the operator’s prefixes', async () => {
  stop();
  const settings = {
    errorMessages: false,
    includeUsage: false,
    caches: [
      { prefix: 'session:', name: 'sessions' },
      { prefix: '', name: 'redis' },
    ],
  };
  stop = ioredis.start(Object.assign(agent, { settings }));
  await redis.get('session:1');
  await redis.get('rag:there');
  assert.deepEqual(agent.lookups, [
    ['sessions', false],
    ['redis', true],
  ]);
});

test('a command waiting for its connection is counted once, when it is answered', async () => {
  const lazy = connect({ lazyConnect: true });
  const answers = [lazy.get('rag:there'), lazy.get('rag:none')];
  assert.deepEqual(agent.lookups, []);
  await Promise.all(answers);
  lazy.disconnect();
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['rag', false],
  ]);
});

test('after stop nothing is counted', async () => {
  stop();
  assert.equal(await redis.get('rag:there'), 'v');
  assert.deepEqual(agent.lookups, []);
});
