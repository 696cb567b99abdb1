import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { Keyv as KeyvCache } from 'keyv';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { announceCaches, cacheManager } from '../../../src/agent/caches/cache-manager.ts';
import { ioredis } from '../../../src/agent/caches/ioredis.ts';
import { keyv } from '../../../src/agent/caches/keyv.ts';
import { lruCache } from '../../../src/agent/caches/lru-cache.ts';
import { tried } from '../../packages/tried.ts';
import { RedisServer } from '../../support/caches/redis-server.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const require = createRequire(import.meta.url);

let server: RedisServer;
let agent: RecordingAgent;
let undos: (() => void)[];
let redis: import('ioredis').Redis;
let Keyv: typeof import('keyv').Keyv;
let createCache: (options?: object) => {
  get(key: string): Promise<unknown>;
  mget(keys: string[]): Promise<unknown[]>;
  set(key: string, value: unknown): Promise<unknown>;
  wrap(key: string, load: () => unknown): Promise<unknown>;
  ttl(key: string): Promise<unknown>;
};
/** The version of keyv that cache-manager brings. */
let ManagedKeyv: typeof Keyv;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  agent = new RecordingAgent();
  undos = [ioredis, keyv, cacheManager, lruCache].map((instrumentation) => instrumentation.start(agent));
  ({ Keyv } = require('keyv'));
  ({ createCache } = require('cache-manager'));
  ({ Keyv: ManagedKeyv } = createRequire(require.resolve('cache-manager'))('keyv'));
  const { Redis } = require('ioredis') as typeof import('ioredis');
  redis = new Redis({ port: server.port, host: '127.0.0.1' });
});
afterEach(() => {
  redis.disconnect();
  for (const undo of undos.reverse()) undo();
});

/** A keyv store over Redis that keeps its keys, `emb:…`, as they are. */
function redisStore() {
  return {
    get: async (key: string) => (await redis.get(key)) ?? undefined,
    set: async (key: string, value: string) => redis.set(key, value),
    delete: async (key: string) => (await redis.del(key)) > 0,
    clear: async () => {},
  };
}

const overRedis = (Cache: typeof Keyv): KeyvCache =>
  new Cache({ store: redisStore() as never, useKeyPrefix: false } as never);

test(`${tried('cacheLayers')}: keyv over Redis over two versions: one look-up each`, async () => {
  for (const Cache of [Keyv, ManagedKeyv]) {
    const cache = overRedis(Cache);
    await cache.get('emb:q');
    await cache.set('emb:q', 'v');
    assert.equal(await cache.get('emb:q'), 'v');
    await cache.delete('emb:q');
  }
  assert.deepEqual(agent.lookups, [
    ['embedding', false],
    ['embedding', true],
    ['embedding', false],
    ['embedding', true],
  ]);
});

test('keyv over lru-cache is one look-up, and a look-up of lru-cache by itself another', async () => {
  const { LRUCache } = require('lru-cache') as typeof import('lru-cache');
  const store = new LRUCache<string, string>({ max: 10 });
  const cache = new Keyv({ store: store as never });
  await cache.get('rag:q');
  store.get('plain');
  assert.deepEqual(agent.lookups, [
    ['rag', false],
    ['lru-cache', false],
  ]);
});

test('many keys at once are one look-up each', async () => {
  for (const Cache of [Keyv, ManagedKeyv]) {
    const cache = new Cache({ namespace: 'pages' });
    await cache.set('a', 1);
    await cache.get(['a', 'rag:b']);
    await cache.getMany(['a', 'rag:b']);
  }
  const each = [
    ['pages', true],
    ['rag', false],
  ];
  assert.deepEqual(agent.lookups, [...each, ...each, ...each, ...each]);
});

test('a store that fails is neither hit nor miss', async () => {
  const broken = { ...redisStore(), get: () => Promise.reject(new Error('down')) };
  const cache = new Keyv({ store: broken as never });
  cache.on('error', () => {});
  assert.equal(await cache.get('rag:q'), undefined);
  const throwing = new ManagedKeyv({ store: broken as never, throwOnErrors: true });
  await assert.rejects(throwing.get('rag:q'), /down/);
  assert.deepEqual(agent.lookups, []);
});

test('cache-manager over two stores: what the second store has is one hit', async () => {
  const [first, second] = [new ManagedKeyv(), overRedis(ManagedKeyv)];
  const cache = createCache({ stores: [first, second] });
  await second.set('emb:both', 'v');
  assert.equal(await cache.get('emb:both'), 'v');
  assert.deepEqual(await cache.mget(['emb:both', 'rag:none']), ['v', undefined]);
  assert.equal(await cache.get('plain'), undefined);
  await cache.ttl('emb:both');
  assert.deepEqual(agent.lookups, [
    ['embedding', true],
    ['embedding', true],
    ['rag', false],
    ['cache-manager', false],
  ]);
});

test('wrap is one look-up; the look-ups of what it loads are their own', async () => {
  const cache = createCache();
  const inner = new Keyv({ namespace: 'inner' });
  const load = async () => {
    await inner.get('x');
    return ['loaded'];
  };
  const joined = await Promise.all([cache.wrap('rag:q', load), cache.wrap('rag:q', load)]);
  assert.deepEqual(joined, [['loaded'], ['loaded']]);
  await cache.wrap('rag:q', load);
  assert.deepEqual(agent.lookups.toSorted(), [
    ['inner', false],
    ['rag', false],
    ['rag', false],
    ['rag', true],
  ]);
});

test('with every store down there is no look-up', async () => {
  const broken = new ManagedKeyv({
    store: { ...redisStore(), get: () => Promise.reject(new Error('down')) } as never,
    throwOnErrors: true,
  });
  const cache = createCache({ stores: [broken] });
  assert.equal(await cache.get('rag:q'), undefined);
  assert.deepEqual(agent.lookups, []);
});

test('what a connection opened by a look-up does later is no part of it', async () => {
  const later: Promise<unknown>[] = [];
  const store = {
    ...redisStore(),
    get: async () => void setImmediate(() => later.push(redis.get('emb:later'))),
  };
  await new Keyv({ store: store as never }).get('rag:q');
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(later);
  assert.deepEqual(agent.lookups, [
    ['rag', false],
    ['embedding', false],
  ]);
});

test('an ES module of another shape is left as it is', () => {
  const known = announceCaches('const a = () => ({});\nexport { a as createCache, KeyvAdapter };');
  assert.match(known, /cache = a\(\.\.\.options\)/);
  assert.match(known, /export \{ nervecenterCreateCache as createCache, KeyvAdapter \};$/);
  for (const other of [
    'export const createCache = 1;',
    'export { b };',
    'export { createCache }; export { createCache };',
  ]) {
    assert.equal(announceCaches(other), other);
  }
});
