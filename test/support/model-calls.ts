import { tokenUsage } from '../../src/agent/llm/tokens/raw-usage.ts';
import type { Attributes, Point } from '../../src/core/frame.ts';
import { callAttributes } from '../../src/core/llm/call-measure.ts';
import { completionTokens, promptTokens } from '../../src/core/llm/usage.ts';
import { NO_CALL_DETAILS, type PricedLlmCallEvent } from '../../src/core/signals/llm-call.ts';
import { milliseconds, usd } from '../../src/core/units.ts';
import { DeltaMeterProvider } from '../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../src/metrics/snapshot-reader.ts';
import { measured } from './measurements.ts';

/** A call of a model that answers, with what the test says of it. */
export function modelCall(fields: Partial<PricedLlmCallEvent> = {}): PricedLlmCallEvent {
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
    operation: 'chat',
    model: 'gpt-4o',
    responseModel: null,
    streaming: false,
    usage: tokenUsage({ inputUncached: 100, outputText: 10 }),
    usageSource: 'provider',
    durationMs: milliseconds(1000),
    firstTokenMs: null,
    outcome: 'ok',
    errorType: null,
    queryCategory: null,
    reportedCostUsd: null,
    cost: { usd: usd(0.25), cacheSavingsUsd: null, source: 'table', priceVersion: 'test' },
    ...fields,
  };
}

const USAGES = [
  tokenUsage({ inputUncached: 900, outputText: 80 }),
  tokenUsage({ inputUncached: 5, cacheRead: 700, cacheWrite1h: 40, cacheWrite5m: 2, outputText: 30 }),
  tokenUsage({ inputUncached: 60, outputText: 9, outputReasoning: 300 }),
  tokenUsage({
    inputUncached: 50,
    inputAudio: 20,
    inputImage: 7,
    cacheRead: 3,
    outputText: 4,
    outputAudio: 600,
  }),
  tokenUsage({ inputUncached: 12, outputImage: 1056 }),
  null,
];
const OPERATIONS = ['chat', 'text_completion', 'generate_content', 'embeddings', 'rerank', 'speech'];
const OUTCOMES = ['ok', 'ok', 'error', 'aborted'] as const;

/** Calls of every kind, outcome and usage. */
export function modelCalls(): PricedLlmCallEvent[] {
  const kinds = OPERATIONS.flatMap((operation) =>
    OUTCOMES.flatMap((outcome) => USAGES.map((usage) => ({ operation, outcome, usage }))),
  );
  return kinds.map(({ operation, outcome, usage }, index) =>
    modelCall({
      operation,
      outcome,
      usage: operation === 'embeddings' && usage !== null ? tokenUsage({ inputUncached: index + 1 }) : usage,
      usageSource: usage === null ? 'none' : index % 5 === 0 ? 'estimated' : 'provider',
      model: `model-${index % 3}`,
      provider: index % 2 === 0 ? 'openai' : 'anthropic',
      durationMs: milliseconds(10 + index * 7),
      firstTokenMs: index % 4 === 0 ? milliseconds(index + 1) : null,
      statusCode: outcome === 'error' ? 429 : 200,
      errorType: outcome === 'error' ? 'rate_limit_error' : null,
      usageMismatch: index % 11 === 0,
      cost: {
        usd: index % 3 === 0 ? null : usd(index / 1000),
        cacheSavingsUsd: index % 6 === 1 ? usd(index / 5000) : null,
        source: 'table',
        priceVersion: 'test',
      },
    }),
  );
}

/** The same calls as the version before the GenAI conventions 0.1 measured them. */
export function measuredBefore(calls: readonly PricedLlmCallEvent[]): Point[] {
  const provider = new DeltaMeterProvider();
  const meter = provider.getMeter();
  const duration = meter.createHistogram('gen_ai.client.operation.duration', { unit: 's' });
  const firstChunk = meter.createHistogram('gen_ai.client.operation.time_to_first_chunk', { unit: 's' });
  const tokens = meter.createHistogram('gen_ai.client.token.usage', { unit: '{token}' });
  const cached = meter.createCounter('gen_ai.client.inference.usage.cache_read.input_tokens');
  const reasoning = meter.createCounter('gen_ai.client.inference.usage.reasoning.output_tokens');
  const error: Record<string, Attributes> = {
    error: { 'error.type': 'rate_limit_error' },
    aborted: { 'error.type': 'aborted' },
  };
  for (const call of calls) {
    const attributes = callAttributes(call);
    const { usage } = call;
    duration.record(call.durationMs / 1000, { ...attributes, ...error[call.outcome] });
    if (call.firstTokenMs !== null) firstChunk.record(call.firstTokenMs / 1000, attributes);
    if (usage === null) continue;
    tokens.record(promptTokens(usage), { ...attributes, 'gen_ai.token.type': 'input' });
    tokens.record(completionTokens(usage), { ...attributes, 'gen_ai.token.type': 'output' });
    if (usage.cacheRead > 0) cached.add(usage.cacheRead, attributes);
    if (usage.outputReasoning > 0) reasoning.add(usage.outputReasoning, attributes);
  }
  const unchanged = measured(calls).filter(({ name }) => name.startsWith('nervecenter.'));
  return [...new SnapshotReader([provider]).collectNow(), ...unchanged];
}
