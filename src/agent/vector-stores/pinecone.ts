import { resultsAt, type VectorStore } from './store.ts';

const RECORDS = /\/records\/namespaces\/[^/]+\/search$/;

/** An index by vectors. */
export const pinecone: VectorStore = {
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
export const pineconeRecords: VectorStore = {
  name: 'pinecone-records',
  matchPath: (pathname) => (RECORDS.test(pathname) ? 'search' : null),
  asks: null,
  wanted: { result: { hits: { '[]': { _id: 'count', _score: 'tally' } } } },
  read: resultsAt('result.hits', ['result.hits.[]._id'], ['result.hits.[]._score']),
};
