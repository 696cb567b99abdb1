import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { RagScope } from '../../../src/agent/context/context.ts';
import { queryHash } from '../../../src/agent/rag/rag.ts';
import { searchesVectors } from '../../../src/agent/vector-stores/pgvector.ts';
import { VectorSearch } from '../../../src/agent/vector-stores/search.ts';
import { recogniseSearch } from '../../../src/agent/vector-stores/stores.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const remembered = () => (RegExp as unknown as { readonly input: string }).input;

test('neither a question nor a statement stays in what the engine remembers of patterns', () => {
  queryHash('a secret  question');
  assert.equal(remembered(), '');
  assert.equal(searchesVectors("SELECT 1 WHERE name = 'secret' ORDER BY e <-> $1"), true);
  assert.equal(remembered(), '');
});

test('nor does what is asked of a vector store over HTTP, or what it answers, however it ends', () => {
  const found: unknown[] = [];
  const ragScope = {
    stageBegan: () => () => {},
    searchEnded: () => (search: unknown) => found.push(search),
  } as unknown as RagScope;
  const search = recogniseSearch('es.example.com', '/docs/_search');
  assert.ok(search);
  const hit = {
    _id: '1',
    _score: 0.5,
    _source: { text: 'secret', list: Array.from({ length: 20 }, (_, i) => i) },
  };
  const answer = JSON.stringify({ hits: { hits: [hit] } });
  for (const end of ['completed', 'failed', 'refused'] as const) {
    const exchange = new VectorSearch({ agent: new RecordingAgent(), ragScope, search });
    exchange.sent(Buffer.from('{"query":"secret","knn":{"field":"f"}}'));
    assert.match(remembered(), /secret/);
    if (end !== 'refused') {
      exchange.headers(200, (name) => (name === 'content-type' ? 'application/json' : null));
      exchange.received(Buffer.from(answer));
    }
    if (end === 'completed') exchange.completed();
    else exchange.failed();
    assert.equal(remembered(), '', end);
  }
  assert.deepEqual(found, [{ chunks: 1, scores: { top: 0.5, average: 0.5 } }]);
});
