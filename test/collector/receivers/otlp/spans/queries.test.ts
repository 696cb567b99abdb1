import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import type { RagQueryEvent } from '../../../../../src/core/signals/rag-query.ts';
import { STARTED_MS } from '../span.ts';
import { Assembly } from './assembly.ts';
import { agent, chain, chat, embeddings, rerank, retrieval, server, span } from './spans.ts';

interface Case {
  readonly name: string;
  readonly spans: readonly OtlpSpan[];
  readonly queries: readonly (Partial<Omit<RagQueryEvent, 'stages' | 'durationMs'>> & {
    readonly stages?: Readonly<Record<string, number>>;
    readonly durationMs?: number;
  })[];
}

const retriever = {
  attributes: {
    'openinference.span.kind': 'RETRIEVER',
    'input.value': 'why?',
    'retrieval.documents.0.document.content': 'secret',
    'retrieval.documents.1.document.content': 'secret',
  },
};
const failed = { status: 'error' as const };

const CASES: readonly Case[] = [
  {
    name: 'has the stages below one parent, each with its time',
    spans: [
      span(1, null, server, [0, 1000]),
      span(2, 1, chain, [10, 900]),
      span(3, 2, embeddings, [20, 70]),
      span(4, 2, retrieval(), [70, 170]),
      span(5, 2, rerank, [170, 200]),
      span(6, 2, chat(), [200, 900]),
    ],
    queries: [
      {
        timeMs: (STARTED_MS + 900) as never,
        durationMs: 890,
        stages: { embedding: 50, vector_search: 100, rerank: 30, generation: 700 },
        chunksRetrieved: 2,
        topScore: 0.9,
        avgScore: 0.8,
        userEmail: 'ann@example.com',
        outcome: 'ok',
      },
    ],
  },
  {
    name: 'is as long as its parts below the span of a server, which does more',
    spans: [
      span(1, null, server, [0, 1000]),
      span(2, 1, embeddings, [100, 150]),
      span(3, 1, retrieval(), [150, 250]),
      span(4, 1, chat(), [250, 600]),
    ],
    queries: [
      {
        durationMs: 500,
        stages: { embedding: 50, vector_search: 100, generation: 350 },
        userEmail: 'ann@example.com',
      },
    ],
  },
  {
    name: 'is a retrieval alone, by itself',
    spans: [span(1, null, retrieval([0.5]), [0, 40])],
    queries: [{ durationMs: 40, stages: { vector_search: 40 }, chunksRetrieved: 1, topScore: 0.5 }],
  },
  {
    name: 'is a retrieval alone, below a server',
    spans: [span(1, null, server, [0, 500]), span(2, 1, retrieval([]), [0, 40])],
    queries: [{ durationMs: 40, stages: { vector_search: 40 }, chunksRetrieved: 0, topScore: null }],
  },
  {
    name: 'is a retriever with what is inside it; the store gives the scores and the retriever the chunks',
    spans: [
      span(1, null, retriever, [0, 100]),
      span(2, 1, embeddings, [10, 40]),
      span(3, 1, retrieval([0.9, 0.6, 0.3]), [50, 90]),
    ],
    queries: [
      {
        durationMs: 100,
        stages: { vector_search: 70, embedding: 30 },
        chunksRetrieved: 2,
        topScore: 0.9,
        avgScore: (0.9 + 0.6 + 0.3) / 3,
        queryHash: 'f5b2b98bf44b60881a86499d98591d7995ce23ad93abd8a4aa11fadc20145d06',
      },
    ],
  },
  {
    name: 'shares the time of stages that run beside each other',
    spans: [span(1, null, chain, [0, 100]), span(2, 1, retrieval(), [0, 100]), span(3, 1, chat(), [50, 100])],
    queries: [{ stages: { vector_search: 75, generation: 25 } }],
  },
  {
    name: 'is as many as there are parents with a generation of their own',
    spans: [
      span(1, null, server, [0, 1000]),
      span(2, 1, chain, [0, 300]),
      span(3, 2, retrieval(), [0, 100]),
      span(4, 2, chat(), [100, 300]),
      span(5, 1, chain, [400, 700]),
      span(6, 5, retrieval(), [400, 500]),
      span(7, 5, chat(), [500, 700]),
    ],
    queries: [
      { durationMs: 300, stages: { vector_search: 100, generation: 200 } },
      { durationMs: 300, stages: { vector_search: 100, generation: 200 } },
    ],
  },
  {
    name: 'is one around several retrievals that one answer is made of',
    spans: [
      span(1, null, agent, [0, 500]),
      span(2, 1, { attributes: { 'gen_ai.operation.name': 'execute_tool' } }, [0, 100]),
      span(3, 2, retrieval([0.4]), [0, 100]),
      span(4, 1, retrieval([0.8]), [100, 200]),
      span(5, 1, chat(), [200, 500]),
    ],
    queries: [{ durationMs: 500, stages: { vector_search: 200, generation: 300 }, topScore: 0.8 }],
  },
  {
    name: 'reaches over services',
    spans: [
      span(1, null, agent, [0, 500]),
      span(2, 1, { kind: 'client' }, [0, 200]),
      span(3, 2, { ...server, resource: { attributes: { 'service.name': 'search' } } }, [10, 190]),
      span(4, 3, retrieval(), [20, 120]),
      span(5, 1, chat(), [200, 500]),
    ],
    queries: [{ durationMs: 500, stages: { vector_search: 100, generation: 300 } }],
  },
  {
    name: 'fails with its parent',
    spans: [
      span(1, null, {
        ...chain,
        ...failed,
        attributes: { ...chain.attributes, 'error.type': 'TimeoutError' },
      }),
      span(2, 1, retrieval()),
      span(3, 1, embeddings),
    ],
    queries: [{ outcome: 'error', errorType: 'TimeoutError' }],
  },
  {
    name: 'fails with its retrieval',
    spans: [
      span(1, null, server),
      span(2, 1, retrieval([], { ...failed, attributes: { 'error.type': 'ECONNREFUSED' } })),
      span(3, 1, embeddings),
    ],
    queries: [{ outcome: 'error', errorType: 'ECONNREFUSED' }],
  },
  { name: 'is no chat alone', spans: [span(1, null, chain), span(2, 1, chat())], queries: [] },
  { name: 'is no embeddings alone', spans: [span(1, null, chain), span(2, 1, embeddings)], queries: [] },
  {
    name: 'is what nervecenter itself says it is',
    spans: [
      span(1, null, server, [0, 900]),
      span(2, 1, { ...chat(), scope: 'app' }, [300, 800]),
      span(
        3,
        1,
        {
          scope: 'nervecenter',
          name: 'rag query',
          attributes: {
            'nervecenter.rag.chunks_retrieved': 4,
            'nervecenter.rag.chunks_used': 2,
            'nervecenter.rag.cache_hit': false,
            'nervecenter.rag.threshold': 0.7,
            'nervecenter.rag.query_hash': 'a'.repeat(64),
          },
        },
        [0, 800],
      ),
      span(4, 3, { scope: 'nervecenter', attributes: { 'nervecenter.rag.stage': 'embedding' } }, [0, 100]),
      span(
        5,
        3,
        {
          scope: 'nervecenter',
          kind: 'client',
          attributes: { 'nervecenter.rag.stage': 'vector_search', 'gen_ai.operation.name': 'retrieval' },
        },
        [100, 150],
      ),
    ],
    queries: [
      {
        durationMs: 800,
        stages: { embedding: 100, vector_search: 50 },
        chunksRetrieved: 4,
        chunksUsed: 2,
        cacheHit: false,
        threshold: 0.7,
        queryHash: 'a'.repeat(64),
      },
    ],
  },
];

describe('a query', () => {
  for (const { name, spans, queries } of CASES) {
    for (const order of ['as made', 'children first']) {
      it(`${name}, ${order}`, () => {
        const assembly = new Assembly();
        assembly.accept(order === 'as made' ? spans : spans.toReversed());
        assembly.assembler.flush();
        const found = assembly.queries.toSorted((one, other) => one.timeMs - other.timeMs);
        assert.equal(found.length, queries.length);
        for (const [i, wanted] of queries.entries()) {
          const query = found[i] as RagQueryEvent;
          for (const [field, value] of Object.entries(wanted)) {
            assert.deepEqual(query[field as keyof RagQueryEvent], value, field);
          }
        }
      });
    }
  }

  it('whose parent has not come waits for it, and is told without it after the longest time, once', () => {
    const assembly = new Assembly();
    assembly.accept([span(2, 1, retrieval(), [0, 50]), span(3, 1, chat(), [50, 100])]);
    assembly.wait(HOLD_MAX_MS - 250);
    assert.deepEqual(assembly.queries, []);
    assembly.wait(250);
    assert.deepEqual(
      assembly.queries.map(({ durationMs, stages }) => [durationMs, stages]),
      [[100, { vector_search: 50, generation: 50 }]],
    );
    assembly.accept([span(1, null, chain), span(4, 1, retrieval()), span(5, 1, chat())]);
    assembly.wait(2 * HOLD_MAX_MS);
    assert.equal(assembly.queries.length, 1);
    assert.equal(assembly.calls.length, 2);
  });
});
