import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
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

const ROUTES: readonly Expected[] = [
  ['GET', '/', '/', 200],
  ['HEAD', '/', '/', 200],
  ['GET', '/about?q=1', '/about', 200],
  ['GET', '/blog/one', '/blog/:slug', 200],
  ['GET', '/blog/one.data', '/blog/:slug', 200],
  ['GET', '/blog/new', '/blog/new', 200],
  ['GET', '/blog/missing', '/blog/:slug', 404],
  ['GET', '/docs/a/b', '/docs/*', 200],
  ['GET', '/help', '/:lang?/help', 200],
  ['GET', '/de/help', '/:lang?/help', 200],
  ['GET', '/orgs/acme/users/7', '/orgs/:org/users/:id', 200],
  ['GET', '/api/items/7', '/api/items/:id', 200],
  ['GET', '/broken', '/broken', 500],
  ['GET', '/robots.txt', '<static>', 200],
  ['GET', '/nothing/7', '<unmatched>', 404],
];

describe(tried('reactRouter'), () => {
  let runs: HostRuns;
  let directory: string;
  beforeAll(async () => {
    runs = await HostRuns.start();
    directory = runs.copy('react-router');
  });
  afterAll(() => runs?.stop());

  it('react-router build starts nothing', { timeout: BUILD_TIMEOUT_MS }, async () => {
    assertQuietBuild(await runs.build(directory, ['@react-router/dev/bin.cjs', 'build']));
  });

  it('react-router-serve: route patterns, streamed model calls and actions', async () => {
    const serve = join(import.meta.dirname, '../../../node_modules/@react-router/serve/bin.cjs');
    const host = await runs.serve(serve, {
      args: [join(directory, 'build', 'server', 'index.js')],
      cwd: directory,
      env: { PORT: String(await freePort()), HOST: '127.0.0.1' },
    });
    await host.listening(/http:\/\/localhost:(\d+)/);
    await assertRoutes(runs, host, ROUTES);
    await assertStreamedChat(runs, host, '/api/chat');
    await assertAction(runs, host, { fields: {}, status: 302 });
    await host.end();
  });
});
