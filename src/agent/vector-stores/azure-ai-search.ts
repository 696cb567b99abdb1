import { resultsAt, type VectorStore } from './store.ts';

const PATH = /\/indexes(?:\/[^/]+|\('[^']+'\))\/docs\/search(?:\.post\.search)?$/;
const SCORE = '@search.score';

/** Azure AI Search: by vectors, alone or beside words. */
export const azureAiSearch: VectorStore = {
  name: 'azure-ai-search',
  matchPath: (pathname) => (PATH.test(pathname) ? 'maybe' : null),
  asks: /"vectorQueries"\s*:/,
  // Each result has a score, whatever fields of it were asked for.
  wanted: { value: { '[]': { [SCORE]: 'tally' } } },
  read: resultsAt('value', [`value.[].${SCORE}`], [`value.[].${SCORE}`]),
};
