import type { OtlpSpan } from '../model.ts';
import type { RetrievalFacts, SpanDialect, SpanRole } from './dialect.ts';
import { found } from './retrievals.ts';
import { numberOf, textOf } from './values.ts';

const SYSTEM = ['db.system.name', 'db.system'];
const OPERATION = ['db.operation.name', 'db.operation'];
const TOP_K = 'db.vector.query.top_k';
const GEN_AI_OPERATION = 'gen_ai.operation.name';
/** How OpenLIT names the work of any vector store. */
const OPENLIT = 'vectordb';
const COUNT = ['db.vector.query.result.matches_length', 'db.response.returned_rows', 'db.n_results'];
const RESULT_EVENT = 'db.query.result';
const RESULT_SCORE = 'db.query.result.score';

const STORES: ReadonlySet<string> = new Set([
  'pinecone',
  'chroma',
  'chromadb',
  'qdrant',
  'milvus',
  'weaviate',
  'astra',
  'astradb',
  'lancedb',
  'marqo',
  'pgvector',
]);
/** Operations that search; the others of a vector store write or look up by id. */
const SEARCHES: ReadonlySet<string> = new Set([
  'query',
  'queries',
  'search',
  'search_batch',
  'searchbatch',
  'search_groups',
  'query_points',
  'query_batch',
  'hybrid_search',
  'similarity_search',
  'recommend',
  'discover',
  'find',
  'near_text',
  'near_vector',
  'hybrid',
  'bm25',
]);

/** Searches of vector stores as OpenLLMetry and OpenLIT tell them. */
export const vectorStores: SpanDialect = {
  keys: [...SYSTEM, ...OPERATION, TOP_K, GEN_AI_OPERATION, ...COUNT],
  roleOf,
  retrieval,
};

function roleOf(span: OtlpSpan): SpanRole | null {
  const { attributes } = span;
  if (attributes[TOP_K] !== undefined) return 'retrieval';
  const system = textOf(attributes, SYSTEM);
  if (system === null) return null;
  const isStore = STORES.has(system.toLowerCase()) || attributes[GEN_AI_OPERATION] === OPENLIT;
  return isStore && SEARCHES.has(operationOf(span)) ? 'retrieval' : null;
}

/** By its attribute, else by the name of the span: `qdrant.search`. */
function operationOf({ attributes, name }: OtlpSpan): string {
  const told = textOf(attributes, OPERATION) ?? name;
  return told.slice(told.lastIndexOf('.') + 1).toLowerCase();
}

/** Each result is an event. Distances are no scores: the best has the smallest. */
function retrieval({ attributes, events }: OtlpSpan): RetrievalFacts {
  const scores: number[] = [];
  let results = 0;
  for (const event of events) {
    if (event.name !== RESULT_EVENT) continue;
    results++;
    const score = event.attributes[RESULT_SCORE];
    if (typeof score === 'number' && Number.isFinite(score)) scores.push(score);
  }
  return found(numberOf(attributes, COUNT) ?? (results > 0 ? results : null), scores, null);
}
