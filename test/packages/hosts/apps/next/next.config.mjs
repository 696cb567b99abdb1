import { join } from 'node:path';

// The root is the repository, whose packages are the app's: the app is copied to a folder of it.
const root = join(import.meta.dirname, '..');

export default {
  output: 'standalone',
  outputFileTracingRoot: root,
  turbopack: { root },
  redirects: async () => [{ source: '/old/:slug', destination: '/blog/:slug', permanent: true }],
  rewrites: async () => [{ source: '/posts/:slug', destination: '/blog/:slug' }],
};
