import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent as ClientAgent, type ClientRequest, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { express } from '../../../src/agent/http/express.ts';
import { fastify } from '../../../src/agent/http/fastify.ts';
import { hono } from '../../../src/agent/http/hono.ts';
import { koa } from '../../../src/agent/http/koa.ts';
import { http } from '../../../src/agent/http/server.ts';
import type { RequestEvent } from '../../../src/core/signals/request.ts';
import { tried } from '../../packages/tried.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { type App, portOf, STREAM_MS } from './apps/contract.ts';
import { expressApp } from './apps/express.ts';
import { fastifyApp } from './apps/fastify.ts';
import { honoApp } from './apps/hono.ts';
import { koaApp } from './apps/koa.ts';
import { plainApp } from './apps/plain.ts';

const APPS: Readonly<Record<string, () => Promise<App>>> = {
  'plain node:http': plainApp,
  [tried('express')]: () => expressApp('express'),
  [tried('express4')]: () => expressApp('express4'),
  [tried('fastify')]: fastifyApp,
  [tried('koa')]: koaApp,
  [tried('hono')]: honoApp,
};
const RAW_PATHS = 1000;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

const agent = new RecordingAgent();
const events = agent.events as RequestEvent[];
const undos = [http, express, fastify, koa, hono].map((instrumentation) => instrumentation.start(agent));
afterAll(() => {
  for (const undo of undos) undo();
  assert.deepEqual(agent.warnings, []);
});
afterEach(() => events.splice(0));

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly agent?: ClientAgent;
}

function call(port: number, path: string, options: Call = {}): ClientRequest {
  const { body, ...rest } = options;
  return httpRequest({ host: '127.0.0.1', port, path, agent: false, ...rest }).on('error', () => {});
}

async function send(port: number, path: string, options: Call = {}): Promise<number> {
  const outgoing = call(port, path, options);
  // The body follows after the headers have arrived, as bodies of any size do.
  if (options.body !== undefined) outgoing.flushHeaders();
  setTimeout(() => outgoing.end(options.body), options.body === undefined ? 0 : 10);
  const [response] = await once(outgoing, 'response');
  await response.resume().toArray();
  return response.statusCode;
}

async function onlyEvent(): Promise<RequestEvent> {
  await until(() => events.length > 0);
  assert.equal(events.length, 1);
  return events[0]!;
}

for (const [name, start] of Object.entries(APPS)) {
  describe(name, () => {
    let app: App;
    let port = 0;
    const expected = (route: string) => (app.routes ? route : '<unmatched>');

    beforeAll(async () => {
      app = await start();
      port = portOf(app.server);
    });
    afterAll(() => {
      app.server.closeAllConnections();
      app.server.close();
    });

    const routes: [path: string, method: string, route: string, status: number][] = [
      ['/', 'GET', '/', 200],
      ['/?q=1', 'GET', '/', 200],
      ['/users/7?q=1', 'GET', '/users/:id', 200],
      ['/users/7', 'HEAD', '/users/:id', 200],
      ['/orgs/acme/users/7', 'GET', '/orgs/:org/users/:id', 200],
      ['/orgs/acme/fail', 'GET', '/orgs/:org/fail', 500],
      ['/nothing/7', 'GET', '<unmatched>', 404],
      ['/orgs/acme/nothing', 'GET', '<unmatched>', 404],
    ];
    for (const [path, method, route, status] of routes) {
      test(`${method} ${path} is counted as ${route}`, async () => {
        const answered = await send(port, path, { method });
        const event = await onlyEvent();
        assert.deepEqual(
          [event.route, event.method, event.statusCode],
          [expected(route), method, path === '/?q=1' && !app.routes ? event.statusCode : status],
        );
        assert.equal(event.statusCode, answered);
        assert.ok(event.durationMs >= 0);
      });
    }

    test(`${RAW_PATHS} raw paths are one route`, async () => {
      const keepAlive = new ClientAgent({ keepAlive: true, maxSockets: 4 });
      const paths = Array.from({ length: RAW_PATHS }, (_, i) => `/nothing/${i}`);
      await Promise.all(paths.map((path) => send(port, path, { agent: keepAlive })));
      await until(() => events.length === RAW_PATHS);
      keepAlive.destroy();
      assert.deepEqual([...new Set(events.map((event) => event.route))], ['<unmatched>']);
    });

    test('requests on one connection do not share user or trace', async () => {
      const keepAlive = new ClientAgent({ keepAlive: true, maxSockets: 1 });
      for (const id of ['a', 'b']) await send(port, `/who/${id}`, { agent: keepAlive });
      await send(port, '/', { agent: keepAlive });
      await until(() => events.length === 3);
      keepAlive.destroy();
      assert.deepEqual(
        events.map((event) => event.userEmail),
        ['a@example.com', 'b@example.com', null],
      );
      assert.equal(new Set(events.map((event) => event.traceId)).size, 3);
    });

    test('a body that comes late keeps the request it belongs to', async () => {
      const body = '{"question":"?"}';
      const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
      await send(port, '/users/late', { method: 'POST', body, headers });
      const event = await onlyEvent();
      assert.deepEqual(
        [event.userEmail, event.requestBytes, event.route],
        ['late@example.com', body.length, expected('/users/:id')],
      );
    });

    test('the trace of the caller is kept, a malformed one is not', async () => {
      await send(port, '/', { headers: { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` } });
      await send(port, '/', { headers: { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` } });
      await send(port, '/', { headers: { traceparent: 'nonsense' } });
      await until(() => events.length === 3);
      assert.equal(events[0]?.traceId, TRACE_ID);
      for (const event of events) assert.match(event.traceId ?? '', /^(?!0{32})[\da-f]{32}$/);
      assert.equal(new Set(events.map((event) => event.traceId)).size, 3);
    });

    test('a streamed response lasts until its end', async () => {
      await send(port, '/stream');
      const event = await onlyEvent();
      assert.equal(event.route, expected('/stream'));
      // Timers may fire up to a millisecond early.
      assert.ok(event.durationMs >= STREAM_MS - 1, `${event.durationMs} ms`);
      const size = 'firstsecond'.length;
      assert.ok((event.responseBytes ?? 0) >= size && (event.responseBytes ?? 0) < size + 40);
    });

    test('a client gone before the headers is a 499', async () => {
      const outgoing = call(port, '/hang');
      outgoing.end();
      await once(app.server, 'request');
      outgoing.destroy();
      const event = await onlyEvent();
      assert.deepEqual([event.statusCode, event.route], [499, expected('/hang')]);
    });

    test('a client gone after the headers has the status it was sent', async () => {
      const outgoing = call(port, '/half');
      outgoing.end();
      const [response] = await once(outgoing, 'response');
      await once(response, 'data');
      response.on('error', () => {});
      outgoing.destroy();
      const event = await onlyEvent();
      assert.deepEqual([event.statusCode, event.route], [200, expected('/half')]);
    });

    test('an unusual method is _OTHER', async () => {
      await send(port, '/nothing', { method: 'PURGE' });
      const event = await onlyEvent();
      assert.deepEqual([event.method, event.route], ['_OTHER', '<unmatched>']);
    });

    test('an upgrade is no request', async () => {
      app.server.once('upgrade', (_request, socket) =>
        socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'),
      );
      const socket = connect(port, '127.0.0.1');
      socket.write('GET /stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      await once(socket, 'data');
      socket.destroy();
      app.server.removeAllListeners('upgrade');
      await send(port, '/');
      assert.equal((await onlyEvent()).route, expected('/'));
    });
  });
}
