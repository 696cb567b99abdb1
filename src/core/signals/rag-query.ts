import type { Meter } from '@opentelemetry/api';
import type { Attribution, EventBase } from '../event.ts';
import { COUNTS, DURATIONS, ERRORS, percentOf, perEach, STAGE } from '../history/measures.ts';
import { ATTRIBUTION_RECORD, EVENT_RECORD } from '../records/layout.ts';
import { type Milliseconds, toSeconds } from '../units.ts';
import {
  ATTRIBUTION,
  EVENT,
  isBoolean,
  isCount,
  isNumber,
  isText,
  oneOf,
  orNull,
  recordOf,
} from './checks.ts';
import { allOf, asked, equals, isPresent, not, toSql } from './facts.ts';
import { type HistogramSpec, histogramOf } from './instruments.ts';
import { eventColumns, int4, PEOPLE, SENDER, senderColumns, text } from './row.ts';
import type { Column, Signal } from './signal.ts';

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

export const RAG_DURATION: HistogramSpec = {
  name: 'nervecenter.rag.query.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of RAG queries.',
};
export const RAG_STAGE_DURATION: HistogramSpec = {
  name: 'nervecenter.rag.stage.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of one stage of a RAG query.',
};
export const RAG_CHUNKS: HistogramSpec = {
  name: 'nervecenter.rag.chunks',
  kind: 'histogram',
  unit: '{chunk}',
  description: 'Chunks retrieved by successful RAG queries.',
};

export const STAGE_ATTRIBUTE = 'nervecenter.rag.stage';
/** Stages with a column of their own, by the names of the specification. */
export const EMBEDDING = 'embedding';
export const VECTOR_SEARCH = 'vector_search';
export const RERANK = 'rerank';
/** The stage of the answer itself: in the `stages` column, like every other name. */
export const GENERATION = 'generation';
/** Stages that figures are made of: whatever else there is, they have their names. */
export const RESERVED_STAGES: readonly string[] = [EMBEDDING, VECTOR_SEARCH, RERANK, GENERATION];

/** Stages by `gen_ai.operation.name` of the model call that is one. */
const STAGES: Readonly<Record<string, string>> = {
  embeddings: EMBEDDING,
  rerank: RERANK,
  chat: GENERATION,
  generate_content: GENERATION,
  text_completion: GENERATION,
  image_generation: GENERATION,
};

/** The stage of a query that a model call is, `null` when it is none: speech and its transcription. */
export function stageOfOperation(operation: string): string | null {
  return Object.hasOwn(STAGES, operation) ? (STAGES[operation] ?? null) : null;
}

const STAGES_MAX = 128;

const COLUMNS: readonly Column<RagQueryEvent>[] = [
  ...eventColumns<RagQueryEvent>(),
  { name: 'trace_id', type: 'varchar', value: (event) => text(event.traceId, 32) },
  { name: 'user_email', type: 'varchar', value: (event) => text(event.userEmail, 255) },
  { name: 'department', type: 'varchar', value: (event) => text(event.department, 50) },
  { name: 'query_hash', type: 'varchar', value: (event) => text(event.queryHash, 64) },
  { name: 'total_ms', type: 'double precision', value: (event) => event.durationMs },
  { name: 'embedding_ms', type: 'double precision', value: (event) => event.stages[EMBEDDING] ?? null },
  {
    name: 'vector_search_ms',
    type: 'double precision',
    value: (event) => event.stages[VECTOR_SEARCH] ?? null,
  },
  { name: 'rerank_ms', type: 'double precision', value: (event) => event.stages[RERANK] ?? null },
  { name: 'chunks_retrieved', type: 'integer', value: (event) => int4(event.chunksRetrieved) },
  { name: 'chunks_used', type: 'integer', value: (event) => int4(event.chunksUsed) },
  { name: 'cache_hit', type: 'boolean', value: (event) => event.cacheHit },
  { name: 'embedding_cache_hit', type: 'boolean', value: (event) => event.embeddingCacheHit },
  { name: 'top_score', type: 'double precision', value: (event) => event.topScore },
  { name: 'avg_score', type: 'double precision', value: (event) => event.avgScore },
  { name: 'threshold_used', type: 'double precision', value: (event) => event.threshold },
  { name: 'outcome', type: 'varchar', value: (event) => event.outcome },
  { name: 'error_type', type: 'varchar', value: (event) => text(event.errorType, 100) },
  {
    name: 'stages',
    type: 'jsonb',
    value: (event) => JSON.stringify(event.stages).replaceAll('\\u0000', ''),
  },
  ...senderColumns<RagQueryEvent>(),
];

const FAILED = equals('outcome', 'error');
/** A failed query found nothing because it failed: it must not count as a query without results. */
const ANSWERED = allOf(not(FAILED), isPresent('chunks_retrieved'));
const ANSWERED_EMPTY = allOf(ANSWERED, equals('chunks_retrieved', 0));
const isFailed = asked(FAILED, COLUMNS);
const isAnswered = asked(ANSWERED, COLUMNS);

/** Stages as our rows have them, or the columns of the specification where another writer filled only those. */
const STORED_STAGES = `CASE WHEN jsonb_typeof(r.stages) = 'object' THEN r.stages ELSE jsonb_strip_nulls(jsonb_build_object(
  '${EMBEDDING}', r.embedding_ms, '${VECTOR_SEARCH}', r.vector_search_ms, '${RERANK}', r.rerank_ms)) END`;
/** A score that adds up: one NaN would make every later sum of its minute one. */
const finite = (column: string): string => `${column} > '-Infinity' AND ${column} < 'Infinity'`;

export const ragQuery: Signal<RagQueryEvent> = {
  name: 'rag-query',
  words: { title: 'RAG queries', plural: 'RAG queries' },
  table: 'rag_metrics',
  instruments: [RAG_DURATION, RAG_STAGE_DURATION, RAG_CHUNKS],
  measure: measureQueries,
  columns: COLUMNS,
  record: {
    ...EVENT_RECORD,
    ...ATTRIBUTION_RECORD,
    durationMs: 'number',
    stages: 'numbers',
    chunksRetrieved: 'number',
    chunksUsed: 'number',
    cacheHit: 'flag',
    embeddingCacheHit: 'flag',
    topScore: 'number',
    avgScore: 'number',
    threshold: 'number',
    queryHash: 'text',
    outcome: 'name',
    errorType: 'name',
  },
  accepts: {
    ...EVENT,
    ...ATTRIBUTION,
    durationMs: isCount,
    stages: recordOf(isCount, STAGES_MAX),
    chunksRetrieved: orNull(isCount),
    chunksUsed: orNull(isCount),
    cacheHit: orNull(isBoolean),
    embeddingCacheHit: orNull(isBoolean),
    topScore: orNull(isNumber),
    avgScore: orNull(isNumber),
    threshold: orNull(isNumber),
    queryHash: orNull(isText),
    outcome: oneOf('ok', 'error'),
    errorType: orNull(isText),
  },
  history: {
    dimensions: { ...PEOPLE, stage: 'stage.name', ...SENDER },
    fields: {
      value: { value: { column: 'total_ms' }, rolledBy: ['department'], hourlyBy: ['user'] },
      [STAGE]: {
        value: {
          sql: `CASE WHEN jsonb_typeof(stage.ms) = 'number' THEN stage.ms::float8 END`,
          join: `CROSS JOIN LATERAL jsonb_each(${STORED_STAGES}) AS stage(name, ms)`,
        },
        onlyWithValue: true,
        rolledBy: [STAGE],
      },
    },
    sums: {
      errors: FAILED,
      cache_hits: equals('cache_hit', true),
      cache_lookups: isPresent('cache_hit'),
      chunks: `CASE WHEN ${toSql(ANSWERED)} THEN r.chunks_retrieved END`,
      answered: ANSWERED,
      answered_empty: ANSWERED_EMPTY,
      top_scores: `CASE WHEN ${finite('r.top_score')} THEN r.top_score END`,
      top_scored: `CASE WHEN ${finite('r.top_score')} THEN 1 ELSE 0 END`,
      avg_scores: `CASE WHEN ${finite('r.avg_score')} THEN r.avg_score END`,
      avg_scored: `CASE WHEN ${finite('r.avg_score')} THEN 1 ELSE 0 END`,
    },
    measures: {
      ...COUNTS,
      ...DURATIONS,
      ...ERRORS,
      hit_rate: percentOf('cache_hits', 'cache_lookups'),
      chunks_avg: perEach('chunks', 'chunks', 'answered', 'average chunks'),
      zero_chunk_rate: percentOf('answered_empty', 'answered', { words: 'share without a chunk' }),
      top_score_avg: perEach('score', 'top_scores', 'top_scored', 'average top score'),
      avg_score_avg: perEach('score', 'avg_scores', 'avg_scored', 'average score'),
    },
    firstMeasure: 'p95',
  },
  retention: { key: 'rag', days: 30 },
};

function measureQueries(meter: Meter): (event: RagQueryEvent) => void {
  const queries = histogramOf(meter, RAG_DURATION);
  const stages = histogramOf(meter, RAG_STAGE_DURATION);
  const chunks = histogramOf(meter, RAG_CHUNKS);
  return (event) => {
    const failed = isFailed(event);
    queries.record(toSeconds(event.durationMs), failed ? { 'error.type': event.errorType ?? '_OTHER' } : {});
    for (const [stage, duration] of Object.entries(event.stages))
      stages.record(toSeconds(duration), { [STAGE_ATTRIBUTE]: stage });
    // A failed query found nothing because it failed: it must not count as a query without results.
    if (isAnswered(event)) chunks.record(event.chunksRetrieved ?? 0, {});
  };
}
