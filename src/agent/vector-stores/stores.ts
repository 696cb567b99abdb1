import type { Wanted } from '../llm/reader/json-scanner.ts';
import { resultsAt, UNREAD, type VectorStore } from './vector-store.ts';

const QDRANT_PATH =
  /\/collections\/[^/]+\/points\/(?:query|search|recommend|discover)(?:\/(?:batch|groups))?$/;
const QDRANT_POINT: Wanted = { id: 'count', score: 'tally' };

/** Its score is what the collection's metric gives: for Euclidean distance the smaller is the better. */
const qdrant: VectorStore = {
  name: 'qdrant',
  matchPath: (pathname) => (QDRANT_PATH.test(pathname) ? 'search' : null),
  asks: null,
  // A list of points, or an object with them; of a batch a list of either.
  wanted: {
    result: {
      points: { '[]': QDRANT_POINT },
      groups: { '[]': { hits: { '[]': QDRANT_POINT } } },
      '[]': { ...QDRANT_POINT, points: { '[]': QDRANT_POINT }, '[]': QDRANT_POINT },
    },
  },
  read: resultsAt(
    'result',
    [
      'result.[].id',
      'result.points.[].id',
      'result.groups.[].hits.[].id',
      'result.[].points.[].id',
      'result.[].[].id',
    ],
    [
      'result.[].score',
      'result.points.[].score',
      'result.groups.[].hits.[].score',
      'result.[].points.[].score',
      'result.[].[].score',
    ],
  ),
};

const PINECONE_RECORDS_PATH = /\/records\/namespaces\/[^/]+\/search$/;

/** An index by vectors. */
const pinecone: VectorStore = {
  name: 'pinecone',
  matchPath: (pathname, host) => {
    if (pathname !== '/query') return null;
    return host.endsWith('.pinecone.io') ? 'search' : 'maybe';
  },
  asks: /"topK"\s*:/,
  wanted: { matches: { '[]': { id: 'count', score: 'tally' } } },
  read: resultsAt('matches', ['matches.[].id'], ['matches.[].score']),
};

/** An index with an embedding model of its own, asked by text. */
const pineconeRecords: VectorStore = {
  name: 'pinecone-records',
  matchPath: (pathname) => (PINECONE_RECORDS_PATH.test(pathname) ? 'search' : null),
  asks: null,
  wanted: { result: { hits: { '[]': { _id: 'count', _score: 'tally' } } } },
  read: resultsAt('result.hits', ['result.hits.[]._id'], ['result.hits.[]._score']),
};

const CHROMA_PATH =
  /\/api\/v\d\/(?:tenants\/[^/]+\/databases\/[^/]+\/)?collections\/[^/]+\/(?:query|search)$/;

/** It answers a list per query. `query` gives distances, and what `search` gives is up to its expression: no scores. */
const chroma: VectorStore = {
  name: 'chroma',
  matchPath: (pathname) => (CHROMA_PATH.test(pathname) ? 'search' : null),
  asks: null,
  wanted: { ids: { '[]': { '[]': 'count' } } },
  read: resultsAt('ids', ['ids.[].[]']),
};

/** It gives distance and certainty where they are asked for, neither of which it calls a score. */
const weaviate: VectorStore = {
  name: 'weaviate',
  matchPath: (pathname) => (pathname.endsWith('/v1/graphql') ? 'maybe' : null),
  asks: /\b(?:near(?:Vector|Text|Object|Image|Audio|Video|Depth|Thermal|IMU)|hybrid)\s*:/,
  wanted: { data: { Get: { '*': { '[]': 'count' } } } },
  read: resultsAt('data.Get', ['data.Get.*.[]']),
};

const MILVUS_PATH = /\/v2\/vectordb\/entities\/(?:search|hybrid_search|advanced_search)$/;

/** Whatever its metric, it calls what it gives a distance. */
const milvus: VectorStore = {
  name: 'milvus',
  matchPath: (pathname) => (MILVUS_PATH.test(pathname) ? 'search' : null),
  asks: null,
  wanted: { data: { '[]': 'count' } },
  read: resultsAt('data', ['data.[]']),
};

/** Elasticsearch and OpenSearch: searches by `knn`, in the query or beside it, and by a text that a model embeds there. */
const elasticsearch: VectorStore = {
  name: 'elasticsearch',
  matchPath: (pathname) => (pathname.endsWith('/_search') ? 'maybe' : null),
  asks: /"(?:knn|neural|neural_sparse|semantic|sparse_vector)"\s*:/,
  wanted: { hits: { hits: { '[]': { _id: 'count', _score: 'tally' } } } },
  read: resultsAt('hits.hits', ['hits.hits.[]._id'], ['hits.hits.[]._score']),
};

const AZURE_AI_SEARCH_PATH = /\/indexes(?:\/[^/]+|\('[^']+'\))\/docs\/search(?:\.post\.search)?$/;
const AZURE_SCORE = '@search.score';

/** Azure AI Search: by vectors, alone or beside words. */
const azureAiSearch: VectorStore = {
  name: 'azure-ai-search',
  matchPath: (pathname) => (AZURE_AI_SEARCH_PATH.test(pathname) ? 'maybe' : null),
  asks: /"vectorQueries"\s*:/,
  // Each result has a score, whatever fields of it were asked for.
  wanted: { value: { '[]': { [AZURE_SCORE]: 'tally' } } },
  read: resultsAt('value', [`value.[].${AZURE_SCORE}`], [`value.[].${AZURE_SCORE}`]),
};

const GRPC_PATH =
  /\/(?:qdrant\.Points\/(?:Search|Query|Recommend|Discover)\w*|weaviate\.v1\.Weaviate\/Search|milvus\.proto\.milvus\.MilvusService\/(?:Search|HybridSearch)|VectorService\/Query)$/;

/** gRPC of Qdrant, Weaviate, Milvus and Pinecone: the time is seen; what was found is protobuf and is not read. */
const grpc: VectorStore = {
  name: 'grpc',
  matchPath: (pathname) => (GRPC_PATH.test(pathname) ? 'search' : null),
  asks: null,
  ...UNREAD,
};

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
