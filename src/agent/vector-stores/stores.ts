import { azureAiSearch } from './azure-ai-search.ts';
import { chroma } from './chroma.ts';
import { elasticsearch } from './elasticsearch.ts';
import { grpc } from './grpc.ts';
import { milvus } from './milvus.ts';
import { pinecone, pineconeRecords } from './pinecone.ts';
import { qdrant } from './qdrant.ts';
import type { VectorStore } from './store.ts';
import { weaviate } from './weaviate.ts';

/** Every vector store whose HTTP is read. */
export const VECTOR_STORES: readonly VectorStore[] = [
  qdrant,
  pinecone,
  pineconeRecords,
  chroma,
  weaviate,
  milvus,
  elasticsearch,
  azureAiSearch,
  grpc,
];

/** A request that is, or may be, a vector search. */
export interface MaybeSearch {
  readonly store: VectorStore;
  /** `false`: the body must ask for one (`VectorStore.asks`). */
  readonly certain: boolean;
}

/** @param path with or without query. @param host without port, lower case. */
export function recogniseSearch(host: string, path: string): MaybeSearch | null {
  const query = path.indexOf('?');
  const whole = query === -1 ? path : path.slice(0, query);
  const pathname = whole.endsWith('/') ? whole.slice(0, -1) : whole;
  for (const store of VECTOR_STORES) {
    const verdict = store.matchPath(pathname, host);
    if (verdict !== null) return { store, certain: verdict === 'search' };
  }
  return null;
}
