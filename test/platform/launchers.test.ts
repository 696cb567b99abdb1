import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isLauncher } from '../../src/platform/launchers.ts';

const LAUNCHERS = [
  '/usr/lib/node_modules/npm/bin/npm-cli.js run build',
  '/opt/yarn-v1/bin/yarn.js start',
  '/app/node_modules/.bin/next build',
  '/app/node_modules/.bin/next',
  '/app/node_modules/next/dist/bin/next dev --port 3001',
  'C:\\app\\node_modules\\next\\dist\\bin\\next typegen',
  '/app/node_modules/next/dist/compiled/jest-worker/processChild.js',
  '/app/.next/build/chunks/pool_entry-[turbopack-node]_transforms_postcss_ts_0j-dt2._.js 38561',
  '/app/node_modules/vite/bin/vite.js build',
  '/app/node_modules/.bin/vite --mode test build',
  '/app/node_modules/@react-router/dev/bin.cjs build',
  '/app/node_modules/.bin/svelte-kit sync',
  '/app/node_modules/.pnpm/tsx@4.20.0/node_modules/tsx/dist/cli.mjs watch app.ts',
  '/app/node_modules/typescript/bin/tsc --watch',
  '/app/node_modules/@nuxt/cli/bin/nuxi.mjs build',
];
const APPS = [
  '/app/server.js',
  '/app/npm.config.js',
  '/app/next.js build',
  '/app/bin/vite build',
  '/app/.next/standalone/server.js',
  '/app/node_modules/.bin/next start -p 3000',
  '/app/node_modules/next/dist/bin/next --inspect start',
  '/app/node_modules/next/dist/server/lib/start-server.js',
  '/app/node_modules/.bin/vite',
  '/app/node_modules/vite/bin/vite.js --port 3000 preview',
  '/app/node_modules/.bin/react-router dev',
  '/app/node_modules/.bin/react-router-serve build/server/index.js',
  '/app/build/index.js',
  '/app/.output/server/index.mjs',
];
const argvOf = (line: string) => ['/usr/bin/node', ...line.split(' ')];

for (const line of LAUNCHERS) {
  test(`${line} is no app`, () => assert.equal(isLauncher(argvOf(line)), true));
}
for (const line of APPS) {
  test(`${line} is an app`, () => assert.equal(isLauncher(argvOf(line)), false));
}
test('neither is a script that is not there', () => {
  assert.equal(isLauncher(['/usr/bin/node']), false);
});
