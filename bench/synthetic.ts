// Events and measurements like those of a busy app, made up but the same in every run.

import { tokenUsage } from '../src/agent/llm/tokens/raw-usage.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../src/core/signals/llm-call.ts';
import type { RagQueryEvent } from '../src/core/signals/rag-query.ts';
import type { RequestEvent } from '../src/core/signals/request.ts';
import { milliseconds } from '../src/core/units.ts';
import { newEventId } from '../src/platform/ids.ts';

const NOBODY = { traceId: null, userEmail: null, department: null };
const METHODS = ['GET', 'POST'];

/** From 0 (inclusive) to 1, evenly spread, without a generator's state: the golden ratio's multiples. */
export function spreadEvenly(index: number): number {
  return (index * 0.618_033_988_749_895) % 1;
}

/** From 5 ms to 10 s, evenly on a logarithmic scale. */
export function durationMs(index: number): number {
  return 5 * 2000 ** spreadEvenly(index);
}

function base() {
  const timeMs = milliseconds(Date.now());
  return { id: newEventId(timeMs), timeMs };
}

export function requestEvent(index: number, routes: number): RequestEvent {
  return {
    signal: 'request',
    ...base(),
    ...NOBODY,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    route: `/api/resources/${index % routes}/:id`,
    method: METHODS[index % METHODS.length] ?? 'GET',
    statusCode: 200,
    durationMs: milliseconds(durationMs(index)),
    requestBytes: null,
    responseBytes: 512,
  };
}

export function llmCallEvent(index: number, models: number): LlmCallEvent {
  return {
    signal: 'llm-call',
    ...base(),
    ...NOBODY,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    provider: 'openai',
    serverAddress: 'api.openai.com',
    operation: 'chat',
    model: `gpt-4o-${index % models}`,
    responseModel: 'gpt-4o-2024-08-06',
    streaming: true,
    ...NO_CALL_DETAILS,
    usage: tokenUsage({ inputUncached: 900 + (index % 100), outputText: 100 + (index % 50) }),
    usageSource: 'provider',
    durationMs: milliseconds(durationMs(index)),
    firstTokenMs: milliseconds(durationMs(index) / 4),
    outcome: 'ok',
    errorType: null,
    queryCategory: null,
    reportedCostUsd: null,
  };
}

export function ragQueryEvent(index: number): RagQueryEvent {
  const whole = durationMs(index);
  return {
    signal: 'rag-query',
    ...base(),
    ...NOBODY,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    durationMs: milliseconds(whole),
    stages: {
      embedding: milliseconds(whole * 0.1),
      vector_search: milliseconds(whole * 0.2),
      generation: milliseconds(whole * 0.6),
    },
    chunksRetrieved: 8,
    chunksUsed: 4,
    cacheHit: false,
    embeddingCacheHit: false,
    topScore: 0.9,
    avgScore: 0.5,
    threshold: 0.3,
    queryHash: 'f'.repeat(64),
    outcome: 'ok',
    errorType: null,
  };
}

/** A busy interval: every route, every model, and queries with their stages. */
export function busyInterval(routes: number, models: number): NervecenterEvent[] {
  return [
    ...Array.from({ length: routes * METHODS.length }, (_, index) => requestEvent(index, routes)),
    ...Array.from({ length: models * 2 }, (_, index) => llmCallEvent(index, models)),
    ...Array.from({ length: 20 }, (_, index) => ragQueryEvent(index)),
  ];
}
