import assert from 'node:assert/strict';
import { test } from 'vitest';
import { CACHE_NAMES_MAX, CacheTally, OTHER_CACHES } from '../../../src/agent/caches/tally.ts';
import { type RagScope, runInContext, WorkContext } from '../../../src/agent/context/context.ts';

test('frames and minutes each get what happened since they were last taken', () => {
  const tally = new CacheTally();
  tally.lookup('rag', true);
  tally.lookup('rag', false);
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

test('names are bounded in number and length, and nothing is lost', () => {
  const tally = new CacheTally();
  const names = Array.from({ length: CACHE_NAMES_MAX * 3 }, (_, i) => `cache ${i}`);
  for (const name of [...names, ...names]) tally.lookup(name, true);
  tally.size('cache 149', 5, 5);
  const deltas = tally.takeDeltas();
  assert.equal(deltas.length, CACHE_NAMES_MAX + 1);
  assert.equal(
    deltas.reduce((sum, { hits }) => sum + hits, 0),
    names.length * 2,
  );
  assert.deepEqual(deltas.at(-1), { name: OTHER_CACHES, hits: CACHE_NAMES_MAX * 4, misses: 0 });
  assert.deepEqual(tally.sizes(), []);

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
