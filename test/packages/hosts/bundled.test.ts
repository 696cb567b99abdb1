import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { tried } from '../tried.ts';
import { assertRoutes, HostRuns } from './host-runs.ts';

const PORT = /^port (\d+)$/m;
const USER = '/orgs/7/users/1';
const ROUTES = {
  express: tried('bundledExpress'),
  fastify: tried('bundledFastify'),
  hono: tried('bundledHono'),
};
/** Frameworks whose routes a bundle hides. */
const HIDDEN = ['hono'];

describe('apps in one file', () => {
  let runs: HostRuns;
  let directory: string;
  beforeAll(async () => {
    runs = await HostRuns.start();
    directory = runs.copy('bundled');
  });
  afterAll(() => runs?.stop());

  /** The app as it is, and in a file of its own. */
  async function filesOf(
    name: string,
    { file = `dist/${name}.js`, minify = true } = {},
  ): Promise<readonly [whole: string, bundle: string]> {
    const whole = join(directory, `${name}.js`);
    const bundle = join(directory, file);
    // Packages in CommonJS ask for `require` in an ES module.
    const banner = {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    };
    const options = {
      bundle: true,
      minify,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    } as const;
    await build({ ...options, entryPoints: [whole], outfile: bundle, banner });
    return [whole, bundle];
  }

  for (const [name, title] of Object.entries(ROUTES)) {
    const hidden = HIDDEN.includes(name);
    it(`${title}: routes ${hidden ? 'cannot be seen in it, and that is said' : 'are seen in it'}`, async () => {
      const [whole, bundle] = await filesOf(name);
      for (const file of [whole, bundle]) {
        const host = await (await runs.serve(file, {})).listening(PORT);
        const isHidden = hidden && file === bundle;
        const route = isHidden ? '<unmatched>' : '/orgs/:org/users/:id';
        await assertRoutes(runs, host, [
          ['GET', USER, route, 200],
          ['GET', USER, route, 200],
          ['GET', '/nothing', '<unmatched>', 404],
        ]);
        await host.end();
        const unseen = host.app.stderr.match(/routes of Hono cannot be seen/g) ?? [];
        assert.equal(unseen.length, isHidden ? 1 : 0, host.app.stderr);
      }
    });
  }

  for (const minify of [false, true]) {
    it(`${tried('h3')}: routes are seen where Nitro puts it${minify ? ', minified too' : ''}`, async () => {
      const [, bundle] = await filesOf('h3', { file: `${minify}/chunks/nitro/nitro.mjs`, minify });
      const host = await (await runs.serve(bundle, {})).listening(PORT);
      await assertRoutes(runs, host, [
        ['GET', USER, '/orgs/:org/users/:id', 200],
        ['GET', '/docs/a/b', '/docs/**:parts', 200],
        ['GET', '/nothing', '<unmatched>', 404],
      ]);
      await host.end();
    });
  }

  it(`${tried('bundledWs')}: sessions are seen in it as they are in the installed package`, async () => {
    for (const file of await filesOf('ws')) {
      const host = await (await runs.serve(file, {})).listening(PORT);
      const path = `/chat/${file.includes('dist') ? 'bundle' : 'whole'}`;
      const client = new WebSocket(`${host.url.replace('http', 'ws')}${path}`);
      await once(client, 'open');
      for (const text of ['hello', 'a'.repeat(70_000)]) {
        client.send(text);
        assert.equal(String((await once(client, 'message'))[0]), text.toUpperCase());
      }
      client.close(4000);
      await once(client, 'close');
      const counts = {
        messages_in: 2,
        messages_out: 2,
        bytes_in: '70005',
        bytes_out: '70005',
        close_code: 4000,
      };
      assert.deepEqual(await runs.sessionsOf(path), [counts]);
      await host.end();
    }
  });
});
