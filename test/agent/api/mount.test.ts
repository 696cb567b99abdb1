import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { ObservedApp } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';

const APP = join(import.meta.dirname, 'mount', 'app.cjs');
const ADMIN = { 'x-role': 'admin' };
const SETUPS = ['Express with the handler in front', 'Express with the handler below its path', 'node:http'];

const urlsOf = async (app: ObservedApp) => {
  await app.appUrl();
  const ports = /^ports ([\d,]+)$/m.exec(app.stdout)?.[1]?.split(',') ?? [];
  return ports.map((port) => `http://127.0.0.1:${port}`);
};

async function watch(url: string, headers: Record<string, string> = ADMIN) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/metrics/stream`, { headers });
  const messages: string[] = [];
  socket.on('message', (message) => messages.push(String(message)));
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return { socket, messages, closed };
}

async function refusal(url: string, headers: Record<string, string>): Promise<[number, string]> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/metrics/stream`, { headers });
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return [response.statusCode, JSON.parse(Buffer.concat(chunks).toString()).code];
}

describe('an observed app that mounts the routes', () => {
  let app: ObservedApp;
  let urls: string[];
  beforeAll(async () => {
    app = new ObservedApp(APP, { env: { NERVECENTER_INTERVAL_MS: '1000', NERVECENTER_STORAGE: 'off' } });
    urls = await urlsOf(app);
    await app.started();
  });
  afterAll(() => app.stop());

  for (const [index, setup] of SETUPS.entries()) {
    const get = (path: string, options: RequestInit = {}) => fetch(`${urls[index]}${path}`, options);

    it(`answers what the collector answers (${setup})`, async () => {
      const fields: Record<string, string> = {
        snapshot: 'schema_version',
        system: 'cpu_percent',
        rag: 'cache',
        llm: 'total_requests',
      };
      for (const [name, field] of Object.entries(fields)) {
        const path = `/api/metrics/${name}?now=1`;
        const [ours, theirs] = [await get(path, { headers: ADMIN }), await app.get(path)];
        const [body, expected] = [(await ours.json()) as object, (await theirs.json()) as object];
        assert.deepEqual([ours.status, ours.headers.get('content-type')], [200, 'application/json']);
        assert.equal(ours.headers.get('cache-control'), 'no-store');
        assert.deepEqual(Object.keys(body), Object.keys(expected));
        assert.ok(field in body, name);
      }
    });

    it(`answers health to anybody and the rest to nobody the app does not know (${setup})`, async () => {
      const health = await get('/api/metrics/health');
      assert.deepEqual(Object.keys((await health.json()) as object).sort(), [
        'issues',
        'status',
        'timestamp',
        'uptime_seconds',
        'ws_connections',
      ]);
      for (const name of ['snapshot', 'system', 'rag', 'llm']) {
        const answer = await get(`/api/metrics/${name}`);
        const problem = (await answer.json()) as { code: string };
        assert.deepEqual([answer.status, problem.code], [401, 'NC_UNAUTHENTICATED']);
        assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      }
    });

    it(`refuses other methods and sends no body to HEAD (${setup})`, async () => {
      const posted = await get('/api/metrics/llm', { method: 'POST', headers: ADMIN, body: 'x' });
      assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
      const head = await get('/api/metrics/llm', { method: 'HEAD', headers: ADMIN });
      assert.deepEqual([head.status, await head.text()], [200, '']);
    });
  }

  it('leaves every other request to the app, and counts those only', async () => {
    const before = await app.snapshot();
    for (let i = 0; i < 5; i++) {
      for (const url of urls) await fetch(`${url}/api/metrics/snapshot`, { headers: ADMIN });
      await fetch(`${urls[0]}/api/metrics/llm`);
      await fetch(`${urls[2]}/api/metrics/health`);
    }
    assert.equal(await (await fetch(`${urls[0]}/app/1`)).text(), '1');
    assert.equal(await (await fetch(`${urls[1]}/app/2`)).text(), '2');
    assert.equal(await (await fetch(`${urls[2]}/app/3`)).text(), 'the app');
    assert.equal((await fetch(`${urls[0]}/api/metrics/unknown`)).status, 404);
    assert.equal((await fetch(`${urls[1]}/api/metrics/unknown`)).status, 404);
    const snapshot = await app.snapshotWhen(({ api }) => api.requests_total >= before.api.requests_total + 5);
    assert.equal(snapshot.api.requests_total, before.api.requests_total + 5);
    assert.deepEqual(Object.keys(snapshot.api.endpoints).sort(), ['/app/:id', '<unmatched>']);
  });

  it('streams beside the app’s own WebSocket server, and counts the sessions of that one only', async () => {
    const url = urls[2] ?? '';
    const viewers = [await watch(url), await watch(url), await watch(urls[0] ?? '')];
    const echo = new WebSocket(`${url.replace('http', 'ws')}/echo`);
    await once(echo, 'open');
    echo.send('hello');
    const [data] = await once(echo, 'message');
    assert.equal(String(data), 'hello');
    await until(() => viewers.every(({ messages }) => messages.length >= 2));
    const [first, second] = viewers.map(({ messages }) => messages);
    assert.ok(first?.includes(second?.[1] ?? ''), 'both were sent the same');
    const [one, two] = (first ?? []).map((text) => JSON.parse(text));
    assert.equal(one.type, 'metrics_snapshot');
    assert.ok(two.data.seq > one.data.seq);
    // The gauge is there with its frame, what is counted once it is in the spool.
    const snapshot = await app.snapshotWhen(
      ({ websocket }) => websocket.connections_active === 1 && websocket.connections_total >= 1,
    );
    assert.equal(snapshot.websocket.connections_total, 1);
    echo.close();
    for (const { socket } of viewers) socket.terminate();
  });

  it('shows the stream to nobody whom the app does not know, and to no other site’s page', async () => {
    const url = urls[2] ?? '';
    assert.deepEqual(await refusal(url, {}), [401, 'NC_UNAUTHENTICATED']);
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) {
      assert.deepEqual(await refusal(url, { ...ADMIN, origin }), [403, 'NC_ORIGIN_REFUSED']);
    }
    const { socket } = await watch(url, { ...ADMIN, origin: url });
    socket.terminate();
  });

  it('answers requests that offer another protocol as if there were no stream', async () => {
    for (const upgrade of ['h2c', 'websocket']) {
      const { request } = await import('node:http');
      const { port } = new URL(urls[0] ?? '');
      const sent = request({ port, path: '/app/7', headers: { connection: 'Upgrade', upgrade } }).end();
      const [response] = await once(sent, 'response');
      response.resume();
      assert.equal(response.statusCode, 200);
    }
  });
});

describe('an app that stops', () => {
  it('is not kept by viewers, and its closing servers disconnect them', async () => {
    const app = new ObservedApp(APP, { env: { NERVECENTER_STORAGE: 'off' } });
    try {
      const urls = await urlsOf(app);
      await app.started();
      const viewers = [await watch(urls[0] ?? ''), await watch(urls[2] ?? '')];
      await until(() => viewers.every(({ messages }) => messages.length > 0));
      await fetch(`${urls[0]}/close`);
      assert.deepEqual(await Promise.all(viewers.map(({ closed }) => closed)), [1001, 1001]);
      assert.equal((await app.end()).code, 0);
      assert.equal(app.stdout.match(/^closed$/gm)?.length, 3);
    } finally {
      await app.stop();
    }
  });
});

describe('an app without the agent', () => {
  it('runs as before, its routes answer 503 and its stream is not there', async () => {
    const app = new ObservedApp(APP, { flags: [] });
    try {
      const urls = await urlsOf(app);
      for (const url of urls) {
        for (const name of ['health', 'snapshot']) {
          const answer = await fetch(`${url}/api/metrics/${name}`, { headers: ADMIN });
          const problem = (await answer.json()) as { code: string };
          assert.deepEqual([answer.status, problem.code], [503, 'NC_UNAVAILABLE']);
          assert.equal(answer.headers.get('retry-after'), '5');
        }
      }
      assert.equal(await (await fetch(`${urls[2]}/app/3`)).text(), 'the app');
      const socket = new WebSocket(`${urls[2]?.replace('http', 'ws')}/api/metrics/stream`, {
        headers: ADMIN,
      });
      socket.on('error', () => {});
      const [, response] = await once(socket, 'unexpected-response');
      assert.equal(response.statusCode, 400, 'the answer of the app’s own WebSocket server');
      assert.equal(app.stderr, '');
    } finally {
      await app.stop();
    }
  });
});
