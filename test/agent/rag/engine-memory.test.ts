import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryHash } from '../../../src/agent/rag.ts';
import { searchesVectors } from '../../../src/core/vector/sql.ts';

test('neither a question nor a statement stays in what the engine remembers of patterns', () => {
  const remembered = () => (RegExp as unknown as { readonly input: string }).input;
  queryHash('a secret  question');
  assert.equal(remembered(), '');
  assert.equal(searchesVectors("SELECT 1 WHERE name = 'secret' ORDER BY e <-> $1"), true);
  assert.equal(remembered(), '');
});
