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

const ROUTES: readonly Expected[] = [
  ['GET', '/', '/', 200],
  ['HEAD', '/', '/', 200],
  ['GET', '/about?q=1', '/(site)/about', 200],
  ['GET', '/blog/one', '/blog/[slug]', 200],
  ['GET', '/blog/one/__data.json', '/blog/[slug]', 200],
  ['GET', '/blog/missing', '/blog/[slug]', 404],
  ['GET', '/docs/a/b', '/docs/[...parts]', 200],
  ['GET', '/numbers/7', '/numbers/[n=number]', 200],
  ['GET', '/numbers/seven', '<unmatched>', 404],
  ['GET', '/api/items/7', '/api/items/[id]', 200],
  // Refused as the form of another site, before there is a route.
  ['DELETE', '/api/items/7', '<unmatched>', 403],
  ['GET', '/broken', '/broken', 500],
  ['GET', '/robots.txt', '<static>', 200],
  ['GET', '/nothing/7', '<unmatched>', 404],
];

describe(tried('sveltekit'), () => {
  let runs: HostRuns;
  let directory: string;
  beforeAll(async () => {
    runs = await HostRuns.start();
    directory = runs.copy('sveltekit');
  });
  afterAll(() => runs?.stop());

  it('vite build starts nothing', { timeout: BUILD_TIMEOUT_MS }, async () => {
    assertQuietBuild(await runs.build(directory, ['vite/bin/vite.js', 'build']));
  });

  it('node build: route ids, streamed model calls and form actions', async () => {
    const env = { PORT: '0', HOST: '127.0.0.1', PROTOCOL_HEADER: 'x-forwarded-proto' };
    const host = await runs.serve(join(directory, 'build', 'index.js'), { env });
    await host.listening(/Listening on http:\/\/[\d.]+:(\d+)/);
    await assertRoutes(runs, host, ROUTES);
    await assertStreamedChat(runs, host, '/api/chat');
    await assertAction(runs, host, { fields: {}, status: 303 });
    await host.end();
  });
});
