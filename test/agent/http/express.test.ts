import assert from 'node:assert/strict';
import type { RequestListener, Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { express } from '../../../src/agent/http/express.ts';
import { http } from '../../../src/agent/http/server.ts';
import type { RequestEvent } from '../../../src/core/signals/request.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { listening, portOf } from './apps/contract.ts';
import { type Express, loadExpress, type Router } from './apps/express.ts';

const agent = new RecordingAgent();
const events = agent.events as RequestEvent[];
const undos = [http, express].map((instrumentation) => instrumentation.start(agent));
afterAll(() => {
  for (const undo of undos) undo();
  assert.deepEqual(agent.warnings, []);
});
afterEach(() => events.splice(0));

/** Every way to reach a route that the contract suite has no place for. */
function appOf(load: Express): Router {
  const app = load();
  app.set('env', 'test');
  const ok: Parameters<Router['get']>[1] = (_request, response) => response.send('ok');
  app.use('/static', load.static(import.meta.dirname));
  app.get(['/one', '/two/:id'], ok);
  app.get(/^\/files\/(.+)\.txt$/, ok);
  app.all('/any/:id', ok);
  app.post('/only-post', ok);
  app.get('/passes', (_request, _response, next) => next());
  const teams = load.Router();
  teams.get('/', ok);
  teams.get('/:team', ok);
  teams.get('/:team/broken', (_request, _response, next) => next(new Error('fails on purpose')));
  const regions = load.Router();
  regions.use('/teams', teams);
  app.use(['/regions/:region', '/areas/:area'], regions);
  app.use('/twice-a', teams);
  app.use('/twice-b/:b', teams);
  const admin = load();
  admin.set('env', 'test');
  admin.get('/users/:id', ok);
  app.use('/admin', admin);
  app.use((_error: unknown, _request: unknown, response: { send(body: string): void }, _next: unknown) =>
    response.send('handled'),
  );
  return app;
}

const CASES: readonly [method: string, path: string, route: string][] = [
  ['GET', '/static/express.test.ts', '<static>'],
  ['GET', '/one', '/one'],
  ['GET', '/two/2', '/two/:id'],
  ['GET', '/files/a.txt', '/^\\/files\\/(.+)\\.txt$/'],
  ['PUT', '/any/1', '/any/:id'],
  ['HEAD', '/one', '/one'],
  ['HEAD', '/only-post', '<unmatched>'],
  ['OPTIONS', '/only-post', '<unmatched>'],
  ['GET', '/passes', '/passes'],
  ['GET', '/regions/eu/teams', '/regions/:region/teams'],
  ['GET', '/regions/eu/teams/7', '/regions/:region/teams/:team'],
  ['GET', '/REGIONS/eu/Teams/7/', '/regions/:region/teams/:team'],
  ['GET', '/areas/51/teams/7', '/areas/:area/teams/:team'],
  ['GET', '/regions/eu/teams/7/broken', '/regions/:region/teams/:team/broken'],
  ['GET', '/areas/51/nothing', '<unmatched>'],
  ['GET', '/twice-a/7', '/twice-a/:team'],
  ['GET', '/twice-b/1/7', '/twice-b/:b/:team'],
  ['GET', '/admin/users/7', '/admin/users/:id'],
  ['GET', '/admin/nothing', '<unmatched>'],
];

for (const name of ['express', 'express4']) {
  describe(name, () => {
    let server: Server;
    let app: Router;
    beforeAll(async () => {
      app = appOf(loadExpress(name));
      server = await listening(app as unknown as RequestListener);
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    async function routeOf(method: string, path: string): Promise<string | undefined> {
      await (await fetch(`http://127.0.0.1:${portOf(server)}${path}`, { method })).text();
      await until(() => events.length > 0);
      return events[0]?.route;
    }

    for (const [method, path, route] of CASES) {
      test(`${method} ${path} is ${route}`, async () => {
        assert.equal(await routeOf(method, path), route);
      });
    }

    test('a router mounted once more while the app serves is found in its new place', async () => {
      const late = loadExpress(name).Router();
      late.get('/late', (_request, response) => response.send('ok'));
      const mounts = loadExpress(name).Router();
      mounts.use('/first', late);
      app.use('/mounts', mounts);
      assert.equal(await routeOf('GET', '/mounts/first/late'), '/mounts/first/late');
      events.splice(0);
      mounts.use('/second/:n', late);
      assert.equal(await routeOf('GET', '/mounts/second/2/late'), '/mounts/second/:n/late');
    });
  });
}
