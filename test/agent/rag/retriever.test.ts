import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type AgentHandle, publishHandle } from '../../../src/agent/api/handle.ts';
import { runRagQuery } from '../../../src/agent/rag/rag.ts';
import { observeRetrieval } from '../../../src/agent/rag/retriever.ts';
import { observeQueries } from './observed-queries.ts';

test('a retrieval is not disturbed where what is asked and found cannot be looked at', async () => {
  const observed = observeQueries();
  publishHandle({
    ragQuery: (attributes, fn) => runRagQuery(observed.dependencies, attributes, fn),
  } as AgentHandle);
  const unreadable = () => {
    throw new TypeError('a getter of the app');
  };
  const nodes = [{}];
  const given = await observeRetrieval({ question: unreadable, run: async () => nodes, found: unreadable });
  assert.equal(given, nodes);
  const [event] = await observed.take(1);
  assert.deepEqual([event?.outcome, event?.chunksRetrieved, event?.queryHash], ['ok', null, null]);
  publishHandle(undefined);
  observed.stop();
});
