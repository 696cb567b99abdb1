import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, Server } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { WebSocket } from 'ws';
import { type AgentHandle, publishHandle } from '../../../src/agent/api/handle.ts';
import { VIEWERS_MAX } from '../../../src/core/http/audience.ts';
import type { Health } from '../../../src/core/snapshot.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { attachStream, metricsHandler, NervecenterError } from '../../../src/index.ts';
import { until } from '../../support/poll.ts';

/** Express brings no types; of it, what is used here. */
interface Routing extends RequestListener {
  use(...handlers: unknown[]): Routing;
  get(path: string, handler: RequestListener): Routing;
}
const express = createRequire(import.meta.url)('express') as { (): Routing; Router(): Routing };

const INTERVAL_MS = 20;
const yes = { authorize: () => true };

/** An agent whose collector answers as told, in place of the one a preload would start. */
function loadAgent(test: TestContext, answers: { padding?: string } = {}) {
  const seen = { asks: 0, warnings: [] as string[], fails: false, ready: async (): Promise<unknown> => true };
  const handle: Partial<AgentHandle> = {
    snapshot: async () => {
      await seen.ready();
      seen.asks++;
      if (seen.fails) throw new NervecenterError('NC_UNAVAILABLE', 'No collector answered.');
      return { seq: seen.asks, system: {}, padding: answers.padding } as never;
    },
    health: async () => {
      if (seen.fails) throw new NervecenterError('NC_UNAVAILABLE', 'No collector answered.');
      return { status: 'degraded', issues: [] } as unknown as Health;
    },
    streamIntervalMs: milliseconds(INTERVAL_MS),
    warnOnce: (_key, message) => seen.warnings.push(message),
  };
  publishHandle(handle as AgentHandle);
  test.onTestFinished(() => publishHandle(undefined));
  return seen;
}

async function listen(test: TestContext, answer: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function watch(test: TestContext, url: string, path = '/api/metrics/stream') {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`);
  test.onTestFinished(() => socket.terminate());
  const sequence: number[] = [];
  socket.on('message', (message) => sequence.push(JSON.parse(String(message)).data.seq));
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return { socket, sequence, closed };
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

describe('mounting', () => {
  for (const options of [undefined, null, {}, { authorize: true }, { authorize: null }]) {
    it(`is refused without a way to decide who may look (${JSON.stringify(options)})`, async (test) => {
      const { server } = await listen(test, () => {});
      const refused = { code: 'NC_CONFIG_INVALID', message: /authorize/ };
      assert.throws(() => metricsHandler(options as never), refused);
      assert.throws(() => attachStream(server, options as never), refused);
    });
  }

  for (const prefix of ['metrics', '', '/a b', '/a?b', 7]) {
    it(`is refused below ${JSON.stringify(prefix)}`, () => {
      const refused = { code: 'NC_CONFIG_INVALID', message: /prefix/ };
      assert.throws(() => metricsHandler({ ...yes, prefix } as never), refused);
    });
  }
});

describe('the handler', () => {
  const status = async (url: string) => (await fetch(url)).status;

  it('answers below the prefix it was given, and below a router’s own path', async (test) => {
    loadAgent(test);
    const router = express.Router().use(metricsHandler(yes));
    const app = express()
      .use(metricsHandler({ ...yes, prefix: '/internal/' }))
      .use('/tenant', router)
      .get('/tenant/health', (_request, response) => response.writeHead(204).end());
    const { url } = await listen(test, app);
    assert.equal(await status(`${url}/internal/system`), 200);
    assert.equal(await status(`${url}/tenant/api/metrics/system`), 200);
    assert.equal(await status(`${url}/api/metrics/system`), 404);
    assert.equal(await status(`${url}/tenant/health`), 204);
    for (const path of [
      '/internal',
      '/internal/',
      '/internal/system/',
      '/internalsystem',
      '/internal/stream',
    ]) {
      assert.equal(await status(`${url}${path}`), 404, path);
    }
  });

  it('lets in only those of whom the app says true, and survives what the app throws', async (test) => {
    const seen = loadAgent(test);
    let authorize: () => unknown = () => true;
    const { url } = await listen(test, (request, response) => {
      metricsHandler({ authorize: () => authorize() as boolean })(request, response);
    });
    for (const [answer, expected] of [
      [() => true, 200],
      [async () => true, 200],
      [() => false, 401],
      [async () => false, 401],
      [() => undefined, 401],
      [() => 'yes', 401],
      [() => assert.fail('secret'), 503],
      [() => Promise.reject(new Error('secret')), 503],
    ] as const) {
      authorize = answer;
      const response = await fetch(`${url}/api/metrics/snapshot`);
      assert.equal(response.status, expected, String(answer));
      assert.doesNotMatch(await response.text(), /secret/);
    }
    assert.match(seen.warnings[0] ?? '', /authorize\(\).*secret/);
  });

  it('says so when no collector answers; health in its own words', async (test) => {
    const seen = loadAgent(test);
    const { url } = await listen(test, metricsHandler(yes));
    assert.equal(
      await status(`${url}/api/metrics/health`),
      200,
      'degraded is well enough for a load balancer',
    );
    seen.fails = true;
    const health = await fetch(`${url}/api/metrics/health`);
    const body = (await health.json()) as Health;
    assert.deepEqual([health.status, body.status, body.issues], [503, 'critical', ['Collector not ready']]);
    assert.equal(await status(`${url}/api/metrics/snapshot`), 503);
  });

  it('leaves a response alone that somebody else has begun', async (test) => {
    loadAgent(test);
    const { url } = await listen(test, (request, response) => {
      metricsHandler(yes)(request, response);
      response.end('mine');
    });
    assert.equal(await (await fetch(`${url}/api/metrics/llm`)).text(), 'mine');
  });
});

describe('the attached stream', () => {
  it('asks once per interval whatever the number of viewers, and not at all without one', async (test) => {
    const seen = loadAgent(test);
    const { server, url } = await listen(test, () => {});
    attachStream(server, yes);
    const viewers = await Promise.all(Array.from({ length: 20 }, () => watch(test, url)));
    const last = ({ sequence }: { sequence: number[] }) => sequence.at(-1) ?? 0;
    await until(() => viewers.every((viewer) => last(viewer) >= 5));
    for (const { sequence } of viewers) {
      const from = sequence[0] ?? 0;
      assert.deepEqual(
        sequence,
        Array.from(sequence, (_, index) => from + index),
        'every snapshot, once, in order',
      );
    }
    assert.ok(seen.asks <= Math.max(...viewers.map(last)) + 1, `${seen.asks} asks`);
    for (const { socket } of viewers) socket.close();
    await Promise.all(viewers.map(({ closed }) => closed));
    await until(async () => (await connectionsOf(server)) === 0);
    const asked = seen.asks;
    const late = await watch(test, url);
    await until(() => late.sequence.length > 0);
    assert.equal(late.sequence[0], asked + 1, 'nobody asked meanwhile');
  });

  it('goes on when the collector is back', async (test) => {
    const seen = loadAgent(test);
    seen.fails = true;
    const { server, url } = await listen(test, () => {});
    attachStream(server, yes);
    const { sequence } = await watch(test, url);
    await until(() => seen.asks >= 3);
    assert.deepEqual(sequence, []);
    seen.fails = false;
    await until(() => sequence.length >= 2);
  });

  it('disconnects a viewer that takes nothing, and nobody else', async (test) => {
    const seen = loadAgent(test, { padding: 'x'.repeat(2_000_000) });
    const { server, url } = await listen(test, () => {});
    attachStream(server, yes);
    // A viewer of the same loop lags when the machine is busy, and would be disconnected as well.
    let taken = () => 0;
    seen.ready = () => until(() => taken() === seen.asks);
    const { sequence } = await watch(test, url);
    taken = () => sequence.at(-1) ?? 0;
    const stalled = connect(Number(new URL(url).port), '127.0.0.1');
    test.onTestFinished(() => {
      stalled.destroy();
    });
    const ended = once(stalled, 'close');
    stalled.on('error', () => {});
    stalled.write(
      'GET /api/metrics/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    stalled.pause();
    await until(() => seen.warnings.length > 0);
    await until(async () => (await connectionsOf(server)) === 1);
    stalled.resume();
    await ended;
    const before = sequence.length;
    await until(() => sequence.length > before);
  });

  it('is bounded, those included whom the app has not judged yet', async (test) => {
    loadAgent(test);
    const { server, url } = await listen(test, () => {});
    let judge: (authorized: boolean) => void = () => {};
    const judged = new Promise<boolean>((resolve) => {
      judge = resolve;
    });
    let asked = 0;
    attachStream(server, {
      authorize: () => {
        asked++;
        return judged;
      },
    });
    const waiting = Array.from({ length: VIEWERS_MAX }, () => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/api/metrics/stream`);
      socket.on('error', () => {});
      return socket;
    });
    await until(() => asked === VIEWERS_MAX);
    const oneMore = new WebSocket(`${url.replace('http', 'ws')}/api/metrics/stream`);
    oneMore.on('error', () => {});
    const [, response] = await once(oneMore, 'unexpected-response');
    assert.equal(response.statusCode, 503);
    response.resume();
    for (const socket of waiting) socket.terminate();
    judge(true);
  });

  it('is gone when it is detached, and the server is as it was', async (test) => {
    loadAgent(test);
    const { server, url } = await listen(test, (_request, response) => response.end('the app'));
    const before = { ...server };
    const detach = attachStream(server, { ...yes, prefix: '/x' });
    const { closed } = await watch(test, url, '/x/stream');
    detach();
    assert.equal(await closed, 1001);
    assert.deepEqual(Object.keys(server).sort(), Object.keys(before).sort());
    assert.equal(server.listenerCount('upgrade'), 0);
    assert.equal(Reflect.get(server, 'shouldUpgradeCallback'), Reflect.get(before, 'shouldUpgradeCallback'));
    assert.deepEqual([server.emit, server.close], [Server.prototype.emit, Server.prototype.close]);
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    const plain = new WebSocket(`${url.replace('http', 'ws')}/x/stream`, { headers });
    plain.on('error', () => {});
    const [, response] = await once(plain, 'unexpected-response');
    assert.equal(response.statusCode, 200);
    response.resume();
  });
});
