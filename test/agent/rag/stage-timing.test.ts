import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createOpenAI } from '@ai-sdk/openai';
import * as aiSdk from 'ai';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { runRagQuery } from '../../../src/agent/rag/rag.ts';
import { until } from '../../support/poll.ts';
import { chatDelta, type StubServer, sendJson, startStub, writeEvents } from '../llm/support/stub-server.ts';
import { type ObservedQueries, observeQueries } from './observed-queries.ts';

let server: StubServer;
let observed: ObservedQueries;
let openai: OpenAI;
/** Streams that the test lets end. */
const streams: ServerResponse[] = [];

const CHAT = {
  id: 'x',
  object: 'chat.completion',
  model: 'gpt-4o',
  choices: [{ index: 0, message: { role: 'assistant', content: 'A' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};
const EMBEDDINGS = {
  object: 'list',
  model: 'text-embedding-3-small',
  data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
  usage: { prompt_tokens: 1, total_tokens: 1 },
};

beforeAll(async () => {
  server = await startStub();
  server.handler = (request, response, body) => {
    if (body.includes('"break"')) return response.destroy();
    if (request.url === '/v1/embeddings') return sendJson(response, 200, EMBEDDINGS);
    if (request.url === '/v1/rerank') {
      return sendJson(response, 200, { model: 'rerank-v3.5', results: [{ index: 0, relevance_score: 1 }] });
    }
    if (request.url?.startsWith('/collections/')) {
      return sendJson(response, 200, { result: [{ id: 1, score: 0.5 }] });
    }
    if (request.url !== '/v1/chat/completions') return sendJson(response, 404, {});
    if (!body.includes('"stream":true')) return sendJson(response, 200, CHAT);
    writeEvents(response, [chatDelta('a')]);
    return streams.push(response);
  };
  observed = observeQueries();
  openai = new OpenAI({ apiKey: 'k', baseURL: `${server.url}/v1`, maxRetries: 0 });
});
afterEach(() => {
  observed.agent.events.splice(0);
});
afterAll(async () => {
  observed.stop();
  await server.close();
});

const post = (path: string, body: unknown) =>
  fetch(server.url + path, { method: 'POST', body: JSON.stringify(body) }).then((response) =>
    response.text(),
  );

const embed = () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'q' });
const search = () => post('/collections/docs/points/search', { vector: [0.5], limit: 1 });
const rerank = () => post('/v1/rerank', { model: 'rerank-v3.5', query: 'q', documents: ['d'] });
const chat = () =>
  openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'q' }] });
const stream = () =>
  openai.chat.completions.create({
    model: 'gpt-4o',
    stream: true,
    messages: [{ role: 'user', content: 'q' }],
  });

const sum = (stages: Readonly<Record<string, number>>) => Object.values(stages).reduce((a, b) => a + b, 0);

describe('the stages of a query', () => {
  it('fill themselves, and together are no more than the query', async () => {
    const { stages, durationMs, chunksRetrieved } = await observed.query(async () => {
      await embed();
      await search();
      await rerank();
      await chat();
    });
    assert.deepEqual(Object.keys(stages), ['embedding', 'vector_search', 'rerank', 'generation']);
    for (const [stage, timeMs] of Object.entries(stages)) assert.ok(timeMs > 0, stage);
    assert.ok(sum(stages) <= durationMs + 1e-6);
    assert.equal(chunksRetrieved, 1);
  });

  it('together are no more than the query in parallel, too', async () => {
    const { stages, durationMs } = await observed.query(() =>
      Promise.all([embed(), embed(), search(), search(), rerank(), chat(), chat()]),
    );
    assert.equal(Object.keys(stages).length, 4);
    assert.ok(sum(stages) <= durationMs + 1e-6, `${sum(stages)} of ${durationMs}`);
  });

  it('that the app names win: what is seen inside is part of them', async () => {
    const { stages, chunksRetrieved } = await observed.query(async (query) => {
      await query.stage('embedding', embed);
      await query.stage('retrieval', async () => {
        await embed();
        await search();
        await query.stage('rerank', rerank);
      });
      await chat();
    });
    assert.deepEqual(Object.keys(stages), ['embedding', 'retrieval', 'rerank', 'generation']);
    assert.equal(chunksRetrieved, 1);
  });

  it("fill themselves through Vercel's AI SDK", async () => {
    const provider = createOpenAI({ apiKey: 'k', baseURL: `${server.url}/v1` });
    const { stages } = await observed.query(async () => {
      const model = provider.embedding('text-embedding-3-small');
      await aiSdk.embed({ model, value: 'q', maxRetries: 0 });
      await aiSdk.generateText({ model: provider.chat('gpt-4o'), prompt: 'q', maxRetries: 0 });
    });
    assert.deepEqual(Object.keys(stages), ['embedding', 'generation']);
  });

  it("leave what a provider's SDK returns as it is", async () => {
    const { stages } = await observed.query(async (query) => {
      const response = await query.stage('raw', chat).asResponse();
      assert.deepEqual(JSON.parse(await response.text()), CHAT);
      const { data, response: read } = await query.stage('both', chat).withResponse();
      assert.deepEqual([data.model, read.status], ['gpt-4o', 200]);
      assert.equal((await query.stage('caught', chat).catch(() => null))?.model, 'gpt-4o');
      assert.equal((await query.stage('finally', chat).finally(() => {})).model, 'gpt-4o');
    });
    assert.deepEqual(Object.keys(stages).sort(), ['both', 'caught', 'finally', 'raw']);
  });

  it('of a stream last until its end', async () => {
    const { stages, durationMs } = await observed.query(async () => {
      const chunks = await stream();
      for await (const _ of chunks) {
        const [response] = streams.splice(0);
        if (response === undefined) continue;
        // What the app does with a chunk while the stream goes on is time of the stage.
        const goOnMs = performance.now() + 20;
        while (performance.now() < goOnMs);
        writeEvents(response, [chatDelta('b'), '[DONE]']);
        response.end();
      }
    });
    const { generation = 0 } = stages;
    assert.ok(generation >= 20 && generation <= durationMs, `${generation} of ${durationMs}`);
  });

  it('of a stream that outlives the query last until the end of the query', async () => {
    let late: AsyncIterable<unknown> | undefined;
    const { stages, durationMs } = await observed.query(async () => {
      late = await stream();
    });
    const { generation = 0 } = stages;
    assert.ok(generation > 0 && generation <= durationMs);
    for (const response of streams.splice(0)) response.end('data: [DONE]\n\n');
    for await (const _ of late ?? []);
    await until(() => observed.agent.events.some((event) => event.signal === 'llm-call'));
    assert.equal(observed.agent.events.filter((event) => event.signal === 'rag-query').length, 0);
  });

  it('of calls that fail are timed', async () => {
    const { stages } = await observed.query(async () => {
      await assert.rejects(openai.embeddings.create({ model: 'm', input: 'break' }));
    });
    assert.deepEqual(Object.keys(stages), ['embedding']);
  });

  it('belong to the inner query where one is inside another', async () => {
    const { agent, dependencies } = observed;
    await runRagQuery(dependencies, {}, async () => {
      await embed();
      await runRagQuery(dependencies, {}, async () => void (await search()));
    });
    const events = agent.events.filter((event) => event.signal === 'rag-query');
    assert.deepEqual(
      events.map(({ stages }) => Object.keys(stages)),
      [['vector_search'], ['embedding']],
    );
  });
});
