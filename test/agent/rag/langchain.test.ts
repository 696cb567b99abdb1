import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest';
import { type AgentHandle, publishHandle } from '../../../src/agent/api/handle.ts';
import { langchain } from '../../../src/agent/rag/langchain.ts';
import { queryHash, runRagQuery } from '../../../src/agent/rag/rag.ts';
import { type StubServer, sendJson, startStub } from '../llm/support/stub-server.ts';
import { type ObservedQueries, observeQueries, summary } from './observed-queries.ts';

type Retrievers = typeof import('@langchain/core/retrievers');

let server: StubServer;
let observed: ObservedQueries;
let stop: () => void;
/** As an ES module and as CommonJS: two copies of everything. */
const loaded: [string, Retrievers][] = [];

beforeAll(async () => {
  server = await startStub();
  server.handler = (request, response) => {
    if (request.url === '/v1/embeddings') {
      const data = [{ object: 'embedding', index: 0, embedding: [0.1] }];
      sendJson(response, 200, {
        object: 'list',
        data,
        model: 'm',
        usage: { prompt_tokens: 3, total_tokens: 3 },
      });
    } else {
      sendJson(response, 200, {
        result: [
          { id: 1, score: 0.5 },
          { id: 2, score: 0.25 },
          { id: 3, score: 0 },
        ],
      });
    }
  };
  observed = observeQueries();
  stop = langchain.start(observed.agent);
  loaded.push(['ESM', await import('@langchain/core/retrievers')]);
  loaded.push(['CommonJS', createRequire(import.meta.url)('@langchain/core/retrievers')]);
});
beforeEach(() => {
  publishHandle({
    ragQuery: (attributes, fn) => runRagQuery(observed.dependencies, attributes, fn),
  } as AgentHandle);
});
afterAll(async () => {
  publishHandle(undefined);
  stop();
  observed.stop();
  await server.close();
});

const post = (path: string, body: unknown) =>
  fetch(server.url + path, { method: 'POST', body: JSON.stringify(body) }).then((response) =>
    response.text(),
  );

/** Embeds the question and asks Qdrant for three points, of which it gives two documents. */
function retrieverOf({ BaseRetriever }: Retrievers) {
  return new (class extends BaseRetriever {
    lc_namespace = ['test'];
    override async _getRelevantDocuments(question: string) {
      if (question === 'fail') throw new RangeError('no');
      await post('/v1/embeddings', { model: 'm', input: question });
      await post('/collections/docs/points/search', { vector: [0.1], limit: 3 });
      return ['a', 'b'].map((pageContent) => ({ pageContent, metadata: {} }));
    }
  })();
}

describe("a retriever of LangChain's", () => {
  it('is a RAG query by itself', async () => {
    for (const [how, retrievers] of loaded) {
      const documents = await retrieverOf(retrievers).invoke('What is it?');
      assert.deepEqual(
        documents.map(({ pageContent }) => pageContent),
        ['a', 'b'],
      );
      const [event] = await observed.take(1);
      assert.ok(event, how);
      assert.deepEqual(summary(event), {
        stages: ['vector_search', 'embedding'],
        chunks: 2,
        top: 0.5,
        average: 0.25,
      });
      assert.equal(event.queryHash, queryHash('What is it?'));
      assert.doesNotMatch(JSON.stringify(event), /What is it/);
    }
  });

  it('over a vector store and embeddings of its own is one query, too', async () => {
    const { VectorStore } = await import('@langchain/core/vectorstores');
    const { OpenAIEmbeddings } = await import('@langchain/openai');
    const embeddings = new OpenAIEmbeddings({ apiKey: 'k', configuration: { baseURL: `${server.url}/v1` } });
    class Store extends VectorStore {
      override _vectorstoreType(): string {
        return 'test';
      }
      override async addVectors(): Promise<void> {}
      override async addDocuments(): Promise<void> {}
      override async similaritySearchVectorWithScore(
        vector: number[],
        k: number,
      ): Promise<[{ pageContent: string; metadata: object }, number][]> {
        await post('/collections/docs/points/search', { vector, limit: k });
        return [[{ pageContent: 'a', metadata: {} }, 0.5]];
      }
    }
    const retriever = new Store(embeddings, {}).asRetriever(3);
    assert.equal((await retriever.invoke('What is it?')).length, 1);
    const [event] = await observed.take(1);
    assert.ok(event);
    assert.deepEqual(summary(event), {
      stages: ['vector_search', 'embedding'],
      chunks: 1,
      top: 0.5,
      average: 0.25,
    });
    assert.deepEqual(observed.agent.events, []);
  });

  it('inside a query is its vector search, without what is seen inside', async () => {
    for (const [how, retrievers] of loaded) {
      const event = await observed.query(() => retrieverOf(retrievers).invoke('What is it?'));
      assert.deepEqual(summary(event), {
        stages: ['vector_search', 'embedding'],
        chunks: 2,
        top: 0.5,
        average: 0.25,
      });
      const sum = Object.values(event.stages).reduce((a, b) => a + b, 0);
      assert.ok(sum <= event.durationMs + 1e-6, `${how}: ${sum} of ${event.durationMs}`);
      assert.deepEqual(observed.agent.events, []);
    }
  });

  it('inside a stage that the app named is part of that', async () => {
    for (const [, retrievers] of loaded) {
      const event = await observed.query((query) =>
        query.stage('retrieval', () => retrieverOf(retrievers).invoke('What?')),
      );
      assert.deepEqual(summary(event), { stages: ['retrieval'], chunks: 2, top: 0.5, average: 0.25 });
    }
  });

  it('fails as it would, and the query with it', async () => {
    for (const [, retrievers] of loaded) {
      await assert.rejects(retrieverOf(retrievers).invoke('fail'), RangeError);
      const [event] = await observed.take(1);
      assert.deepEqual([event?.outcome, event?.errorType], ['error', 'RangeError']);
    }
  });

  it('is left alone where no agent is', async () => {
    publishHandle(undefined);
    for (const [, retrievers] of loaded) {
      assert.equal((await retrieverOf(retrievers).invoke('What?')).length, 2);
    }
    observed.agent.events.splice(0);
  });
});
