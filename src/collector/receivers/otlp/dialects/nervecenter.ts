import { errorType, word } from '../../../../core/llm/labels.ts';
import { OWN_CALL_ATTRIBUTES as OWN } from '../../../../core/llm/own-attributes.ts';
import { amountUsd } from '../../../../core/llm/token-counts.ts';
import type { BilledUnits, TokenUsage } from '../../../../core/llm/usage.ts';
import { STAGE_ATTRIBUTE } from '../../../../core/signals/rag-query.ts';
import { type Milliseconds, milliseconds, SECOND_MS, tokens } from '../../../../core/units.ts';
import type { OtlpAttributes, OtlpSpan, OtlpValue } from '../model.ts';
import { readCall } from './calls.ts';
import type {
  CallFacts,
  QueryFacts,
  RetrievalFacts,
  SessionFacts,
  SpanDialect,
  SpanRole,
} from './dialect.ts';
import { GEN_AI_NAMES } from './gen-ai.ts';
import { flagOf, numberOf, textOf } from './values.ts';

const SCOPE = 'nervecenter';
const QUERY = 'rag query';
const SESSION = 'websocket session';
const OPERATION = 'gen_ai.operation.name';
const PROVIDER = ['gen_ai.provider.name'];
const PROVIDER_CHARS_MAX = 50;
const CHUNKS = ['nervecenter.rag.chunks_retrieved'];
const CHUNKS_USED = ['nervecenter.rag.chunks_used'];
const CACHE_HIT = ['nervecenter.rag.cache_hit'];
const EMBEDDING_CACHE_HIT = ['nervecenter.rag.embedding_cache_hit'];
const TOP_SCORE = ['nervecenter.rag.top_score'];
const AVG_SCORE = ['nervecenter.rag.avg_score'];
const THRESHOLD = ['nervecenter.rag.threshold'];
const QUERY_HASH = ['nervecenter.rag.query_hash'];
const HASH_DIGITS = 64;
const PATH = ['url.path'];
const MESSAGES_IN = ['nervecenter.websocket.messages_in'];
const MESSAGES_OUT = ['nervecenter.websocket.messages_out'];
const BYTES_IN = ['nervecenter.websocket.bytes_in'];
const BYTES_OUT = ['nervecenter.websocket.bytes_out'];
const CLOSE_CODE = ['nervecenter.websocket.close_code'];
/** The connection just went away (RFC 6455). */
const ABNORMAL_CLOSURE = 1006;

/** What nervecenter sends itself, where its events do not come as log records. Each of its spans but those of stages was an event. */
export const nervecenter: SpanDialect = {
  keys: [
    STAGE_ATTRIBUTE,
    ...CHUNKS,
    ...CHUNKS_USED,
    ...CACHE_HIT,
    ...EMBEDDING_CACHE_HIT,
    ...TOP_SCORE,
    ...AVG_SCORE,
    ...THRESHOLD,
    ...QUERY_HASH,
    ...Object.values(OWN),
    ...PATH,
    ...MESSAGES_IN,
    ...MESSAGES_OUT,
    ...BYTES_IN,
    ...BYTES_OUT,
    ...CLOSE_CODE,
  ],
  roleOf,
  operationOf,
  call,
  query,
  session,
  stageOf: ({ attributes }) => textOf(attributes, [STAGE_ATTRIBUTE]) ?? '',
};

/** Whether a span is of nervecenter itself, which makes one of each fact. */
export function isOurs({ scope }: OtlpSpan): boolean {
  return scope.name === SCOPE;
}

function roleOf(span: OtlpSpan): SpanRole | null {
  const { name, attributes } = span;
  if (!isOurs(span)) return null;
  if (name === QUERY) return 'query';
  if (name === SESSION) return 'session';
  // A stage may be a retrieval by its operation.
  if (typeof attributes[STAGE_ATTRIBUTE] === 'string') return 'stage';
  return typeof attributes[OPERATION] === 'string' ? 'call' : null;
}

function operationOf({ attributes }: OtlpSpan): string {
  return textOf(attributes, [OPERATION]) ?? 'chat';
}

function call(span: OtlpSpan): CallFacts {
  const { attributes } = span;
  const read = readCall(span, GEN_AI_NAMES, { operation: operationOf(span) });
  return {
    ...read,
    // Whoever sent it knows the provider as we do.
    provider: textOf(attributes, PROVIDER)?.slice(0, PROVIDER_CHARS_MAX) ?? read.provider,
    usage: read.usage === null ? null : withHourWrites(read.usage, countOf(attributes, [OWN.cacheWrite1h])),
    usageMismatch: flagOf(attributes, [OWN.usageMismatch]) ?? false,
    errorType: read.outcome === 'aborted' ? errorType([attributes[OWN.abortReason]]) : read.errorType,
    serviceTier: word(textOf(attributes, [OWN.serviceTier])),
    reportedCostUsd: amountUsd(numberOf(attributes, [OWN.reportedCost])),
    queryCategory: textOf(attributes, [OWN.queryCategory]),
    chunkGapP95Ms: durationOf(attributes, OWN.chunkGapP95),
    rateLimitResetMs: durationOf(attributes, OWN.rateLimitReset),
    billedUnits: unitsOf(attributes),
  };
}

/** The conventions have one name for all that was written to the cache. */
function withHourWrites(usage: TokenUsage, forAnHour: number | null): TokenUsage {
  if (forAnHour === null || forAnHour > usage.cacheWrite5m) return usage;
  return {
    ...usage,
    cacheWrite5m: tokens(usage.cacheWrite5m - forAnHour),
    cacheWrite1h: tokens(forAnHour),
  };
}

function durationOf(attributes: OtlpAttributes, name: string): Milliseconds | null {
  const seconds = numberOf(attributes, [name]);
  return seconds === null || seconds < 0 ? null : milliseconds(seconds * SECOND_MS);
}

function unitsOf(attributes: OtlpAttributes): BilledUnits | null {
  const told = {
    searches: numberOf(attributes, [OWN.searches]),
    images: numberOf(attributes, [OWN.images]),
    audioSeconds: numberOf(attributes, [OWN.audio]),
  };
  const known = Object.entries(told).filter(([, units]) => units !== null && units >= 0);
  return known.length === 0 ? null : (Object.fromEntries(known) as BilledUnits);
}

function session({ attributes }: OtlpSpan): SessionFacts {
  const count = (aliases: readonly string[]) => countOf(attributes, aliases) ?? 0;
  return {
    path: textOf(attributes, PATH) ?? '',
    messagesIn: count(MESSAGES_IN),
    messagesOut: count(MESSAGES_OUT),
    bytesIn: count(BYTES_IN),
    bytesOut: count(BYTES_OUT),
    closeCode: countOf(attributes, CLOSE_CODE) ?? ABNORMAL_CLOSURE,
  };
}

function query({ attributes }: OtlpSpan): QueryFacts {
  const hash = textOf(attributes, QUERY_HASH);
  return {
    chunksRetrieved: countOf(attributes, CHUNKS),
    chunksUsed: countOf(attributes, CHUNKS_USED),
    cacheHit: flagOf(attributes, CACHE_HIT),
    embeddingCacheHit: flagOf(attributes, EMBEDDING_CACHE_HIT),
    topScore: numberOf(attributes, TOP_SCORE),
    avgScore: numberOf(attributes, AVG_SCORE),
    threshold: numberOf(attributes, THRESHOLD),
    queryHash: hash?.length === HASH_DIGITS ? hash : null,
  };
}

/** What a retrieval found, for the span that is kept of it: the documents and the question themselves are not. */
export function keptFacts({ chunks, scores, queryHash }: RetrievalFacts): OtlpAttributes {
  const kept: Record<string, OtlpValue> = {};
  for (const key of CHUNKS) if (chunks !== null) kept[key] = chunks;
  for (const key of TOP_SCORE) if (scores !== null) kept[key] = scores.top;
  for (const key of AVG_SCORE) if (scores !== null) kept[key] = scores.average;
  for (const key of QUERY_HASH) if (queryHash !== null) kept[key] = queryHash;
  return kept;
}

/** What a kept span says that its retrieval found, before whatever else it says. */
export function withKeptFacts(span: OtlpSpan, read: RetrievalFacts): RetrievalFacts {
  const { chunksRetrieved, topScore, avgScore, queryHash } = query(span);
  return {
    chunks: chunksRetrieved ?? read.chunks,
    scores: topScore === null || avgScore === null ? read.scores : { top: topScore, average: avgScore },
    queryHash: queryHash ?? read.queryHash,
  };
}

function countOf(attributes: OtlpAttributes, aliases: readonly string[]): number | null {
  const count = numberOf(attributes, aliases);
  return count === null || count < 0 ? null : Math.round(count);
}
