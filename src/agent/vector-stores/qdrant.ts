import type { Wanted } from '../llm/reader/json-scanner.ts';
import { resultsAt, type VectorStore } from './store.ts';

const PATH = /\/collections\/[^/]+\/points\/(?:query|search|recommend|discover)(?:\/(?:batch|groups))?$/;
const POINT: Wanted = { id: 'count', score: 'tally' };

/** Its score is what the collection's metric gives: for Euclidean distance the smaller is the better. */
export const qdrant: VectorStore = {
  name: 'qdrant',
  matchPath: (pathname) => (PATH.test(pathname) ? 'search' : null),
  asks: null,
  // A list of points, or an object with them; of a batch a list of either.
  wanted: {
    result: {
      points: { '[]': POINT },
      groups: { '[]': { hits: { '[]': POINT } } },
      '[]': { ...POINT, points: { '[]': POINT }, '[]': POINT },
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
