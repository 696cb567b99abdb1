import assert from 'node:assert/strict';
import { test } from 'vitest';
import { CACHE_NAMES_MAX, CacheTally } from '../../../src/agent/caches/tally.ts';
import { type RagScope, runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { OTHER_CACHES } from '../../../src/core/signals/cache.ts';

test('frames and minutes each get what happened since they were last taken', () => {
  const tally = new CacheTally();
  assert.ok(tally.isEmpty);
  tally.lookup('rag', true);
  tally.lookup('rag', false);
  assert.ok(!tally.isEmpty);
  assert.deepEqual(tally.takeDeltas(), [{ name: 'rag', hits: 1, misses: 1 }]);
  tally.lookup('rag', true);
  tally.lookup('embedding', false);
  assert.deepEqual(tally.takeDeltas(), [
    { name: 'rag', hits: 1, misses: 0 },
    { name: 'embedding', hits: 0, misses: 1 },
  ]);
  assert.deepEqual(tally.takeDeltas(), []);
  const unknown = { keysCount: null, memoryUsedBytes: null };
  assert.deepEqual(tally.takeMinute(), [
    { cacheName: 'rag', hits: 2, misses: 1, ...unknown },
    { cacheName: 'embedding', hits: 0, misses: 1, ...unknown },
  ]);
  tally.lookup('rag', true);
  assert.deepEqual(tally.takeMinute(), [{ cacheName: 'rag', hits: 1, misses: 0, ...unknown }]);
  assert.deepEqual(tally.takeMinute(), []);
});

test('sizes go with the minute and the gauges; impossible ones are unknown', () => {
  const tally = new CacheTally();
  tally.lookup('rag', true);
  tally.size('rag', 12, 3456.7);
  tally.size('idle', Number.NaN, -1);
  assert.deepEqual(tally.sizes(), [{ name: 'rag', keys: 12, bytes: 3457 }]);
  assert.deepEqual(tally.takeMinute(), [
    { cacheName: 'rag', hits: 1, misses: 0, keysCount: 12, memoryUsedBytes: 3457 },
  ]);
});

const hitsOf = (tally: CacheTally): Readonly<Record<string, number>> =>
  Object.fromEntries(tally.takeDeltas().map(({ name, hits }) => [name, hits]));
const sumOf = (hits: Readonly<Record<string, number>>) =>
  Object.values(hits).reduce((sum, one) => sum + one, 0);

test('the caches of the specification have their names after 50 others, and so has what is in use', () => {
  const tally = new CacheTally();
  for (let i = 0; i < CACHE_NAMES_MAX; i++) tally.lookup(`cache ${i}`, true);
  for (let i = 0; i < 200; i++) for (const name of ['rag', 'embedding', 'late']) tally.lookup(name, true);
  const hits = hitsOf(tally);
  assert.deepEqual([hits['rag'], hits['embedding'], hits['late']], [200, 200, 200]);
  assert.equal(sumOf(hits), CACHE_NAMES_MAX + 600, 'those that gave up their places are told once more');
  for (let i = 0; i < 10; i++) tally.lookup('late', true);
  assert.deepEqual(hitsOf(tally), { late: 10 });
});

test('a cache has one row a minute, however often it gave up its place', () => {
  const tally = new CacheTally();
  for (let round = 0; round < 3; round++) {
    tally.lookup('comes back', true);
    for (let i = 0; i < CACHE_NAMES_MAX; i++) tally.lookup(`cache ${round} ${i}`, true);
  }
  const minutes = tally.takeMinute();
  assert.equal(new Set(minutes.map(({ cacheName }) => cacheName)).size, minutes.length);
  assert.equal(
    minutes.reduce((sum, { hits }) => sum + hits, 0),
    3 + 3 * CACHE_NAMES_MAX,
  );
});

test('names are bounded in number and length, and nothing is lost', () => {
  let folded = 0;
  const tally = new CacheTally({ onFolded: () => folded++ });
  for (let i = 0; i < 1000; i++) tally.lookup(`cache ${i}`, true);
  tally.size('cache 999', 5, 5);
  const hits = hitsOf(tally);
  assert.ok(
    Object.keys(hits).length <= 2 * CACHE_NAMES_MAX + 1,
    'as many as have places, and as many that left',
  );
  assert.ok((hits[OTHER_CACHES] ?? 0) > 900 - CACHE_NAMES_MAX);
  assert.equal(sumOf(hits), 1000);
  assert.equal(folded, 1000 - CACHE_NAMES_MAX + 1);
  tally.takeMinute();
  for (let i = 0; i < CACHE_NAMES_MAX; i++) tally.lookup('cache 0', true);
  // So many have come at once that it has to come again.
  assert.deepEqual(hitsOf(tally), { [OTHER_CACHES]: 1, 'cache 0': CACHE_NAMES_MAX - 1 });

  const fresh = new CacheTally();
  fresh.lookup('x'.repeat(1000), true);
  fresh.lookup('x'.repeat(1000), false);
  assert.deepEqual(fresh.takeDeltas(), [{ name: 'x'.repeat(50), hits: 1, misses: 1 }]);
});

test('the RAG query a look-up happens in is told', () => {
  const seen: unknown[] = [];
  const ragScope = {
    sawCacheLookup: (name: string, hit: boolean) => seen.push([name, hit]),
  } as unknown as RagScope;
  const query = new WorkContext({ ragScope });
  const tally = new CacheTally();
  runInContext(query, () => tally.lookup('rag', false));
  runInContext(new WorkContext({ parent: query }), () => tally.lookup('embedding', true));
  tally.lookup('rag', true);
  assert.deepEqual(seen, [
    ['rag', false],
    ['embedding', true],
  ]);
});
