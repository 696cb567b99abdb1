import { resultsAt, type VectorStore } from './store.ts';

const PATH = /\/v2\/vectordb\/entities\/(?:search|hybrid_search|advanced_search)$/;

/** Whatever its metric, it calls what it gives a distance. */
export const milvus: VectorStore = {
  name: 'milvus',
  matchPath: (pathname) => (PATH.test(pathname) ? 'search' : null),
  asks: null,
  wanted: { data: { '[]': 'count' } },
  read: resultsAt('data', ['data.[]']),
};
