import { resultsAt, type VectorStore } from './store.ts';

const PATH = /\/api\/v\d\/(?:tenants\/[^/]+\/databases\/[^/]+\/)?collections\/[^/]+\/(?:query|search)$/;

/** It answers a list per query. `query` gives distances, and what `search` gives is up to its expression: no scores. */
export const chroma: VectorStore = {
  name: 'chroma',
  matchPath: (pathname) => (PATH.test(pathname) ? 'search' : null),
  asks: null,
  wanted: { ids: { '[]': { '[]': 'count' } } },
  read: resultsAt('ids', ['ids.[].[]']),
};
