import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';
import type { RequestEvent } from '../../../../src/core/signals/request.ts';
import type { SpanEvent } from '../../../../src/core/signals/span.ts';
import { milliseconds, usd } from '../../../../src/core/units.ts';
import { newEventId } from '../../../../src/platform/ids.ts';

const NOBODY = { traceId: null, userEmail: null, department: null };

const base = () => {
  const timeMs = milliseconds(Date.now());
  return { id: newEventId(timeMs), timeMs };
};

export function requestEvent(fields: Partial<RequestEvent> = {}): RequestEvent {
  return {
    signal: 'request',
    ...base(),
    ...NOBODY,
    route: '/users/:id',
    method: 'GET',
    statusCode: 200,
    durationMs: milliseconds(12.5),
    requestBytes: null,
    responseBytes: 512,
    ...fields,
  };
}

export function requestEvents(count: number): RequestEvent[] {
  return Array.from({ length: count }, () => requestEvent());
}

type Person = Pick<RequestEvent, 'traceId' | 'userEmail' | 'department'>;

const llmCallEvent = (person: Person): NervecenterEvent =>
  ({
    signal: 'llm-call',
    ...base(),
    ...person,
    provider: 'openai',
    serverAddress: 'api.openai.com',
    operation: 'chat',
    model: 'gpt-4o',
    responseModel: 'gpt-4o-2024-08-06',
    streaming: true,
    usage: tokenUsage({
      inputUncached: 100,
      cacheRead: 20,
      cacheWrite5m: 3,
      cacheWrite1h: 4,
      outputText: 50,
      outputReasoning: 5,
    }),
    statusCode: 200,
    attempt: 1,
    errorMessage: null,
    rateLimitResetMs: milliseconds(1500),
    finishReason: 'stop',
    chunkGapP95Ms: milliseconds(12.5),
    usageMismatch: true,
    serviceTier: 'priority',
    billedUnits: { searches: 2 },
    usageSource: 'provider',
    durationMs: milliseconds(1234.5),
    firstTokenMs: milliseconds(200.25),
    outcome: 'ok',
    errorType: null,
    queryCategory: 'faq',
    reportedCostUsd: null,
    cost: { usd: usd(0.001234), cacheSavingsUsd: usd(0.0001), source: 'table', priceVersion: '2026-11' },
  }) as NervecenterEvent;

const ragQueryEvent = (person: Person): NervecenterEvent => ({
  signal: 'rag-query',
  ...base(),
  ...person,
  durationMs: milliseconds(80),
  stages: {
    embedding: milliseconds(10),
    vector_search: milliseconds(20),
    'my "own" stage': milliseconds(1),
  },
  chunksRetrieved: 8,
  chunksUsed: 4,
  cacheHit: false,
  embeddingCacheHit: null,
  topScore: 0.91,
  avgScore: 0.5,
  threshold: 0.3,
  queryHash: 'f'.repeat(64),
  outcome: 'ok',
  errorType: null,
});

export function spanEvent(fields: Partial<SpanEvent> = {}): SpanEvent {
  return {
    signal: 'span',
    ...base(),
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    parentSpanId: 'c'.repeat(16),
    name: 'chat gpt-4o',
    kind: 'client',
    durationMs: milliseconds(1234.5),
    status: 'error',
    errorType: 'TimeoutError',
    scope: 'openai',
    attributes: '{"gen_ai.request.model":"gpt-4o"}',
    events: '[["exception",1200,{"exception.type":"TimeoutError"}]]',
    ...fields,
  };
}

/** One event of every kind, with values that are easy to get wrong. */
export function oneOfEach(): NervecenterEvent[] {
  const person = { traceId: 'a'.repeat(32), userEmail: 'o\'hara+"x"\\{}@example.com', department: 'NULL' };
  return [
    requestEvent({ ...person, route: '/ü/:näme,{"a"}', requestBytes: 3_000_000_000 }),
    llmCallEvent(person),
    ragQueryEvent(person),
    {
      signal: 'cache',
      ...base(),
      cacheName: 'rag',
      hits: 3,
      misses: 1,
      keysCount: 10,
      memoryUsedBytes: 5_000_000_000,
    },
    {
      signal: 'system',
      ...base(),
      metricType: 'disk',
      metricName: 'filesystem_used',
      value: 12.5,
      unit: 'bytes_per_second',
      tags: { mount: '/da"ta\\' },
    },
    {
      signal: 'ws-session',
      ...base(),
      ...person,
      path: '/chat',
      durationMs: milliseconds(60_000),
      messagesIn: 5,
      messagesOut: 7,
      bytesIn: 6_000_000_000,
      bytesOut: 70,
      closeCode: 1000,
    },
    spanEvent({
      name: 'chät "gpt"\\',
      attributes: JSON.stringify({ 'a"b\\': ['ü', 1.5, null] }),
    }),
  ];
}
