import assert from 'node:assert/strict';
import { test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/usage.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../src/core/event.ts';
import { LLM_UNPRICED, measureCost } from '../../../src/core/signals/llm-call.ts';
import { milliseconds } from '../../../src/core/units.ts';

function call(fields: Partial<LlmCallEvent>): LlmCallEvent {
  return {
    signal: 'llm-call',
    ...NO_CALL_DETAILS,
    id: '019a0000-0000-7000-8000-000000000000',
    timeMs: milliseconds(0),
    traceId: null,
    userEmail: null,
    department: null,
    provider: 'openai',
    serverAddress: null,
    operation: 'speech',
    model: 'tts-1',
    responseModel: null,
    streaming: false,
    usage: null,
    usageSource: 'none',
    durationMs: milliseconds(1),
    firstTokenMs: null,
    outcome: 'ok',
    errorType: null,
    queryCategory: null,
    reportedCostUsd: null,
    ...fields,
  };
}

test('an answered call whose cost is not known counts as unpriced, also without usage', () => {
  const unpriced = (fields: Partial<LlmCallEvent>) => {
    let calls = 0;
    const cost = { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null } as const;
    measureCost({ ...call(fields), cost }, (instrument, value) => {
      if (instrument === LLM_UNPRICED) calls += value;
    });
    return calls;
  };
  assert.equal(unpriced({}), 1);
  assert.equal(unpriced({ outcome: 'error' }), 0);
  assert.equal(unpriced({ outcome: 'aborted' }), 0);
  assert.equal(unpriced({ outcome: 'aborted', usage: tokenUsage({ outputText: 1 }) }), 1);
  assert.equal(unpriced({ outcome: 'error', billedUnits: { searches: 1 } }), 1);
});
