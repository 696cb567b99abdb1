import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { StubServer } from '../agent/llm/support/stub-server.ts';
import { RedisServer } from '../support/caches/redis-server.ts';
import type { Places } from './apps/query-all.ts';
import { PackageRuns, type Row } from './package-runs.ts';
import { tried } from './tried.ts';
import { PGVECTOR, startVectorStores } from './vector-stores.ts';

interface QueryRow {
  readonly id: string;
  readonly user_email: string;
  readonly trace_id: string;
  readonly total_ms: number;
  readonly stages: Readonly<Record<string, number>> | null;
  readonly chunks_retrieved: number | null;
  readonly top_score: number | null;
  readonly avg_score: number | null;
  readonly cache_hit: boolean | null;
  readonly embedding_cache_hit: boolean | null;
}

interface ExpectedQuery {
  readonly stages?: readonly string[];
  /** How many there were, the best score and the mean; none where the store tells distances. */
  readonly chunks?: readonly [count: number, top: number | null, average: number | null];
  readonly hits?: readonly [rag: boolean | null, embedding: boolean | null];
}

const SEARCH = ['vector_search'];
const EXPECTED: Readonly<Record<string, ExpectedQuery>> = {
  qdrant: { stages: SEARCH, chunks: [3, 0.9, 0.5] },
  pinecone: { stages: SEARCH, chunks: [2, 0.75, 0.5] },
  chromadb: { stages: SEARCH, chunks: [2, null, null] },
  pg: { stages: SEARCH, chunks: [2, null, null] },
  ioredis: { hits: [true, null] },
  redis: { hits: [null, false] },
  'lru-cache': { hits: [false, null] },
  'node-cache': { hits: [null, true] },
  whole: { stages: ['embedding', 'generation', 'rerank', 'vector_search'], chunks: [3, 0.9, 0.5] },
  'AI SDK': { stages: ['embedding', 'generation', 'rerank', 'vector_search'], chunks: [3, 0.9, 0.5] },
  LlamaIndex: { stages: ['embedding', 'vector_search'], chunks: [2, 0.9, 0.7] },
};
const PACKAGES: Readonly<Record<string, string>> = {
  qdrant: tried('qdrant'),
  pinecone: tried('pinecone'),
  chromadb: tried('chromadb'),
  pg: tried('pgvector'),
  ioredis: tried('ioredis'),
  redis: tried('redis'),
  'lru-cache': tried('lruCache'),
  'node-cache': tried('nodeCache'),
  whole: 'several of them',
  'AI SDK': tried('retrievalAi'),
  LlamaIndex: tried('retrievalLlamaIndex'),
};
/** The calls of models that are made inside. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  whole: ['embeddings', 'rerank', 'chat'],
  'AI SDK': ['embeddings', 'rerank', 'chat'],
  LlamaIndex: ['embeddings'],
};
const STARTS = [
  { app: 'retrieval.cjs', flag: '--require' },
  { app: 'retrieval.mjs', flag: '--import' },
];

describe('stores and caches through the real packages', () => {
  let runs: PackageRuns;
  let stores: StubServer;
  let redis: RedisServer;
  let places: Places;
  beforeAll(async () => {
    [runs, stores, redis] = await Promise.all([
      PackageRuns.start(),
      startVectorStores(),
      RedisServer.start(),
    ]);
    const env = await runs.appDatabase(PGVECTOR);
    const [host = '', port, user = '', database = ''] = ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE'].map(
      (name) => env[name],
    );
    places = {
      stores: stores.port,
      redis: redis.port,
      database: { host, port: Number(port), user, database },
    };
  });
  afterAll(async () => {
    await runs?.stop();
    await stores?.close();
    await redis?.stop();
  });

  for (const [runsBefore, { app, flag }] of STARTS.entries()) {
    describe(`${app} with ${flag}`, () => {
      let calls: readonly Row[];
      let queries: readonly QueryRow[];
      beforeAll(async () => {
        calls = (await runs.run(app, flag, [JSON.stringify(places)])).rows;
        const known = runsBefore * Object.keys(EXPECTED).length;
        queries = await runs.select<QueryRow>(
          `SELECT * FROM enterprise.rag_metrics ORDER BY id OFFSET ${known}`,
          ({ length }) => length >= Object.keys(EXPECTED).length,
        );
      });

      it('makes one row of each query', () => {
        assert.deepEqual(queries.map((row) => row.user_email).sort(), Object.keys(EXPECTED).sort());
      });

      for (const [name, expected] of Object.entries(EXPECTED)) {
        it(`${PACKAGES[name]}: one row, and its figures`, () => {
          const row = queries.find((query) => query.user_email === name);
          assert.ok(row);
          assertQuery(row, expected);
        });
      }

      it('calls of models are rows of their own in the trace of their query', () => {
        const traced = Object.entries(CALLS).flatMap(([name, operations]) => {
          const query = queries.find(({ user_email }) => user_email === name);
          return operations.map((operation) => [operation, query?.trace_id]);
        });
        assert.deepEqual(
          calls.map((row) => [row.operation, row.trace_id]),
          traced,
        );
      });

      it('look-ups are counted by cache, once each', async () => {
        const times = runsBefore + 1;
        const counted = await runs.select<{ hits: number }>(
          `SELECT cache_type, sum(hits)::int AS hits, sum(misses)::int AS misses
             FROM enterprise.cache_metrics GROUP BY 1 ORDER BY 1`,
          (rows) => rows.length >= 2 && rows.every(({ hits }) => hits >= times),
        );
        assert.deepEqual(
          counted,
          ['embedding', 'rag'].map((cache_type) => ({ cache_type, hits: times, misses: times })),
        );
      });
    });
  }
});

function assertQuery(row: QueryRow, { stages = [], chunks, hits = [null, null] }: ExpectedQuery): void {
  assert.deepEqual(Object.keys(row.stages ?? {}).sort(), stages);
  assert.deepEqual([row.chunks_retrieved, row.top_score, row.avg_score], chunks ?? [null, null, null]);
  assert.deepEqual([row.cache_hit, row.embedding_cache_hit], hits);
  const inStages = Object.values(row.stages ?? {}).reduce((sum, ms) => sum + ms, 0);
  assert.ok(inStages <= row.total_ms + 1e-6, `${inStages} of ${row.total_ms} ms`);
}
