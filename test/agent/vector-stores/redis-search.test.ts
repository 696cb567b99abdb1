import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { isRedisVectorSearch } from '../../../src/agent/vector-stores/redis-reply.ts';
import { redisSearch } from '../../../src/agent/vector-stores/redis-search.ts';
import { RedisServer, type Reply } from '../../support/caches/redis-server.ts';
import { type ObservedQueries, observeQueries, summary } from '../rag/observed-queries.ts';

const require = createRequire(import.meta.url);
const { createClient } = require('redis') as typeof import('redis');
const { Redis } = require('ioredis') as typeof import('ioredis');

const KNN = '*=>[KNN 2 @embedding $vector AS distance]';
const VECTOR = Buffer.from(new Float32Array([1, 2]).buffer);
const FOUND = { stages: ['vector_search'], chunks: 2, top: null, average: null };
const SCORED = { ...FOUND, top: 0.75, average: 0.5 };
const NOT_SEEN = { stages: [], chunks: null, top: null, average: null };

const SEARCH_RESP2 = [7, 'doc:1', ['body', 'SECRET'], 'doc:2', ['body', 'b']];
const documentResp3 = (id: string) =>
  new Map<string, Reply>([
    ['id', id],
    ['extra_attributes', new Map([['body', 'SECRET']])],
    ['values', []],
  ]);
const SEARCH_RESP3 = new Map<string, Reply>([
  ['attributes', []],
  ['total_results', 7],
  ['format', 'STRING'],
  ['results', [documentResp3('doc:1'), documentResp3('doc:2')]],
  ['warning', []],
]);

let server: RedisServer;
let observed: ObservedQueries;
let stop: () => void;
const closings: (() => void)[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
  observed = observeQueries();
  stop = redisSearch.start(observed.agent);
});
afterEach(() => {
  for (const close of closings.splice(0)) close();
  observed.agent.events.splice(0);
});
afterAll(async () => {
  stop();
  observed.stop();
  await server.stop();
});

const seen = async (fn: () => unknown) => summary(await observed.query(fn));

async function nodeRedis(RESP: 2 | 3) {
  const client = await createClient({ RESP, socket: { port: server.port, host: '127.0.0.1' } }).connect();
  closings.push(() => client.destroy());
  return client;
}

function ioredis() {
  const client = new Redis({ port: server.port, host: '127.0.0.1' });
  closings.push(() => client.disconnect());
  return client;
}

describe('a vector search of Redis', () => {
  for (const RESP of [2, 3] as const) {
    it(`is seen through redis, over RESP${RESP}`, async () => {
      const client = await nodeRedis(RESP);
      server.replies.set('FT.SEARCH', RESP === 2 ? SEARCH_RESP2 : SEARCH_RESP3);
      const options = { PARAMS: { vector: VECTOR }, DIALECT: 2 as const };
      assert.deepEqual(await seen(() => client.ft.search('docs', KNN, options)), FOUND);
      assert.deepEqual(await seen(() => client.ft.search('docs', '@body:word')), NOT_SEEN);
      server.replies.set('VSIM', ['a', 'b']);
      assert.deepEqual(await seen(() => client.vSim('set', [1, 2])), FOUND);
      const pairs = new Map([
        ['a', '0.75'],
        ['b', '0.25'],
      ]);
      server.replies.set('VSIM', pairs);
      assert.deepEqual(await seen(() => client.vSimWithScores('set', [1, 2])), SCORED);
      assert.deepEqual(observed.agent.events, []);
    });
  }

  it('is seen through ioredis, in a pipeline too', async () => {
    const client = ioredis();
    server.replies.set('FT.SEARCH', SEARCH_RESP2);
    const search = ['docs', KNN, 'PARAMS', 2, 'vector', VECTOR, 'DIALECT', 2] as const;
    assert.deepEqual(await seen(() => client.call('FT.SEARCH', ...search)), FOUND);
    assert.deepEqual(await seen(() => client.call('FT.SEARCH', 'docs', '*')), NOT_SEEN);
    assert.deepEqual(
      await seen(() =>
        client
          .pipeline()
          .call('FT.SEARCH', ...search)
          .exec(),
      ),
      FOUND,
    );
    server.replies.set('FT.SEARCH', [7, 'doc:1', 'doc:2']);
    assert.deepEqual(await seen(() => client.call('FT.SEARCH', ...search, 'NOCONTENT')), FOUND);
    server.replies.set('VSIM', ['a', '0.75', 'b', '0.25']);
    assert.deepEqual(await seen(() => client.call('VSIM', 'set', 'ELE', 'x', 'WITHSCORES')), SCORED);
    server.replies.set('FT.HYBRID', ['total_results', 2, 'results', [['a'], ['b']]]);
    assert.deepEqual(await seen(() => client.call('FT.HYBRID', 'docs', 'SEARCH', '*')), FOUND);
  });

  it('that fails is timed and fails as it would', async () => {
    server.replies.set('FT.SEARCH', new Error('ERR no such index'));
    const redis = await nodeRedis(2);
    const failed = { ...FOUND, chunks: null };
    assert.deepEqual(await seen(() => assert.rejects(redis.ft.search('docs', KNN), /no such index/)), failed);
    const io = ioredis();
    assert.deepEqual(await seen(() => assert.rejects(io.call('FT.SEARCH', 'docs', KNN), /no such/)), failed);
  });

  it('outside of a query is nobody’s', async () => {
    server.replies.set('VSIM', ['a']);
    await ioredis().call('VSIM', 'set', 'ELE', 'x');
    await (await nodeRedis(3)).vSim('set', 'x');
    assert.deepEqual(observed.agent.events, []);
  });
});

it('only queries for vectors are vector searches', () => {
  const queries = [
    '(@year:[2020 2025])=>[KNN 10 @v $BLOB]',
    '@v:[VECTOR_RANGE 0.5 $BLOB]',
    '*=>{[KNN 1 @v $b]}',
  ];
  for (const query of queries) assert.equal(isRedisVectorSearch('ft.search', ['docs', query]), true, query);
  for (const query of ['*', 'knn', '@title:(KNN)', 5, undefined]) {
    assert.equal(isRedisVectorSearch('ft.search', ['docs', query]), false, String(query));
  }
  assert.equal(isRedisVectorSearch('get', ['docs', KNN]), false);
});

it('that its client throws over at once is over at once', async () => {
  const { default: Queue } = require('@redis/client/dist/lib/client/commands-queue.js');
  const { stages, durationMs } = await observed.query(() => {
    assert.throws(() => Queue.prototype.addCommand.call(null, ['FT.SEARCH', 'docs', KNN]), TypeError);
    const goOnMs = performance.now() + 20;
    while (performance.now() < goOnMs);
  });
  const { vector_search } = stages;
  assert.ok(vector_search !== undefined && vector_search <= durationMs - 20, `${vector_search}`);
});
