import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, test } from 'vitest';
import { createLruCache } from '../../../src/agent/caches/lru-cache.ts';
import { SIZED_INSTANCES_MAX } from '../../../src/agent/caches/sizes.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const { LRUCache } = createRequire(import.meta.url)('lru-cache') as typeof import('lru-cache');
const run = promisify(execFile);

let agent: RecordingAgent;
let stop: () => void;

beforeEach(() => {
  agent = new RecordingAgent();
  stop = createLruCache({ sizeIntervalMs: 2 }).start(agent);
});
afterEach(() => stop());

test('get: hit and miss, named by the key’s prefix', () => {
  const cache = new LRUCache<string, number>({ max: 10 });
  cache.get('rag:q');
  cache.set('rag:q', 1);
  cache.get('rag:q');
  cache.get('emb:q');
  cache.get('session:1');
  assert.deepEqual(agent.lookups, [
    ['rag', false],
    ['rag', true],
    ['embedding', false],
    ['lru-cache', false],
  ]);
});

test('set, has, peek and delete are no look-ups', () => {
  const cache = new LRUCache<string, number>({ max: 1 });
  cache.set('a', 1).set('b', 2);
  cache.has('b');
  cache.peek('b');
  cache.delete('b');
  assert.deepEqual(agent.lookups, []);
});

test('a stale value is a hit when the caller is given it', () => {
  let now = 1;
  const perf = { now: () => now };
  const strict = new LRUCache<string, number>({ max: 10, ttl: 10, perf, ttlResolution: 0 });
  const lenient = new LRUCache<string, number>({
    max: 10,
    ttl: 10,
    perf,
    ttlResolution: 0,
    allowStale: true,
  });
  strict.set('a', 1);
  lenient.set('a', 1);
  now = 100;
  assert.equal(strict.get('a'), undefined);
  assert.equal(lenient.get('a'), 1);
  assert.deepEqual(
    agent.lookups.map(([, hit]) => hit),
    [false, true],
  );
});

test('fetch: a miss that loads, a join in flight, then hits; forced refreshes are misses', async () => {
  const cache = new LRUCache<string, string>({ max: 10, fetchMethod: async (key) => `value of ${key}` });
  const [first] = await Promise.all([cache.fetch('rag:a'), cache.fetch('rag:a')]);
  assert.equal(first, 'value of rag:a');
  await cache.fetch('rag:a');
  await cache.fetch('rag:a', { forceRefresh: true });
  assert.deepEqual(agent.lookups, [
    ['rag', false],
    ['rag', false],
    ['rag', true],
    ['rag', false],
  ]);
});

test('fetch without a fetch method is a get, counted once', async () => {
  const cache = new LRUCache<string, number>({ max: 10 });
  cache.set('a', 1);
  await cache.fetch('a');
  await cache.fetch('b');
  assert.deepEqual(
    agent.lookups.map(([, hit]) => hit),
    [true, false],
  );
});

test('a failing fetch still fails in the app’s hands', async () => {
  const cache = new LRUCache<string, string>({
    max: 10,
    fetchMethod: async () => {
      throw new Error('the app’s own');
    },
  });
  await assert.rejects(async () => cache.fetch('a'), /the app’s own/);
  assert.deepEqual(agent.lookups, [['lru-cache', false]]);
});

test('forceFetch is a look-up, and a status the app asked for is still told', async () => {
  const cache = new LRUCache<string, string>({ max: 10, fetchMethod: async (key) => key });
  const status: { fetch?: string } = {};
  await cache.forceFetch('emb:a', { status: status as never });
  assert.equal(status.fetch, 'miss');
  await cache.forceFetch('emb:a');
  assert.deepEqual(agent.lookups, [
    ['embedding', false],
    ['embedding', true],
  ]);
});

for (const app of ['fetching.mjs', 'fetching.cjs']) {
  test(`${app}: fetches are seen, and a rejection nobody handles still ends the app`, async () => {
    const preload = join(import.meta.dirname, 'preload.ts');
    const child = run(process.execPath, ['--require', preload, join(import.meta.dirname, 'apps', app)]);
    await assert.rejects(child, (error: { code: number; stdout: string; stderr: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /the app’s own/);
      assert.deepEqual(JSON.parse(error.stdout), [
        ['rag', false],
        ['rag', true],
        ['lru-cache', false],
      ]);
      return true;
    });
  });
}

test('memo: computed once, then a hit', () => {
  const cache = new LRUCache<string, string>({ max: 10, memoMethod: (key) => key.toUpperCase() });
  cache.memo('emb:a');
  cache.memo('emb:a');
  assert.deepEqual(agent.lookups, [
    ['embedding', false],
    ['embedding', true],
  ]);
});

test('sizes are summed per name; bytes only where the cache measures them', async () => {
  const plain = new LRUCache<string, string>({ max: 10 });
  const others = [1, 2].map(
    () => new LRUCache<string, string>({ maxSize: 1000, sizeCalculation: (value) => value.length }),
  );
  plain.set('rag:a', 'x');
  plain.get('rag:a');
  for (const cache of others) {
    cache.set('emb:a', '12345');
    cache.get('emb:a');
  }
  const reported = (wanted: unknown) =>
    agent.sizes.some((size) => JSON.stringify(size) === JSON.stringify(wanted));
  await until(() => reported(['rag', 1, null]) && reported(['embedding', 2, 10]));
  others[0]?.clear();
  await until(() => reported(['embedding', 1, 5]));
});

test('sizes are asked of a bounded number of instances, look-ups of all are counted', async () => {
  const caches = Array.from(
    { length: SIZED_INSTANCES_MAX + 5 },
    () => new LRUCache<string, number>({ max: 2 }),
  );
  for (const cache of caches) {
    cache.set('a', 1);
    cache.get('a');
  }
  assert.equal(agent.lookups.length, caches.length);
  assert.deepEqual(agent.warnings, ['lru-cache.instances']);
  await until(() => agent.sizes.length > 0);
  assert.deepEqual(agent.sizes[0], ['lru-cache', SIZED_INSTANCES_MAX, null]);
});

test('what others publish on the channel is ignored', () => {
  const metrics = channel('lru-cache:metrics');
  for (const odd of [undefined, null, 'get', {}, { op: 'get', key: Symbol('x'), cache: 7 }])
    metrics.publish(odd);
  assert.deepEqual(agent.lookups, [['lru-cache', false]]);
});

test('after stop nothing is counted and nothing is published', () => {
  stop();
  new LRUCache<string, number>({ max: 1 }).get('a');
  assert.deepEqual(agent.lookups, []);
  assert.equal(channel('lru-cache:metrics').hasSubscribers, false);
});
