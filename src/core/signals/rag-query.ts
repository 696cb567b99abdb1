import type { RagQueryEvent } from '../event.ts';
import { eventColumns, int4, senderColumns, text } from '../row.ts';
import type { InstrumentSpec, RecordMeasurement, Signal } from '../signal.ts';
import { toSeconds } from '../units.ts';

export const RAG_DURATION: InstrumentSpec = {
  name: 'nervecenter.rag.query.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of RAG queries.',
};
export const RAG_STAGE_DURATION: InstrumentSpec = {
  name: 'nervecenter.rag.stage.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of one stage of a RAG query.',
};
export const RAG_CHUNKS: InstrumentSpec = {
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

export const ragQuery: Signal<RagQueryEvent> = {
  name: 'rag-query',
  table: 'rag_metrics',
  instruments: [RAG_DURATION, RAG_STAGE_DURATION, RAG_CHUNKS],
  measure: measureQuery,
  columns: [
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
  ],
};

function measureQuery(event: RagQueryEvent, record: RecordMeasurement): void {
  const failed = event.outcome === 'error';
  record(
    RAG_DURATION,
    toSeconds(event.durationMs),
    failed ? { 'error.type': event.errorType ?? '_OTHER' } : {},
  );
  for (const [stage, duration] of Object.entries(event.stages)) {
    record(RAG_STAGE_DURATION, toSeconds(duration), { [STAGE_ATTRIBUTE]: stage });
  }
  // A failed query found nothing because it failed: it must not count as a query without results.
  if (!failed && event.chunksRetrieved !== null) record(RAG_CHUNKS, event.chunksRetrieved, {});
}
