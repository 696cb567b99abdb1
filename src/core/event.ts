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
  /** Audio and images sent, where the provider counts them apart from text. */
  readonly inputAudio: Tokens;
  readonly inputImage: Tokens;
  readonly outputText: Tokens;
  readonly outputReasoning: Tokens;
  readonly outputAudio: Tokens;
  readonly outputImage: Tokens;
}

/** What a provider bills besides tokens; absent where it does not say. */
export interface BilledUnits {
  /** Cohere's search units, and web searches a model made. */
  readonly searches?: number;
  readonly images?: number;
  /** Audio transcribed. */
  readonly audioSeconds?: number;
}

export type LlmOutcome = 'ok' | 'error' | 'aborted';
export type UsageSource = 'provider' | 'estimated' | 'none';
export type CostSource = 'provider' | 'override' | 'table' | 'none';

/** What a call cost, decided in the collector. `usd` is `null` when the price is unknown: never 0, never a guess. */
export interface LlmCost {
  readonly usd: Usd | null;
  /** What reading from the provider's prompt cache saved against the input price; `null` when either price is unknown. */
  readonly cacheSavingsUsd: Usd | null;
  readonly source: CostSource;
  /** Version of the price table used, `null` when none was. */
  readonly priceVersion: string | null;
}

/** What is known of a call besides tokens and times; `null` where nobody tells. */
export interface LlmCallDetails {
  /** HTTP status of the answer; `null` when none came. */
  readonly statusCode: number | null;
  /** Which try of one operation: 0 the first, 1 the first retry. All have the operation's trace. */
  readonly attempt: number | null;
  /** The provider's own words for a failure, at most 500 characters; only with `NERVECENTER_ERROR_MESSAGES=on`. */
  readonly errorMessage: string | null;
  /** After a refusal for too many requests: when the provider says to come back. */
  readonly rateLimitResetMs: Milliseconds | null;
  /** Why the model stopped, in the provider's word: `stop`, `length`, `content_filter`, `tool_use`. */
  readonly finishReason: string | null;
  /** 95th percentile of the time between two chunks with content. */
  readonly chunkGapP95Ms: Milliseconds | null;
  /** The provider's total is not the sum of its parts. */
  readonly usageMismatch: boolean;
  /** The tier the provider says it served (`priority`, `flex`), which has prices of its own. */
  readonly serviceTier: string | null;
  readonly billedUnits: BilledUnits | null;
}

/** Nothing of it known. */
export const NO_CALL_DETAILS: LlmCallDetails = {
  statusCode: null,
  attempt: null,
  errorMessage: null,
  rateLimitResetMs: null,
  finishReason: null,
  chunkGapP95Ms: null,
  usageMismatch: false,
  serviceTier: null,
  billedUnits: null,
};

/** What metrics show instead of a call's names, where a bound of labels was reached: `other`. */
export interface LlmCallLabels {
  readonly provider?: string;
  readonly model?: string;
  readonly errorType?: string;
}

/** One call of a model provider: chat, completion, embedding, rerank. */
export interface LlmCallEvent extends EventBase, Attribution, LlmCallDetails {
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
  /** Absent where metrics show the names themselves. Rows and prices go by the names. */
  readonly labels?: LlmCallLabels;
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
  const cached = usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
  return (usage.inputUncached + cached + usage.inputAudio + usage.inputImage) as Tokens;
}

/** The sum of everything the model produced, reasoning included: the spec's `completion_tokens`. */
export function completionTokens(usage: TokenUsage): Tokens {
  return (usage.outputText + usage.outputReasoning + usage.outputAudio + usage.outputImage) as Tokens;
}
