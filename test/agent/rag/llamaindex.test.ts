import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest';
import { type AgentHandle, publishHandle } from '../../../src/agent/api/handle.ts';
import { llamaindex } from '../../../src/agent/rag/llamaindex.ts';
import { queryHash, runRagQuery } from '../../../src/agent/rag/rag.ts';
import { type StubServer, sendJson, startStub } from '../llm/support/stub-server.ts';
import { type ObservedQueries, observeQueries, summary } from './observed-queries.ts';

type Retrievers = typeof import('@llamaindex/core/retriever');
type Schema = typeof import('@llamaindex/core/schema');

let server: StubServer;
let observed: ObservedQueries;
let stop: () => void;
/** As an ES module and as CommonJS: two copies of everything. */
const loaded: [string, Retrievers & Schema][] = [];

beforeAll(async () => {
  server = await startStub();
  server.handler = (request, response) => {
    if (request.url === '/v1/embeddings') {
      const data = [{ object: 'embedding', index: 0, embedding: [0.1] }];
      sendJson(response, 200, { object: 'list', data, model: 'm', usage: { prompt_tokens: 3 } });
    } else {
      sendJson(response, 200, { result: [0.5, 0.25, 0].map((score, id) => ({ id, score })) });
    }
  };
  observed = observeQueries();
  stop = llamaindex.start(observed.agent);
  const require = createRequire(import.meta.url);
  loaded.push([
    'ESM',
    { ...(await import('@llamaindex/core/retriever')), ...(await import('@llamaindex/core/schema')) },
  ]);
  loaded.push([
    'CommonJS',
    { ...require('@llamaindex/core/retriever'), ...require('@llamaindex/core/schema') },
  ]);
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

interface Index {
  /** Of the nodes it gives. */
  readonly scores?: readonly (number | undefined)[];
  /** A store of its own, which is asked over HTTP. @default true */
  readonly isRemote?: boolean;
}

/** Embeds the question and asks Qdrant, or itself. */
function retrieverOf({ BaseRetriever, TextNode }: Retrievers & Schema, index: Index = {}) {
  const { scores = [0.75, 0.5], isRemote = true } = index;
  class Retriever extends BaseRetriever {
    static open() {
      return new Retriever();
    }
    override async _retrieve({ query }: { query: unknown }) {
      if (query === 'fail') throw new RangeError('no');
      await post('/v1/embeddings', { model: 'm', input: query });
      if (isRemote) await post('/collections/docs/points/search', { vector: [0.1], limit: 3 });
      return scores.map((score) => ({
        node: new TextNode({ text: 'a' }),
        ...(score !== undefined && { score }),
      }));
    }
  }
  return Retriever.open();
}

describe("a retriever of LlamaIndex's", () => {
  it('is a RAG query by itself, with its chunks and scores', async () => {
    for (const [how, core] of loaded) {
      const nodes = await retrieverOf(core).retrieve('What is it?');
      assert.deepEqual(
        nodes.map(({ score }) => score),
        [0.75, 0.5],
      );
      const [event] = await observed.take(1);
      assert.ok(event, how);
      const stages = ['vector_search', 'embedding'];
      assert.deepEqual(summary(event), { stages, chunks: 2, top: 0.75, average: 0.625 });
      assert.equal(event.queryHash, queryHash('What is it?'));
      assert.doesNotMatch(JSON.stringify(event), /What is it/);
    }
  });

  it('is a vector search also where the store is in the process', async () => {
    for (const [, core] of loaded) {
      await retrieverOf(core, { isRemote: false }).retrieve('What?');
      const [event] = await observed.take(1);
      assert.ok(event);
      const stages = ['vector_search', 'embedding'];
      assert.deepEqual(summary(event), { stages, chunks: 2, top: 0.75, average: 0.625 });
      const inStages = Object.values(event.stages).reduce((a, b) => a + b, 0);
      assert.ok(inStages <= event.durationMs + 1e-6, `${inStages} of ${event.durationMs}`);
    }
  });

  it('knows the question in every form', async () => {
    const parts = [
      { type: 'text' as const, text: 'What' },
      { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } },
      { type: 'text' as const, text: 'is it?' },
    ];
    for (const [, core] of loaded) {
      for (const [params, question] of [
        [{ query: 'What is it?' }, 'What is it?'],
        [{ query: parts }, 'What\n\nis it?'],
        [{ query: parts.slice(1, 2) }, null],
      ] as const) {
        await retrieverOf(core).retrieve(params as Parameters<ReturnType<typeof retrieverOf>['retrieve']>[0]);
        const [event] = await observed.take(1);
        assert.equal(event?.queryHash, question === null ? null : queryHash(question));
      }
    }
  });

  it('has the scores of the search inside where it gives none, or not of all', async () => {
    for (const [, core] of loaded) {
      for (const scores of [
        [undefined, undefined],
        [0.9, undefined],
      ]) {
        await retrieverOf(core, { scores }).retrieve('What?');
        const [event] = await observed.take(1);
        assert.deepEqual([event?.chunksRetrieved, event?.topScore, event?.avgScore], [2, 0.5, 0.25]);
      }
      await retrieverOf(core, { scores: [] }).retrieve('What?');
      const [event] = await observed.take(1);
      assert.equal(event?.chunksRetrieved, 0);
    }
  });

  it('inside a query is its vector search, without what is seen inside', async () => {
    for (const [, core] of loaded) {
      const event = await observed.query(() => retrieverOf(core).retrieve('What is it?'));
      const stages = ['vector_search', 'embedding'];
      assert.deepEqual(summary(event), { stages, chunks: 2, top: 0.75, average: 0.625 });
      assert.deepEqual(observed.agent.events, []);
    }
  });

  it('inside a stage that the app named is part of that', async () => {
    for (const [, core] of loaded) {
      const event = await observed.query((query) =>
        query.stage('retrieval', () => retrieverOf(core).retrieve('What?')),
      );
      assert.deepEqual(summary(event), { stages: ['retrieval'], chunks: 2, top: 0.75, average: 0.625 });
    }
  });

  it('asked by a query engine is one query', async () => {
    const { RetrieverQueryEngine } = await import('@llamaindex/core/query-engine');
    const [[, core] = assert.fail()] = loaded;
    const synthesizer = { synthesize: async () => 'It is.' };
    const engine = new RetrieverQueryEngine(retrieverOf(core), synthesizer as never);
    assert.equal(String(await engine.query({ query: 'What is it?' })), 'It is.');
    const [event, ...others] = await observed.take(1);
    assert.deepEqual([event?.queryHash, others], [queryHash('What is it?'), []]);
  });

  it('fails as it would, and the query with it', async () => {
    for (const [, core] of loaded) {
      await assert.rejects(retrieverOf(core).retrieve('fail'), RangeError);
      const [event] = await observed.take(1);
      assert.deepEqual([event?.outcome, event?.errorType], ['error', 'RangeError']);
    }
  });

  it('is left alone where no agent is', async () => {
    publishHandle(undefined);
    for (const [, core] of loaded) assert.equal((await retrieverOf(core).retrieve('What?')).length, 2);
    observed.agent.events.splice(0);
  });
});
