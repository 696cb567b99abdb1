import type { RouteBound } from '../../core/http/served.ts';
import type { CallLabels } from '../../core/llm/call-labels.ts';
import { modelName } from '../../core/llm/labels.ts';
import type { StageNames } from '../../core/rag/stage-names.ts';
import { NO_CALL_DETAILS } from '../../core/signals/llm-call.ts';
import { EMBEDDING, RERANK, VECTOR_SEARCH } from '../../core/signals/rag-query.ts';
import { type Milliseconds, milliseconds, usd } from '../../core/units.ts';
import { newEventId } from '../../platform/ids.ts';
import { attributionOf, currentContext, placeNow, within } from '../context/context.ts';
import type { Agent } from '../instrumentation.ts';
import { callLabelsOf } from '../llm/call-labels.ts';
import { tokenUsage } from '../llm/tokens/raw-usage.ts';
import { COST_USD_MAX, DURATION_MS_MAX, Input, type OnInvalid, TOKENS_MAX } from './input.ts';

/** One HTTP request served, for servers that cannot be seen from outside. */
export interface RecordedRequest {
  /** Route template such as `/users/:id`; raw paths make the table unreadable and fill the bound of 200 routes. */
  readonly endpoint: string;
  readonly latencyMs: number;
  /** @default 'GET' */
  readonly method?: string | undefined;
  /** @default 500 when `error`, else 200 */
  readonly statusCode?: number | undefined;
  readonly error?: boolean | undefined;
}

/** One RAG query, after the fact. */
export interface RecordedRagQuery {
  readonly totalMs: number;
  readonly embeddingMs?: number | undefined;
  readonly searchMs?: number | undefined;
  readonly rerankMs?: number | undefined;
  /** Chunks retrieved. */
  readonly chunks?: number | undefined;
  readonly chunksUsed?: number | undefined;
  /** Counts as a look-up of the cache `rag`; leave out when no cache was asked. */
  readonly cacheHit?: boolean | undefined;
  /** Counts as a look-up of the cache `embedding`. */
  readonly embeddingCacheHit?: boolean | undefined;
  readonly topScore?: number | undefined;
  readonly avgScore?: number | undefined;
  readonly threshold?: number | undefined;
  readonly error?: boolean | undefined;
}

/** One call of a model provider, for clients that do not use `fetch` or undici. */
export interface RecordedLlmCall {
  readonly model: string;
  readonly provider: string;
  readonly latencyMs: number;
  readonly firstTokenMs?: number | undefined;
  /** All input tokens, cached ones included. */
  readonly tokensIn?: number | undefined;
  /** All output tokens, reasoning included. */
  readonly tokensOut?: number | undefined;
  /** Input tokens read from the provider's cache, part of `tokensIn`. */
  readonly cachedTokens?: number | undefined;
  /** What the call cost; left out, it is found from the price table. */
  readonly costUsd?: number | undefined;
  readonly queryCategory?: string | undefined;
  readonly error?: boolean | undefined;
}

export interface RecorderDependencies {
  readonly agent: Agent;
  readonly routes: RouteBound;
  readonly stageNames: StageNames;
  readonly onInvalid: OnInvalid;
  /** Counts an event that was refused. */
  readonly onRefused: () => void;
}

const METHOD = /^[A-Z]{1,10}$/;

/**
 * The specification's recorder by its own names. A value that cannot be used is dropped, counted and warned about once;
 * an event without its required fields is refused and counted. Nothing throws.
 */
export class Recorder {
  readonly #to: RecorderDependencies;
  readonly #labels: CallLabels;

  constructor(dependencies: RecorderDependencies) {
    this.#to = dependencies;
    this.#labels = callLabelsOf(dependencies.agent);
  }

  request(recorded: RecordedRequest): void {
    const input = new Input('recordRequest', recorded, this.#to.onInvalid);
    const endpoint = input.required('endpoint', input.text);
    const latencyMs = input.required('latencyMs', (field) => input.number(field, DURATION_MS_MAX));
    if (endpoint === undefined || latencyMs === undefined) {
      this.#to.onRefused();
      return;
    }
    const method = input.text('method')?.toUpperCase() ?? 'GET';
    this.#to.agent.emit({
      signal: 'request',
      ...this.#base(),
      route: this.#to.routes.bound(endpoint),
      method: METHOD.test(method) ? method : '_OTHER',
      statusCode: input.count('statusCode', 999) ?? (input.boolean('error') === true ? 500 : 200),
      durationMs: milliseconds(latencyMs),
      requestBytes: null,
      responseBytes: null,
    });
  }

  ragQuery(recorded: RecordedRagQuery): void {
    const input = new Input('recordRagQuery', recorded, this.#to.onInvalid);
    const totalMs = input.required('totalMs', (field) => input.number(field, DURATION_MS_MAX));
    if (totalMs === undefined) {
      this.#to.onRefused();
      return;
    }
    const failed = input.boolean('error') === true;
    const cacheHit = failed ? null : input.boolean('cacheHit');
    const embeddingCacheHit = failed ? null : input.boolean('embeddingCacheHit');
    if (cacheHit !== null) this.#to.agent.cacheLookup('rag', cacheHit);
    if (embeddingCacheHit !== null) this.#to.agent.cacheLookup(EMBEDDING, embeddingCacheHit);
    this.#to.agent.emit({
      signal: 'rag-query',
      ...this.#base(),
      durationMs: milliseconds(totalMs),
      stages: this.#stages(input),
      chunksRetrieved: input.count('chunks'),
      chunksUsed: input.count('chunksUsed'),
      cacheHit,
      embeddingCacheHit,
      topScore: input.score('topScore'),
      avgScore: input.score('avgScore'),
      threshold: input.score('threshold'),
      queryHash: null,
      outcome: failed ? 'error' : 'ok',
      errorType: failed ? '_OTHER' : null,
    });
  }

  llmCall(recorded: RecordedLlmCall): void {
    const input = new Input('recordLlmCall', recorded, this.#to.onInvalid);
    const model = input.required('model', input.text);
    const provider = input.required('provider', input.text);
    const latencyMs = input.required('latencyMs', (field) => input.number(field, DURATION_MS_MAX));
    if (model === undefined || provider === undefined || latencyMs === undefined) {
      this.#to.onRefused();
      return;
    }
    const firstTokenMs = input.number('firstTokenMs', DURATION_MS_MAX);
    // The specification records 0 for "not streamed".
    const streaming = firstTokenMs !== null && firstTokenMs > 0;
    const costUsd = input.number('costUsd', COST_USD_MAX);
    const usage = usageOf(input);
    const failed = input.boolean('error') === true;
    const names = {
      provider: provider.slice(0, 50),
      model: modelName(model) ?? 'unknown',
      errorType: failed ? '_OTHER' : null,
    };
    this.#to.agent.emit({
      signal: 'llm-call',
      ...NO_CALL_DETAILS,
      ...this.#base(),
      ...names,
      ...this.#labels.of(names),
      serverAddress: null,
      operation: 'chat',
      responseModel: null,
      streaming,
      usage,
      usageSource: usage === null ? 'none' : 'provider',
      durationMs: milliseconds(latencyMs),
      firstTokenMs: streaming ? milliseconds(firstTokenMs) : null,
      outcome: failed ? 'error' : 'ok',
      queryCategory: input.text('queryCategory'),
      reportedCostUsd: costUsd === null ? null : usd(costUsd),
    });
  }

  cacheAccess(cacheName: unknown, hit: unknown): void {
    const input = new Input('recordCacheAccess', { cacheName, hit }, this.#to.onInvalid);
    const name = input.required('cacheName', input.text);
    const wasHit = input.required('hit', input.boolean);
    if (name === undefined || wasHit === undefined) this.#to.onRefused();
    else this.#to.agent.cacheLookup(name, wasHit);
  }

  wsMessage(direction: unknown, bytes: unknown): void {
    if (direction !== 'in' && direction !== 'out') {
      this.#to.onInvalid('recordWsMessage', 'direction', `expected 'in' or 'out', got a ${typeof direction}`);
      this.#to.onRefused();
      return;
    }
    const input = new Input('recordWsMessage', { bytes }, this.#to.onInvalid);
    this.#to.agent.websockets.message(direction, input.count('bytes') ?? 0);
  }

  #base(): ReturnType<typeof attributionOf> & { readonly id: string; readonly timeMs: Milliseconds } {
    const timeMs = this.#to.agent.clock.epochMs();
    const context = currentContext();
    const { traceId, parentSpanId, sampled } = placeNow(context);
    const place = { traceId, ...within(parentSpanId, sampled) };
    return { id: newEventId(timeMs), timeMs, ...attributionOf(context), ...place };
  }

  #stages(input: Input): Record<string, Milliseconds> {
    const stages: Record<string, Milliseconds> = {};
    for (const [field, stage] of Object.entries({
      embeddingMs: EMBEDDING,
      searchMs: VECTOR_SEARCH,
      rerankMs: RERANK,
    })) {
      const duration = input.number(field, DURATION_MS_MAX);
      if (duration !== null) stages[this.#to.stageNames.admit(stage)] = milliseconds(duration);
    }
    return stages;
  }
}

function usageOf(input: Input) {
  const tokensIn = input.count('tokensIn', TOKENS_MAX);
  const tokensOut = input.count('tokensOut', TOKENS_MAX);
  const cachedTokens = input.count('cachedTokens', TOKENS_MAX);
  if (tokensIn === null && tokensOut === null) return null;
  const cached = Math.min(tokensIn ?? 0, cachedTokens ?? 0);
  return tokenUsage({
    inputUncached: (tokensIn ?? 0) - cached,
    cacheRead: cached,
    outputText: tokensOut ?? 0,
  });
}
