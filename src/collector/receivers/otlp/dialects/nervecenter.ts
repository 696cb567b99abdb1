import { STAGE_ATTRIBUTE } from '../../../../core/signals/rag-query.ts';
import type { OtlpAttributes, OtlpSpan, OtlpValue } from '../model.ts';
import type { QueryFacts, RetrievalFacts, SpanDialect, SpanRole } from './dialect.ts';
import { flagOf, numberOf, textOf } from './values.ts';

const SCOPE = 'nervecenter';
const QUERY = 'rag query';
const CHUNKS = ['nervecenter.rag.chunks_retrieved'];
const CHUNKS_USED = ['nervecenter.rag.chunks_used'];
const CACHE_HIT = ['nervecenter.rag.cache_hit'];
const EMBEDDING_CACHE_HIT = ['nervecenter.rag.embedding_cache_hit'];
const TOP_SCORE = ['nervecenter.rag.top_score'];
const AVG_SCORE = ['nervecenter.rag.avg_score'];
const THRESHOLD = ['nervecenter.rag.threshold'];
const QUERY_HASH = ['nervecenter.rag.query_hash'];
const HASH_DIGITS = 64;

/** Queries and their stages as nervecenter sends them itself, where their events do not come as log records. */
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
  ],
  roleOf,
  query,
  stageOf: ({ attributes }) => textOf(attributes, [STAGE_ATTRIBUTE]) ?? '',
};

function roleOf({ scope, name, attributes }: OtlpSpan): SpanRole | null {
  if (scope.name !== SCOPE) return null;
  if (name === QUERY) return 'query';
  return typeof attributes[STAGE_ATTRIBUTE] === 'string' ? 'stage' : null;
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
