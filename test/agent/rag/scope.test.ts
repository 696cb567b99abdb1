import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { currentContext } from '../../../src/agent/context/context.ts';
import { type RagQuery, runRagQuery } from '../../../src/agent/rag/rag.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import type { RagQueryEvent } from '../../../src/core/signals/rag-query.ts';
import { ClockedAgent } from '../../support/clocked-agent.ts';

let agent: ClockedAgent;

const run = <T>(fn: (query: RagQuery) => T): T =>
  runRagQuery({ agent, stageNames: new StageNames(), onInvalid: () => {} }, {}, fn);
const only = (): RagQueryEvent => {
  assert.equal(agent.events.length, 1);
  return agent.events[0] as RagQueryEvent;
};

beforeEach(() => {
  agent = new ClockedAgent();
});

describe('what is seen of a query', () => {
  const scopeOf = () => {
    const scope = currentContext()?.ragScope;
    assert.ok(scope);
    return scope;
  };

  it('is a stage, unless it happens inside one that the app named', () => {
    run((query) => {
      const ended = scopeOf().stageBegan('embedding');
      agent.nowMs += 5;
      ended();
      ended();
      query.stage('mine', () => {
        const nothing = scopeOf().stageBegan('embedding');
        agent.nowMs += 7;
        nothing();
      });
    });
    assert.deepEqual(only().stages, { embedding: 5, mine: 7 });
  });

  it('shares a moment with the stage of the same name that runs beside it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = run(async (query) => {
      const ended = scopeOf().stageBegan('embedding');
      const stage = query.stage('embedding', () => promise);
      agent.nowMs += 5;
      ended();
      await stage;
    });
    agent.nowMs += 5;
    resolve();
    await done;
    assert.deepEqual(only().stages, { embedding: 10 });
  });

  it('of a retriever is a vector search without the stages inside, and as many chunks as it gave', () => {
    run(() => {
      const scope = scopeOf();
      scope.retriever(() => {
        agent.nowMs += 2;
        const ended = scopeOf().stageBegan('embedding');
        agent.nowMs += 3;
        ended();
        scopeOf().searchEnded()({ chunks: 9, scores: { top: 0.5, average: 0.25 } });
      });
      scope.retrieved({ chunks: 4, scores: null });
    });
    assert.deepEqual(only().stages, { vector_search: 2, embedding: 3 });
    assert.deepEqual([only().chunksRetrieved, only().topScore, only().avgScore], [4, 0.5, 0.25]);
  });

  it('of a retriever counts, also when the answer of the search inside is read later', () => {
    run(() => {
      const scope = scopeOf();
      const first = scope.searchEnded();
      const inside = scope.searchEnded();
      scope.retrieved({ chunks: 4, scores: null });
      inside({ chunks: 9, scores: { top: 0.5, average: 0.25 } });
      first({ chunks: 8, scores: { top: 0.75, average: 0.5 } });
    });
    assert.deepEqual([only().chunksRetrieved, only().topScore, only().avgScore], [4, 0.5, 0.25]);
  });

  it('of the last search counts, in whatever order the answers are read', () => {
    run(() => {
      const [first, second] = [scopeOf().searchEnded(), scopeOf().searchEnded()];
      second({ chunks: 2, scores: null });
      first({ chunks: 3, scores: { top: 0.5, average: 0.25 } });
    });
    assert.deepEqual([only().chunksRetrieved, only().topScore], [2, null]);
  });

  it('is waited for when an answer is still being read at its end, and then told once', () => {
    const scope = run(() => {
      agent.nowMs += 5;
      return scopeOf();
    });
    assert.equal(only().durationMs, 5);
    agent.events.splice(0);
    const [told, late] = run(() => [scopeOf().searchEnded(), scopeOf()] as const);
    agent.nowMs += 50;
    assert.equal(agent.events.length, 0);
    told({ chunks: 3, scores: null });
    assert.deepEqual([only().chunksRetrieved, only().durationMs], [3, 0]);
    for (const over of [scope, late]) {
      over.searchEnded()({ chunks: 1, scores: null });
      over.stageBegan('rerank')();
    }
    assert.equal(agent.events.length, 1);
  });

  it('reaches the query from inside its stages: who it is for', () => {
    run((query) => query.stage('mine', () => currentContext()?.setUser({ email: 'ada@example.com' })));
    assert.equal(only().userEmail, 'ada@example.com');
  });
});
