import type { LlmCallEvent } from '../../../../core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../../core/signals/rag-query.ts';
import type { RequestEvent } from '../../../../core/signals/request.ts';
import type { WsSessionEvent } from '../../../../core/signals/ws-session.ts';
import type { OtlpSpan } from '../model.ts';

/**
 * What a span is. `call`: one call of a model, as close to the wire as its instrumentation is. `rollup`: work around calls
 * (agent, chain, step), which often repeats their figures and is never counted. `retrieval`: a search for documents. `query`
 * and `stage`: a RAG query and a part of it, where a sender knows them itself; `session`: one of a WebSocket, likewise.
 */
export type SpanRole = 'request' | 'call' | 'rollup' | 'retrieval' | 'query' | 'stage' | 'session' | 'tool';

/** What of a call its span tells; who it was for and in which trace is not the dialect's business. */
export type CallFacts = Pick<
  LlmCallEvent,
  | 'provider'
  | 'serverAddress'
  | 'serverPort'
  | 'operation'
  | 'model'
  | 'responseModel'
  | 'streaming'
  | 'usage'
  | 'usageSource'
  | 'firstTokenMs'
  | 'outcome'
  | 'errorType'
  | 'reportedCostUsd'
  | 'statusCode'
  | 'attempt'
  | 'finishReason'
  | 'usageMismatch'
  | 'serviceTier'
> &
  Partial<Pick<LlmCallEvent, 'queryCategory' | 'rateLimitResetMs' | 'chunkGapP95Ms' | 'billedUnits'>> & {
    /** By which two instrumentations of one call are told to have seen the same; `null` where it is not told. */
    readonly responseId: string | null;
  };

/** What a retrieval was asked for and found. */
export interface RetrievalFacts {
  /** `null` where nobody says. */
  readonly chunks: number | null;
  readonly scores: { readonly top: number; readonly average: number } | null;
  /** SHA-256 of the question's normal form; the text itself goes nowhere. */
  readonly queryHash: string | null;
}

/** What a sender that knows of queries says of one. */
export type QueryFacts = Pick<
  RagQueryEvent,
  | 'chunksRetrieved'
  | 'chunksUsed'
  | 'cacheHit'
  | 'embeddingCacheHit'
  | 'topScore'
  | 'avgScore'
  | 'threshold'
  | 'queryHash'
>;

export type RequestFacts = Pick<
  RequestEvent,
  'route' | 'method' | 'statusCode' | 'outcome' | 'requestBytes' | 'responseBytes' | 'scheme'
>;

export type SessionFacts = Pick<
  WsSessionEvent,
  'path' | 'messagesIn' | 'messagesOut' | 'bytesIn' | 'bytesOut' | 'closeCode'
>;

/** One way of saying in a span's attributes what was done. */
export interface SpanDialect {
  /** The attributes it reads, besides those of a retrieval, which are read one by one when it is decided. */
  readonly keys: readonly string[];
  /** `null`: not in this dialect, or nothing that anything is made of. Asked for every span, so it must be quick. */
  roleOf(span: OtlpSpan): SpanRole | null;
  /** Which operation a span with the role `call` is, in the words of `gen_ai.operation.name`. */
  readonly operationOf?: (span: OtlpSpan) => string;
  /** Of a span with the role `call`. */
  readonly call?: (span: OtlpSpan) => CallFacts;
  /** Of a span with the role `query`. */
  readonly query?: (span: OtlpSpan) => QueryFacts;
  /** Which stage a span with the role `stage` is. */
  readonly stageOf?: (span: OtlpSpan) => string;
  /** Of a span with the role `retrieval`. */
  readonly retrieval?: (span: OtlpSpan) => RetrievalFacts;
  /** Of a span with the role `request`. */
  readonly request?: (span: OtlpSpan) => RequestFacts;
  /** Of a span with the role `session`. */
  readonly session?: (span: OtlpSpan) => SessionFacts;
}
