import assert from 'node:assert/strict';
import { test } from 'vitest';
import { cacheNameOf, DEFAULT_CACHES, parseCachePrefixes } from '../../../src/core/names/cache-names.ts';

test('the first prefix that matches names the cache', () => {
  const caches = [
    { prefix: 'a:', name: 'first' },
    { prefix: 'a:b', name: 'second' },
  ];
  assert.equal(cacheNameOf('a:b', caches), 'first');
  assert.equal(cacheNameOf('rag:1', caches), undefined);
  assert.equal(cacheNameOf('rag:1', DEFAULT_CACHES), 'rag');
  assert.equal(cacheNameOf('ragtime', DEFAULT_CACHES), undefined);
  assert.equal(cacheNameOf(42, DEFAULT_CACHES), undefined);
});

test('pairs are read in order, and * is every key', () => {
  const caches = parseCachePrefixes(['rag=v2:rag:', ' pages = p=', 'rest=*']);
  assert.ok(typeof caches !== 'string');
  assert.equal(cacheNameOf('p=1', caches), 'pages');
  assert.equal(cacheNameOf('', caches), 'rest');
  assert.deepEqual(parseCachePrefixes(['rag=rag:', 'embedding=emb:']), DEFAULT_CACHES);
});

test('what cannot be read is handed back', () => {
  const long = `a=${'x'.repeat(101)}`;
  for (const bad of ['rag', 'rag=', '=rag:', 'a b=c', `${'n'.repeat(51)}=c`, long]) {
    assert.equal(parseCachePrefixes(['rag=rag:', bad]), bad);
  }
  const many = Array.from({ length: 51 }, (_, at) => `c${at}=c${at}:`);
  assert.equal(parseCachePrefixes(many), 'c50=c50:');
});
