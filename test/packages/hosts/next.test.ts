import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { tried } from '../tried.ts';
import {
  assertAction,
  assertQuietBuild,
  assertRoutes,
  assertStreamedChat,
  BUILD_TIMEOUT_MS,
  type Expected,
  HostRuns,
} from './host-runs.ts';

const NEXT = 'next/dist/bin/next';
const LOCAL = /- Local: +http:\/\/[^:]+:(\d+)/;
const ROUTES: readonly Expected[] = [
  ['GET', '/', '/', 200],
  ['HEAD', '/', '/', 200],
  ['GET', '/about?q=1', '/about', 200],
  ['GET', '/blog/one', '/blog/[slug]', 200],
  ['GET', '/blog/missing', '/blog/[slug]', 404],
  ['GET', '/posts/one', '/blog/[slug]', 200],
  ['GET', '/old/one', '<unmatched>', 308],
  ['GET', '/docs/a/b', '/docs/[...parts]', 200],
  ['GET', '/shop', '/shop/[[...filter]]', 200],
  ['GET', '/shop/a/b', '/shop/[[...filter]]', 200],
  ['GET', '/api/items/7', '/api/items/[id]', 200],
  ['DELETE', '/api/items/7', '/api/items/[id]', 204],
  ['PATCH', '/api/items/7', '/api/items/[id]', 405],
  ['GET', '/legacy/7', '/legacy/[id]', 200],
  ['GET', '/api/echo/you', '/api/echo/[name]', 200],
  ['GET', '/broken', '/broken', 500],
  ['GET', '/robots.txt', '<static>', 200],
  ['GET', '/nothing/7', '<unmatched>', 404],
  ['GET', '/_next/static/none.js', '<unmatched>', 404],
];
const MODES = {
  'next start': { script: join('node_modules', NEXT), args: ['start', '--port', '0'] },
  'node .next/standalone/server.js': { script: 'standalone', args: [] },
  'node server.mjs, a server of its own': { script: 'server.mjs', args: [] },
  'next dev': { script: join('node_modules', NEXT), args: ['dev', '--port', '0'] },
};
const ROOT = join(import.meta.dirname, '..', '..', '..');

describe(tried('next'), () => {
  let runs: HostRuns;
  let directory: string;
  beforeAll(async () => {
    runs = await HostRuns.start();
    directory = runs.copy('next');
  });
  afterAll(() => runs?.stop());

  it('next build starts nothing', { timeout: BUILD_TIMEOUT_MS }, async () => {
    assertQuietBuild(await runs.build(directory, [NEXT, 'build']));
  });

  for (const [mode, { script, args }] of Object.entries(MODES)) {
    const isStandalone = script === 'standalone';
    const path = () => {
      if (isStandalone)
        return join(directory, '.next', 'standalone', directory.slice(ROOT.length), 'server.js');
      return join(script === 'server.mjs' ? directory : ROOT, script);
    };

    it(`${mode}: route templates, streamed model calls and server actions`, async () => {
      const host = await runs.serve(path(), {
        args,
        cwd: directory,
        env: { PORT: '0', HOSTNAME: '127.0.0.1', OTEL_SERVICE_NAME: mode },
      });
      await host.listening(LOCAL);
      // A standalone build leaves the files of `public` to whoever deploys it.
      const missing = isStandalone ? '/robots.txt' : '';
      await assertRoutes(
        runs,
        host,
        ROUTES.filter(([, asked]) => asked !== missing),
      );
      const page = await host.send('GET', '/ask');
      const action = /name="(\$ACTION_ID_\w+)"/.exec(page.text)?.[1] ?? '';
      if (mode !== 'next dev') {
        const chunk = /\/_next\/static\/[^"]+\.js/.exec(page.text)?.[0] ?? '';
        if (!isStandalone) await assertRoutes(runs, host, [['GET', chunk, '<static>', 200]]);
      }
      await assertStreamedChat(runs, host, '/api/chat');
      await assertAction(runs, host, { fields: { [action]: '' }, status: 303 });
      await host.end();
      const said = host.app.stderr.split('\n').filter((line) => line.includes('nervecenter'));
      assert.equal(said.length, 1, host.app.stderr);
    });
  }
});
