import { resultsAt, type VectorStore } from './store.ts';

/** It gives distance and certainty where they are asked for, neither of which it calls a score. */
export const weaviate: VectorStore = {
  name: 'weaviate',
  matchPath: (pathname) => (pathname.endsWith('/v1/graphql') ? 'maybe' : null),
  asks: /\b(?:near(?:Vector|Text|Object|Image|Audio|Video|Depth|Thermal|IMU)|hybrid)\s*:/,
  wanted: { data: { Get: { '*': { '[]': 'count' } } } },
  read: resultsAt('data.Get', ['data.Get.*.[]']),
};
