import type { Milliseconds, Tokens, Usd } from './units.ts';

/**
 * One business fact, made once. From an event follow its measurements (`signals/*.measure`) and its row (`signals/*.row`),
 * so the live view and history can never disagree.
 */
export type NervecenterEvent =
  | RequestEvent
  | LlmCallEvent
  | RagQueryEvent
  | CacheEvent
  | SystemEvent
  | WsSessionEvent;

export type SignalName = NervecenterEvent['signal'];

/** The process an event comes from. */
export interface Sender {
  /** UUID per process. */
  readonly instanceId: string;
  readonly service: string;
}

interface EventBase {
  /** UUIDv7, made where the event is made: the row's primary key, so that a row sent twice is stored once. */
  readonly id: string;
  /** When the fact was complete, in milliseconds since the Unix epoch. */
  readonly timeMs: Milliseconds;
  /** Set by the collector, which knows it by the link, so that no event carries it there; absent for the collector's own. */
  readonly sender?: Sender;
}

/** Whom and what the work was for. Goes into rows only, never into a metric's attributes. */
export interface Attribution {
  /** 32 lower-case hex digits, shared by every event of one request. */
  readonly traceId: string | null;
  readonly userEmail: string | null;
  readonly department: string | null;
}

/** One HTTP request served. */
export interface RequestEvent extends EventBase, Attribution {
  readonly signal: 'request';
  /** Route template (`/users/:id`), `<unmatched>` when no route matched, `<other>` past the bound. Never a raw path. */
  readonly route: string;
  /** One of the standard methods, else `_OTHER` (semantic conventions). */
  readonly method: string;
  /** Response status; 499 when the client went away before any header was sent. */
  readonly statusCode: number;
  /** From the request's first byte parsed to the end of the response, streamed body included. */
  readonly durationMs: Milliseconds;
  readonly requestBytes: number | null;
  readonly responseBytes: number | null;
}

/**
 * Tokens of one call in disjoint buckets. Providers overlap them (OpenAI's `prompt_tokens` includes cached ones,
 * Anthropic's `input_tokens` does not), so parsers take them apart before anything is counted.
 */
export interface TokenUsage {
  readonly inputUncached: Tokens;
  readonly cacheRead: Tokens;
  readonly cacheWrite5m: Tokens;
  readonly cacheWrite1h: Tokens;
  readonly outputText: Tokens;
  readonly outputReasoning: Tokens;
}

export type LlmOutcome = 'ok' | 'error' | 'aborted';
export type UsageSource = 'provider' | 'estimated' | 'none';
export type CostSource = 'provider' | 'override' | 'table' | 'none';

/** What a call cost, decided in the collector. `usd` is `null` when the price is unknown: never 0, never a guess. */
export interface LlmCost {
  readonly usd: Usd | null;
  readonly source: CostSource;
  /** Version of the price table used, `null` when none was. */
  readonly priceVersion: string | null;
}

/** One call of a model provider: chat, completion, embedding. */
export interface LlmCallEvent extends EventBase, Attribution {
  readonly signal: 'llm-call';
  /** Provider id as in `gen_ai.provider.name` where one exists (`openai`, `anthropic`, `x_ai`), else the host name. */
  readonly provider: string;
  /** Host the call went to, without port; `null` when it is not known (recorder). Used to find the price. */
  readonly serverAddress: string | null;
  /** `chat`, `embeddings`, … (`gen_ai.operation.name`). */
  readonly operation: string;
  /** The model the app asked for; the response's when the request names none; `unknown` when neither does. */
  readonly model: string;
  /** The model the provider says it used (`gpt-4o-2024-08-06`), the better key for a price. */
  readonly responseModel: string | null;
  readonly streaming: boolean;
  /** `null` when no usage is known. */
  readonly usage: TokenUsage | null;
  readonly usageSource: UsageSource;
  readonly durationMs: Milliseconds;
  /** First chunk with content; `null` when the call was not streamed or had none. */
  readonly firstTokenMs: Milliseconds | null;
  readonly outcome: LlmOutcome;
  /** `error.type` by convention: HTTP status as text, an error code (`ECONNRESET`), or the provider's error type. */
  readonly errorType: string | null;
  readonly queryCategory: string | null;
  /** What the provider itself says it billed, when it does. */
  readonly reportedCostUsd: Usd | null;
}

/** One retrieval-augmented query, with the time of each stage. */
export interface RagQueryEvent extends EventBase, Attribution {
  readonly signal: 'rag-query';
  readonly durationMs: Milliseconds;
  /** Time per stage name (`embedding`, `vector_search`, `rerank`, …); a stage that did not run is absent. */
  readonly stages: Readonly<Record<string, Milliseconds>>;
  readonly chunksRetrieved: number | null;
  readonly chunksUsed: number | null;
  /** `null`: no cache was asked. */
  readonly cacheHit: boolean | null;
  readonly embeddingCacheHit: boolean | null;
  readonly topScore: number | null;
  readonly avgScore: number | null;
  readonly threshold: number | null;
  /** SHA-256 (hex) of the normalised query text, never the text. */
  readonly queryHash: string | null;
  readonly outcome: 'ok' | 'error';
  readonly errorType: string | null;
}

/** The look-ups of one cache during one minute. */
export interface CacheEvent extends EventBase {
  readonly signal: 'cache';
  readonly cacheName: string;
  readonly hits: number;
  readonly misses: number;
  readonly keysCount: number | null;
  readonly memoryUsedBytes: number | null;
}

/** One gauge of the host or the process, sampled every 15 s. */
export interface SystemEvent extends EventBase {
  readonly signal: 'system';
  /** `cpu`, `memory`, `disk`, `network`, `process`, `runtime`, `connections`. */
  readonly metricType: string;
  readonly metricName: string;
  readonly value: number;
  readonly unit: 'percent' | 'bytes' | 'count' | 'ms' | 'bytes_per_second' | 'load';
  readonly tags: Readonly<Record<string, string>>;
}

/** One WebSocket session, when it has closed. */
export interface WsSessionEvent extends EventBase, Attribution {
  readonly signal: 'ws-session';
  /** Path of the upgrade request without its query string. Rows only. */
  readonly path: string;
  readonly durationMs: Milliseconds;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** RFC 6455 close code, 1006 when the connection just went away. */
  readonly closeCode: number;
}

/** The sum of everything sent to the model, cached or not: the spec's `prompt_tokens`. */
export function promptTokens(usage: TokenUsage): Tokens {
  return (usage.inputUncached + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h) as Tokens;
}

/** The sum of everything the model produced, reasoning included: the spec's `completion_tokens`. */
export function completionTokens(usage: TokenUsage): Tokens {
  return (usage.outputText + usage.outputReasoning) as Tokens;
}
