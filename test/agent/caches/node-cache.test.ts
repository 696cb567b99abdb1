import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, beforeEach, test } from 'vitest';
import { createNodeCache } from '../../../src/agent/caches/node-cache.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

let agent: RecordingAgent;
let stop: () => void;
let NodeCache: typeof import('node-cache');

beforeEach(() => {
  agent = new RecordingAgent();
  stop = createNodeCache({ sizeIntervalMs: 2 }).start(agent);
  NodeCache = createRequire(import.meta.url)('node-cache') as typeof import('node-cache');
});
afterEach(() => stop());

test('get, mget and take are look-ups, has and getTtl are not', () => {
  const cache = new NodeCache({ checkperiod: 0 });
  cache.set('rag:q', 1);
  cache.get('rag:q');
  cache.mget(['rag:q', 'emb:none', 'plain']);
  cache.take('rag:q');
  cache.get('rag:q');
  cache.has('rag:q');
  cache.getTtl('rag:q');
  assert.deepEqual(agent.lookups, [
    ['rag', true],
    ['rag', true],
    ['embedding', false],
    ['node-cache', false],
    ['rag', true],
    ['rag', false],
  ]);
  assert.deepEqual([cache.getStats().hits, cache.getStats().misses], [3, 3]);
});

test('an invalid key still throws and is no look-up', () => {
  const cache = new NodeCache({ checkperiod: 0 });
  assert.throws(() => cache.get({} as string));
  assert.deepEqual(agent.lookups, []);
});

test('keys and bytes are those the cache counts', async () => {
  const cache = new NodeCache({ checkperiod: 0 });
  cache.set('emb:a', 'value');
  cache.get('emb:a');
  const { keys, ksize, vsize } = cache.getStats();
  await until(() => agent.sizes.length > 0);
  assert.deepEqual(agent.sizes[0], ['embedding', keys, ksize + vsize]);
});
