import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { recognise } from '../../../src/agent/llm/dialects/index.ts';
import { JsonScanner } from '../../../src/agent/llm/reader/json-scanner.ts';
import { searchesVectors } from '../../../src/agent/vector-stores/pgvector.ts';
import { recogniseSearch, VECTOR_STORES } from '../../../src/agent/vector-stores/stores.ts';

const UNKNOWN = 'db.example.com';

/** Host, path, store, and whether the path alone proves it. */
const SEARCHES: readonly (readonly [host: string, path: string, store: string, certain: boolean])[] = [
  [UNKNOWN, '/collections/docs/points/query', 'qdrant', true],
  [UNKNOWN, '/prefix/collections/docs/points/search/batch?consistency=all', 'qdrant', true],
  ['docs-1.svc.eu.pinecone.io', '/query', 'pinecone', true],
  [UNKNOWN, '/query', 'pinecone', false],
  [UNKNOWN, '/records/namespaces/__default__/search', 'pinecone-records', true],
  [UNKNOWN, '/api/v2/tenants/t/databases/d/collections/c/query', 'chroma', true],
  [UNKNOWN, '/api/v1/collections/c/query', 'chroma', true],
  [UNKNOWN, '/v1/graphql', 'weaviate', false],
  [UNKNOWN, '/v2/vectordb/entities/hybrid_search', 'milvus', true],
  [UNKNOWN, '/docs/_search?typed_keys=true', 'elasticsearch', false],
  [UNKNOWN, "/indexes('docs')/docs/search.post.search", 'azure-ai-search', false],
  [UNKNOWN, '/qdrant.Points/QueryBatch', 'grpc', true],
  [UNKNOWN, '/weaviate.v1.Weaviate/Search', 'grpc', true],
  [UNKNOWN, '/milvus.proto.milvus.MilvusService/Search', 'grpc', true],
];

describe('vector searches', () => {
  it('are recognised by host and path, and none is taken for a call of a model', () => {
    for (const [host, path, store, certain] of SEARCHES) {
      const found = recogniseSearch(host, path);
      assert.deepEqual([found?.store.name, found?.certain], [store, certain], path);
      assert.equal(
        recognise(host, path, () => false),
        null,
        path,
      );
    }
    for (const { name } of VECTOR_STORES)
      assert.ok(
        SEARCHES.some(([, , store]) => store === name),
        name,
      );
  });

  it('are no other request', () => {
    const others = [
      '/',
      '/search',
      '/api/query',
      '/v1/embeddings',
      '/v1/chat/completions',
      '/collections/docs/points',
      '/collections/docs/points/scroll',
      '/api/v2/tenants/t/databases/d/collections/c/get',
      '/v2/vectordb/entities/query',
      '/docs/_doc',
      '/qdrant.Points/Upsert',
    ];
    for (const path of others) assert.equal(recogniseSearch(UNKNOWN, path), null, path);
  });

  it('are read from any answer without a throw, to counts and finite scores or nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...VECTOR_STORES), fc.json(), fc.nat(60), (store, text, cut) => {
        for (const piece of [text, text.slice(0, cut)]) {
          const scanner = new JsonScanner(store.wanted);
          scanner.write(piece);
          const results = store.read(scanner.found);
          if (results === null) continue;
          assert.ok(Number.isInteger(results.count) && results.count >= 0);
          assert.ok(results.scores === null || Number.isFinite(results.scores.average));
        }
      }),
    );
  });
});

describe('statements', () => {
  it('search vectors by the operators of pgvector, wherever else the same characters are', () => {
    const searches = [
      'SELECT * FROM items ORDER BY embedding <-> $1 LIMIT 5',
      'SELECT 1 - (embedding <=> $1::vector) AS similarity FROM items',
      'SELECT (embedding <#> $1) * -1 FROM items',
      'SELECT * FROM items ORDER BY embedding<+>$1',
      `SELECT * FROM items WHERE title = 'it''s <->' ORDER BY embedding <-> '[1,2]'`,
      'SELECT "a--b" FROM t ORDER BY v <-> $1',
    ];
    for (const statement of searches) assert.equal(searchesVectors(statement), true, statement);
    const others = [
      '',
      'SELECT a <> b, c <= d FROM t',
      "SELECT phraseto_tsquery('a') @@ to_tsquery('a <-> b')",
      'SELECT /* by <=> */ 1 -- <->',
      `SELECT 'an open literal <->`,
      'SELECT /* an open comment <->',
    ];
    for (const statement of others) assert.equal(searchesVectors(statement), false, statement);
  });

  it('of any length and shape are looked at in time that grows with their length only', () => {
    for (const piece of ["'", '"', '/*', '/*/', '--', '<->', "'<->", '\\']) {
      assert.equal(typeof searchesVectors(`${piece.repeat(300_000 / piece.length)} <-> `), 'boolean');
    }
    assert.equal(
      searchesVectors(`SELECT v <-> '[${'0.1,'.repeat(400_000)}1]'`),
      false,
      'longer than is looked at',
    );
  });
});
