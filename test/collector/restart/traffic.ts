import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { milliseconds, usd } from '../../../src/core/units.ts';
import { oneOfEach, requestEvent } from '../sinks/postgres/events.ts';

const OUTCOMES = ['ok', 'error', 'aborted'] as const;
const MODELS = [
  ['openai', 'gpt-4o'],
  ['together', 'meta/llama "3"'],
  ['openai', 'unheard-of'],
] as const;

/** Some of every signal: routes, failures, prices known and not, caches, stages, sessions; durations below 1 ms, too. */
export function traffic(rounds = 40): NervecenterEvent[] {
  return Array.from({ length: rounds }, (_, round) => oneRound(round)).flat();
}

/** The i-th of many: a model call for every tenth, else a request, of which every seventh failed. */
export function requestOrCall(i: number): NervecenterEvent {
  if (i % 10 !== 0) return requestEvent({ route: `/r/${i % 20}`, statusCode: i % 7 === 0 ? 500 : 200 });
  const [call] = oneOfEach().filter(({ signal }) => signal === 'llm-call');
  return call ?? requestEvent();
}

function oneRound(i: number): NervecenterEvent[] {
  const durationMs = milliseconds(0.2 * 1.37 ** (i % 30));
  const [provider, model] = MODELS[i % 3] ?? MODELS[0];
  const events = oneOfEach().map((event): NervecenterEvent => {
    if (event.signal === 'llm-call') {
      return {
        ...event,
        provider,
        model,
        responseModel: null,
        serverAddress: null,
        durationMs,
        outcome: OUTCOMES[i % 5] ?? 'ok',
        errorType: i % 5 === 1 ? (i % 2 === 0 ? 'RESOURCE_EXHAUSTED' : '500') : null,
        statusCode: i % 15 === 1 ? 429 : 200,
        reportedCostUsd: model === 'unheard-of' ? null : usd(0.001234),
        usageSource: i % 4 === 0 ? 'estimated' : 'provider',
        firstTokenMs: i % 2 === 0 ? milliseconds(durationMs / 2) : null,
        usage:
          i % 7 === 0
            ? null
            : tokenUsage({ inputUncached: i, cacheRead: 3, outputText: 2 * i, outputReasoning: 2 }),
      };
    }
    if (event.signal === 'rag-query') {
      const failed = i % 9 === 0;
      return {
        ...event,
        durationMs,
        chunksRetrieved: i % 3,
        outcome: failed ? 'error' : 'ok',
        errorType: failed ? 'E' : null,
      };
    }
    if (event.signal === 'cache') return { ...event, cacheName: i % 2 === 0 ? 'rag' : 'embedding', hits: i };
    if (event.signal === 'ws-session') return { ...event, durationMs: milliseconds(1000 * i) };
    return event;
  });
  const statusCode = i % 6 === 0 ? 404 : 200;
  return [...events, requestEvent({ route: `/r/${i % 4}`, durationMs, statusCode })];
}

/** What a restart must not change: everything that is counted or measured over a window. */
export function lasting({ api, llm, rag, cache, websocket }: Snapshot) {
  const { connections_active: _gauge, ...sessions } = websocket;
  const caches = Object.entries(cache.caches).map(([name, { hits, misses, hit_rate }]) => [
    name,
    { hits, misses, hit_rate },
  ]);
  const byKey = (a: { provider: string; model: string }, b: { provider: string; model: string }) =>
    `${a.provider} ${a.model}`.localeCompare(`${b.provider} ${b.model}`);
  return {
    api: { ...api, endpoints: { ...api.endpoints } },
    llm: { ...llm, by_model: llm.by_model.toSorted(byKey) },
    rag: { ...rag, stages: { ...rag.stages } },
    cache: { ...cache, caches: Object.fromEntries(caches) },
    websocket: sessions,
  };
}
