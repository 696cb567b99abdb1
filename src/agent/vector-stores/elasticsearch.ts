import { resultsAt, type VectorStore } from './store.ts';

/** Elasticsearch and OpenSearch: searches by `knn`, in the query or beside it, and by a text that a model embeds there. */
export const elasticsearch: VectorStore = {
  name: 'elasticsearch',
  matchPath: (pathname) => (pathname.endsWith('/_search') ? 'maybe' : null),
  asks: /"(?:knn|neural|neural_sparse|semantic|sparse_vector)"\s*:/,
  wanted: { hits: { hits: { '[]': { _id: 'count', _score: 'tally' } } } },
  read: resultsAt('hits.hits', ['hits.hits.[]._id'], ['hits.hits.[]._score']),
};
