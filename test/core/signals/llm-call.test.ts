import assert from 'node:assert/strict';
import { test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { LLM_UNPRICED } from '../../../src/core/llm/call-instruments.ts';
import { isRateLimited } from '../../../src/core/llm/call-measure.ts';
import {
  type LlmCallEvent,
  NO_CALL_DETAILS,
  type PricedLlmCallEvent,
} from '../../../src/core/signals/llm-call.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { measured } from '../../support/measurements.ts';

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
    const cost = { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null } as const;
    const event: PricedLlmCallEvent = { ...call(fields), cost };
    return measured([event]).reduce(
      (sum, point) =>
        point.name === LLM_UNPRICED.name && point.kind === 'counter' ? sum + point.value : sum,
      0,
    );
  };
  assert.equal(unpriced({}), 1);
  assert.equal(unpriced({ outcome: 'error' }), 0);
  assert.equal(unpriced({ outcome: 'aborted' }), 0);
  assert.equal(unpriced({ outcome: 'aborted', usage: tokenUsage({ outputText: 1 }) }), 1);
  assert.equal(unpriced({ outcome: 'error', billedUnits: { searches: 1 } }), 1);
});

test('too many requests, by the status or by the word of a provider whose stream had begun', () => {
  const limited = (statusCode: number | null, errorType: string | null) =>
    isRateLimited(call({ statusCode, errorType }));
  assert.ok(limited(429, 'anything'));
  for (const type of ['rate_limit_error', 'RESOURCE_EXHAUSTED', 'throttlingException']) {
    assert.ok(limited(200, type), type);
  }
  assert.equal(limited(529, 'overloaded_error'), false);
  assert.equal(limited(null, null), false);
});
