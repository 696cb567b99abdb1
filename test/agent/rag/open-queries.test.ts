import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import type { RagDependencies } from '../../../src/agent/rag/active-query.ts';
import { runRagQuery } from '../../../src/agent/rag/rag.ts';
import { StageNames } from '../../../src/core/rag/stage-names.ts';
import type { RagQueryEvent } from '../../../src/core/signals/rag-query.ts';
import { ClockedAgent } from '../../support/clocked-agent.ts';

let agent: ClockedAgent;
let to: RagDependencies;
const events = () => agent.events as RagQueryEvent[];

beforeEach(() => {
  agent = new ClockedAgent();
  to = { agent, stageNames: new StageNames(), onInvalid: () => {} };
});

describe('a query that is open when the process ends', () => {
  it('is unfinished, after the time it had until then', () => {
    void runRagQuery(to, {}, () => new Promise(() => {}));
    runRagQuery(to, {}, () => 'ended');
    agent.nowMs += 70;
    agent.end();
    const [, unfinished, ...others] = events();
    assert.deepEqual([unfinished?.outcome, unfinished?.errorType], ['error', 'unfinished']);
    assert.deepEqual([unfinished?.durationMs, others], [70, []]);
  });

  it('is forgotten where more than 1,000 are open', () => {
    for (let query = 0; query < 1001; query++) void runRagQuery(to, {}, () => new Promise(() => {}));
    agent.end();
    assert.deepEqual([events().length, agent.givenUp], [1000, ['queries_full']]);
  });
});
