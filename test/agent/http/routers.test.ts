import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { afterAll, afterEach, test } from 'vitest';
import { hono } from '../../../src/agent/http/hono.ts';
import { koa } from '../../../src/agent/http/koa.ts';
import { http } from '../../../src/agent/http/server.ts';
import type { RequestEvent } from '../../../src/core/event.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { listening, portOf } from './apps/contract.ts';
import { type KoaRouter, loadKoa } from './apps/koa.ts';

const require = createRequire(import.meta.url);
const agent = new RecordingAgent();
const events = agent.events as RequestEvent[];
const undos = [http, koa, hono].map((instrumentation) => instrumentation.start(agent));
afterAll(() => {
  for (const undo of undos) undo();
  assert.deepEqual(agent.warnings, []);
});
afterEach(() => events.splice(0));

async function routesOf(listener: RequestListener, calls: readonly string[]): Promise<string[]> {
  const server = await listening(listener);
  try {
    for (const [i, call] of calls.entries()) {
      const [method = '', path = ''] = call.split(' ');
      await (await fetch(`http://127.0.0.1:${portOf(server)}${path}`, { method })).text();
      await until(() => events.length > i);
    }
    return events.map(({ route, statusCode }) => `${statusCode} ${route}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('koa: the route that answered, of several that match', async () => {
  const { Application, Router } = loadKoa();
  const app = new Application();
  app.silent = true;
  const router: KoaRouter = new Router();
  router.use('/private/:area', async () => {
    throw Object.assign(new Error('not allowed'), { status: 401, expose: true });
  });
  router.get('/users/:id', (context) => {
    context.body = 'any user';
  });
  router.get('/users/me', (context) => {
    context.body = 'me';
  });
  router.get('/private/:area/:thing', () => {});
  app.use(router.routes()).use(router.allowedMethods());
  const calls = ['GET /users/me', 'GET /private/1/2', 'POST /users/7', 'OPTIONS /users/7', 'HEAD /users/7'];
  assert.deepEqual(await routesOf(app.callback(), calls), [
    '200 /users/:id',
    '401 /private/:area/:thing',
    '405 <unmatched>',
    '200 <unmatched>',
    '200 /users/:id',
  ]);
});

for (const preset of ['hono', 'hono/quick', 'hono/tiny']) {
  test(`${preset}: handlers are routes, middleware is not, and calls of the app to itself change nothing`, async () => {
    const { Hono } = require(preset) as typeof import('hono');
    const { getRequestListener } = require('@hono/node-server') as typeof import('@hono/node-server');
    const app = new Hono();
    app.use('*', async (_context, next) => next());
    app.get('/cached/*', async (_context, next) => next());
    app.get('/cached/:id', async (context, _next) => context.text('ok'));
    app.all('/any/:id', (context) => context.text('ok'));
    app.on(['GET', 'POST'], ['/on/:id', '/also'], (context) => context.text('ok'));
    app.get('/calls-itself', async (context) => context.text(await (await app.request('/any/1')).text()));
    const calls = [
      'GET /cached/1',
      'GET /cached',
      'PUT /any/1',
      'POST /on/1',
      'GET /also',
      'GET /calls-itself',
    ];
    assert.deepEqual(await routesOf(getRequestListener(app.fetch), calls), [
      '200 /cached/:id',
      '404 <unmatched>',
      '200 /any/:id',
      '200 /on/:id',
      '200 /also',
      '200 /calls-itself',
    ]);
  });
}
