import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { WITHOUT_OTLP } from '../support/free-port.ts';
import { Nginx } from './nginx.ts';

const NAME = 'metrics.example.com';
const TOKEN = 'a-token-that-nobody-is-told';
/** What the authority gave to somebody who logged in there. */
const LOGGED_IN = { cookie: '_oauth2_proxy=somebody' };

const dataDir = mkdtempSync(join(tmpdir(), 'nervecenter-proxy-'));
let authority: Server;
let collector: Collector;
let nginx: Nginx;

beforeAll(async () => {
  authority = createServer((asked, answer) => {
    const isKnown = asked.headers.cookie === LOGGED_IN.cookie;
    if (asked.url === '/oauth2/auth') answer.writeHead(isKnown ? 202 : 401).end();
    else answer.writeHead(200, { 'content-type': 'text/html' }).end('log in with your company');
  });
  authority.listen(0, '127.0.0.1');
  await once(authority, 'listening');
  const env = {
    NERVECENTER_PORT: '0',
    ...WITHOUT_OTLP,
    NERVECENTER_STORAGE: 'off',
    NERVECENTER_DATA_DIR: dataDir,
    NERVECENTER_ADMIN_TOKEN: TOKEN,
    NERVECENTER_ALLOWED_HOSTS: NAME,
    NERVECENTER_INTERVAL_MS: '1000',
  };
  collector = await startCollector({ config: readConfig(env, dataDir), log: () => {}, host: null });
  const authorityPort = (authority.address() as AddressInfo).port;
  const collectorPort = Number(new URL(collector.url).port);
  nginx = await Nginx.start({ authorityPort, collectorPort, token: TOKEN }, NAME);
});

afterAll(async () => {
  await nginx?.stop();
  await collector?.shutdown(1000);
  authority?.closeAllConnections();
  authority?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** As a browser that found nginx under its name. */
function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answered> {
  const { port, ca } = nginx;
  const named = { host: `${NAME}:${port}`, ...headers };
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      ca,
      servername: NAME,
      path,
      method,
      headers: named,
      agent: false,
    };
    const asking = request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

/** The first message of the stream, or the status of the refusal. */
function stream(headers: Readonly<Record<string, string>>): Promise<string> {
  const { port, ca } = nginx;
  const named = { host: `${NAME}:${port}`, ...headers };
  const url = `wss://127.0.0.1:${port}/api/metrics/stream`;
  const options = { ca, servername: NAME, headers: named };
  const socket = new WebSocket(url, options);
  return new Promise((resolve) => {
    socket.on('message', (data) => {
      resolve(String(data));
      socket.close();
    });
    socket.on('error', ({ message }) => resolve(message));
  });
}

describe('behind nginx, which asks an authority and adds the token', () => {
  const origin = () => `https://${NAME}:${nginx.port}`;

  it('who is not logged in gets the login of the authority, a program 401, and nothing of the collector', async () => {
    const page = await ask('/admin/system?from=-7d', { headers: { accept: 'text/html' } });
    assert.equal(page.status, 302);
    assert.equal(page.headers.location, `${origin()}/oauth2/sign_in?rd=${origin()}/admin/system?from=-7d`);
    const login = await ask('/oauth2/sign_in');
    assert.equal(login.text, 'log in with your company');
    for (const path of ['/api/metrics/snapshot', '/metrics', '/api/metrics/health', '/login'])
      assert.equal((await ask(path)).status, 401, path);
    assert.match(await stream({ origin: origin() }), / 401$/);
  });

  it('the question of nginx itself cannot be asked from outside', async () => {
    assert.equal((await ask('/oauth2/auth', { headers: LOGGED_IN })).status, 404);
  });

  it('who is logged in sees everything without a token, and never sees it', async () => {
    const snapshot = await ask('/api/metrics/snapshot', { headers: LOGGED_IN });
    assert.equal(snapshot.status, 200);
    const page = await ask('/admin/system', { headers: { ...LOGGED_IN, accept: 'text/html' } });
    assert.ok(page.status === 200 || page.status === 503, 'the dashboard, or that it is not built');
    for (const { text, headers } of [snapshot, page]) {
      assert.ok(!(text + JSON.stringify(headers)).includes(TOKEN));
      assert.equal(headers['set-cookie'], undefined, 'no session besides that of the authority');
    }
  });

  it('what a client sends as its token, or as who it is, is replaced', async () => {
    const headers = { ...LOGGED_IN, authorization: 'Bearer not-the-token', 'x-forwarded-for': '192.0.2.1' };
    // More than an address may try wrongly.
    for (let attempt = 0; attempt < 12; attempt++)
      assert.equal((await ask('/api/metrics/snapshot', { headers })).status, 200);
    const { status } = await ask('/api/metrics/snapshot', { headers: { authorization: `Bearer ${TOKEN}` } });
    assert.equal(status, 401, 'the token alone does not get past the authority');
  });

  it('the stream passes, from pages of this host only', async () => {
    assert.match(await stream({ ...LOGGED_IN, origin: origin() }), /"type":"snapshot"|"seq":/);
    assert.match(await stream({ ...LOGGED_IN, origin: 'https://evil.example.com' }), / 403$/);
  });

  it('a page of another site changes nothing, although the proxy would add the token', async () => {
    const body = JSON.stringify({ id: 'x', minutes: 5 });
    const post = (from: string) =>
      ask('/api/metrics/alerts/silence', {
        method: 'POST',
        headers: { ...LOGGED_IN, origin: from, 'content-type': 'application/json' },
        body,
      });
    assert.equal((await post('https://evil.example.com')).status, 403);
    assert.equal((await post('null')).status, 403);
    assert.equal((await post(origin())).status, 404, 'there is no such rule, which only who may ask is told');
  });

  it('a name that the collector is not told of is refused', async () => {
    const { status, text } = await ask('/api/metrics/snapshot', {
      headers: { ...LOGGED_IN, host: 'other.example.com' },
    });
    assert.equal(status, 421);
    assert.match(text, /NERVECENTER_ALLOWED_HOSTS/);
  });
});
