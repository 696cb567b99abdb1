import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Pinecone } from '@pinecone-database/pinecone';
import { QdrantClient } from '@qdrant/js-client-rest';
import { ChromaClient } from 'chromadb';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { currentContext } from '../../../src/agent/context/context.ts';
import { runRagQuery } from '../../../src/agent/rag/rag.ts';
import { until } from '../../support/poll.ts';
import { type StubServer, sendJson, startStub } from '../llm/support/stub-server.ts';
import { type ObservedQueries, observeQueries, summary } from '../rag/observed-queries.ts';

const SEARCH = 'vector_search';

let server: StubServer;
let observed: ObservedQueries;

beforeAll(async () => {
  server = await startStub();
  observed = observeQueries();
});
afterAll(async () => {
  observed.stop();
  await server.close();
});
afterEach(() => {
  observed.agent.events.splice(0);
  assert.deepEqual(observed.agent.warnings, []);
});

/** Answers by path: a document, or what to do with the response. */
function answering(paths: Record<string, unknown>): void {
  server.handler = (request, response) => {
    const answer = paths[(request.url ?? '').split('?')[0] ?? ''];
    if (typeof answer === 'function') answer(response);
    else sendJson(response, answer === undefined ? 404 : 200, answer ?? { error: 'no such path' });
  };
}

const post = (path: string, body: unknown) =>
  fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).then((response) => response.text());

const vector = Array.from({ length: 1536 }, (_, i) => Math.sin(i));

describe('vector searches through the real client of', () => {
  it('Qdrant: query, search, batches, groups', async () => {
    const point = (id: number, score: number) => ({
      id,
      version: 3,
      score,
      payload: { text: 'SECRET' },
      vector,
    });
    const answer = (result: unknown) => ({ result, status: 'ok', time: 0.001 });
    answering({
      '/': { title: 'qdrant', version: '1.19.0' },
      '/collections/docs/points/query': answer({ points: [point(1, 0.9), point(2, 0.5), point(3, 0.1)] }),
      '/collections/docs/points/search': answer([point(1, 0.25)]),
      '/collections/docs/points/query/batch': answer([{ points: [point(1, 1)] }, { points: [point(2, 0)] }]),
      '/collections/docs/points/search/batch': answer([[point(1, 1)], [point(2, 0.5)]]),
      '/collections/docs/points/query/groups': answer({
        groups: [{ id: 'a', hits: [point(1, 1), point(2, 0)] }],
      }),
      '/collections/docs/points/scroll': answer({ points: [point(1, 1)] }),
    });
    const client = new QdrantClient({ url: server.url, checkCompatibility: false });
    const found = async (fn: () => Promise<unknown>) => summary(await observed.query(fn));
    const query = { query: vector, limit: 3 };
    assert.deepEqual(await found(() => client.query('docs', query)), {
      stages: [SEARCH],
      chunks: 3,
      top: 0.9,
      average: 0.5,
    });
    assert.deepEqual(await found(() => post('/collections/docs/points/search', { vector, limit: 1 })), {
      stages: [SEARCH],
      chunks: 1,
      top: 0.25,
      average: 0.25,
    });
    const twice = await found(() => client.queryBatch('docs', { searches: [query, query] }));
    assert.deepEqual([twice.chunks, twice.average], [2, 0.5]);
    const lists = await found(() =>
      post('/collections/docs/points/search/batch', { searches: [{ vector, limit: 1 }] }),
    );
    assert.deepEqual([lists.chunks, lists.average], [2, 0.75]);
    const groups = await found(() => client.queryGroups('docs', { ...query, group_by: 'id' }));
    assert.deepEqual([groups.chunks, groups.average], [2, 0.5]);
    const scroll = await found(() => client.scroll('docs', {}));
    assert.deepEqual([scroll.stages, scroll.chunks], [[], null]);
    assert.doesNotMatch(JSON.stringify(observed.agent.events), /SECRET/);
  });

  it('Pinecone: by vector and by text', async () => {
    answering({
      '/query': {
        matches: [
          { id: 'a', score: 0.75, values: vector },
          { id: 'b', score: 0.25, values: [] },
        ],
        namespace: 'n',
        usage: { readUnits: 1 },
      },
      '/records/namespaces/n/search': {
        result: { hits: [{ _id: 'a', _score: 0.5, fields: { text: 'SECRET' } }] },
        usage: { readUnits: 1 },
      },
    });
    const index = new Pinecone({ apiKey: 'k' }).index({ host: server.url }).namespace('n');
    const byVector = await observed.query(() => index.query({ topK: 2, vector }));
    assert.deepEqual(summary(byVector), { stages: [SEARCH], chunks: 2, top: 0.75, average: 0.5 });
    const byText = await observed.query(() =>
      index.searchRecords({ query: { topK: 1, inputs: { text: 'what' } } }),
    );
    assert.deepEqual(summary(byText), { stages: [SEARCH], chunks: 1, top: 0.5, average: 0.5 });
  });

  it('Chroma: which gives distances, no scores', async () => {
    const base = '/api/v2/tenants/default_tenant/databases/default_database/collections';
    const id = '7f3c9a52-9f7b-4b4e-8a55-2f0f3f1c4c11';
    const collection = { id, name: 'docs', metadata: null, configuration_json: {}, dimension: 2 };
    answering({
      '/api/v2/pre-flight-checks': { max_batch_size: 1000 },
      '/api/v2/auth/identity': { tenant: 'default_tenant', databases: ['default_database'], user_id: '' },
      [`${base}/docs`]: { ...collection, tenant: 'default_tenant', database: 'default_database' },
      [`${base}/${id}/query`]: {
        ids: [['a', 'b'], ['c']],
        distances: [[0.1, 0.2], [0.3]],
        documents: [['SECRET', null], [null]],
        include: ['distances', 'documents'],
      },
    });
    const client = new ChromaClient({ host: '127.0.0.1', port: server.port, ssl: false });
    const embeddingFunction = { name: 'none', generate: async () => [[1, 2]] };
    const docs = await client.getCollection({ name: 'docs', embeddingFunction: embeddingFunction as never });
    const event = await observed.query(() =>
      docs.query({
        queryEmbeddings: [
          [1, 2],
          [2, 1],
        ],
        nResults: 2,
      }),
    );
    assert.deepEqual(summary(event), { stages: [SEARCH], chunks: 3, top: null, average: null });
  });
});

describe('vector searches over HTTP of', () => {
  it('Weaviate: GraphQL with a vector, whatever the class is called', async () => {
    answering({
      '/v1/graphql': {
        data: { Get: { Article: [{ title: 'SECRET' }, { title: 'x' }], Page: [{ title: 'y' }] } },
      },
    });
    const near = `{ Get { Article(limit: 2, nearVector: {vector: [${vector}]}) { title } } }`;
    const event = await observed.query(() => post('/v1/graphql', { query: near }));
    assert.deepEqual(summary(event), { stages: [SEARCH], chunks: 3, top: null, average: null });
    const plain = await observed.query(() => post('/v1/graphql', { query: '{ Get { Article { title } } }' }));
    assert.deepEqual(summary(plain).stages, []);
  });

  it('Milvus', async () => {
    const hits = [
      { distance: 0.9, id: 1, text: 'SECRET' },
      { distance: 0.8, id: 2 },
    ];
    answering({ '/v2/vectordb/entities/search': { code: 0, cost: 6, data: hits } });
    const event = await observed.query(() =>
      post('/v2/vectordb/entities/search', { collectionName: 'docs', data: [vector], limit: 2 }),
    );
    assert.deepEqual(summary(event), { stages: [SEARCH], chunks: 2, top: null, average: null });
  });

  it('Azure AI Search: by vectors only', async () => {
    const value = [
      { '@search.score': 0.75, title: 'SECRET' },
      { '@search.score': 0.25, title: 'x' },
    ];
    answering({
      "/indexes('docs')/docs/search.post.search": { value },
      '/indexes/docs/docs/search': { value: [] },
    });
    const vectorQueries = [{ kind: 'vector', vector, fields: 'v', k: 2 }];
    const version = '?api-version=2025-09-01';
    const hybrid = await observed.query(() =>
      post(`/indexes('docs')/docs/search.post.search${version}`, { search: 'q', vectorQueries }),
    );
    assert.deepEqual(summary(hybrid), { stages: [SEARCH], chunks: 2, top: 0.75, average: 0.5 });
    const none = await observed.query(() => post(`/indexes/docs/docs/search${version}`, { vectorQueries }));
    assert.deepEqual(summary(none), { stages: [SEARCH], chunks: 0, top: null, average: null });
    const words = await observed.query(() => post(`/indexes/docs/docs/search${version}`, { search: 'q' }));
    assert.deepEqual(summary(words).stages, []);
  });

  it('Elasticsearch and OpenSearch: by kNN only', async () => {
    const hits = {
      total: { value: 2 },
      max_score: 1.5,
      hits: [
        { _id: 'a', _score: 1.5 },
        { _id: 'b', _score: 0.5 },
      ],
    };
    answering({ '/docs/_search': { took: 1, hits } });
    const found = { stages: [SEARCH], chunks: 2, top: 1.5, average: 1 };
    const knn = { field: 'v', query_vector: vector, k: 2 };
    assert.deepEqual(summary(await observed.query(() => post('/docs/_search', { knn }))), found);
    const inQuery = { size: 2, query: { bool: { must: [{ knn: { v: { vector, k: 2 } } }] } } };
    assert.deepEqual(summary(await observed.query(() => post('/docs/_search?pretty', inQuery))), found);
    const words = { query: { match: { text: 'the word "knn": not a key' } } };
    assert.deepEqual(summary(await observed.query(() => post('/docs/_search', words))).stages, []);
  });
});

describe('a vector search', () => {
  const knn = { knn: { field: 'v', query_vector: vector, k: 2 } };
  const hits = (...scores: number[]) => ({
    hits: { hits: scores.map((_score, i) => ({ _id: `${i}`, _score })) },
  });

  it('is seen through node:http, too, whatever the pieces it is sent in', async () => {
    answering({ '/docs/_search': hits(3, 1) });
    const event = await observed.query(
      () =>
        new Promise<void>((resolve, reject) => {
          const options = { method: 'POST', headers: { 'content-type': 'application/json' } };
          const request = http.request(`${server.url}/docs/_search`, options, (response) => {
            response.resume().on('end', resolve);
          });
          request.on('error', reject);
          for (const character of JSON.stringify({ knn: { k: 2 } })) request.write(character);
          request.end();
        }),
    );
    assert.deepEqual(summary(event), { stages: [SEARCH], chunks: 2, top: 3, average: 2 });
  });

  it('over gRPC has a time; what it found is not read', async () => {
    const grpc = http2.createServer((_request, response) => response.end('protobuf'));
    await new Promise<void>((resolve) => grpc.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${(grpc.address() as AddressInfo).port}`);
    const event = await observed.query(
      () =>
        new Promise((resolve) => {
          const headers = {
            ':method': 'POST',
            ':path': '/qdrant.Points/Query',
            'content-type': 'application/grpc',
          };
          session
            .request(headers)
            .on('end', () => setImmediate(resolve))
            .resume()
            .end('protobuf');
        }),
    );
    assert.deepEqual(summary(event), { stages: [SEARCH], chunks: null, top: null, average: null });
    session.close();
    await new Promise((resolve) => grpc.close(resolve));
  });

  it('whose answer is compressed is read before the query is told of', async () => {
    const zipped = await promisify(gzip)(JSON.stringify(hits(0.5)));
    const answer = (response: ServerResponse) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(zipped);
    answering({ '/docs/_search': answer });
    const event = await observed.query(() => post('/docs/_search', knn));
    assert.deepEqual([event.chunksRetrieved, event.topScore], [1, 0.5]);
  });

  it('is told of where the process ends before its compressed answer is inflated', async () => {
    const zipped = await promisify(gzip)(JSON.stringify(hits(0.5)));
    const answer = (response: ServerResponse) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(zipped);
    answering({ '/docs/_search': answer });
    await runRagQuery(observed.dependencies, {}, () => post('/docs/_search', knn));
    observed.stop();
    const [event] = observed.agent.events.splice(0);
    assert.ok(event?.signal === 'rag-query');
    assert.deepEqual([event.chunksRetrieved, event.topScore], [1, 0.5]);
    observed = observeQueries();
  });

  it('that finds nothing found nothing; one that fails says nothing', async () => {
    answering({ '/docs/_search': hits() });
    assert.equal((await observed.query(() => post('/docs/_search', knn))).chunksRetrieved, 0);
    answering({ '/docs/_search': (response: ServerResponse) => sendJson(response, 503, hits(1)) });
    const refused = await observed.query(() => post('/docs/_search', knn));
    assert.deepEqual(summary(refused), { stages: [SEARCH], chunks: null, top: null, average: null });
    answering({ '/docs/_search': (response: ServerResponse) => response.destroy() });
    const broken = await observed.query(() => post('/docs/_search', knn).catch(() => {}));
    assert.deepEqual(summary(broken), { stages: [SEARCH], chunks: null, top: null, average: null });
  });

  it('of several is the last; what the app tells counts more', async () => {
    server.handler = (_request, response, body) =>
      sendJson(response, 200, String(body).includes('first') ? hits(1, 1) : hits(0.5));
    const event = await observed.query(async () => {
      await post('/docs/_search', { first: true, ...knn });
      await post('/docs/_search', knn);
    });
    assert.deepEqual([event.chunksRetrieved, event.topScore], [1, 0.5]);
    const told = await observed.query(async (query) => {
      query.result({ chunksRetrieved: 9 });
      await post('/docs/_search', knn);
    });
    assert.deepEqual([told.chunksRetrieved, told.topScore], [9, 0.5]);
  });

  it('outside of a query is nobody’s', async () => {
    answering({ '/docs/_search': hits(1) });
    assert.equal(currentContext(), undefined);
    await post('/docs/_search', knn);
    assert.deepEqual(observed.agent.events, []);
  });

  it('left behind ends with the query, and nothing is told twice', async () => {
    const held: ServerResponse[] = [];
    answering({ '/docs/_search': (response: ServerResponse) => void held.push(response) });
    let late: Promise<unknown> | undefined;
    const event = await observed.query(async () => {
      late = post('/docs/_search', knn);
      await until(() => held.length === 1);
    });
    assert.deepEqual(Object.keys(event.stages), [SEARCH]);
    assert.ok((event.stages[SEARCH] ?? 0) <= event.durationMs);
    for (const response of held) sendJson(response, 200, hits(1));
    await late;
    assert.deepEqual(observed.agent.events, []);
  });
});
