import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { describe, it, type TestContext } from 'vitest';
import { WebSocket } from 'ws';
import { TlsIdentity } from '../../../src/collector/tls/identity.ts';
import { makeCertificate } from '../../support/tls/certificate.ts';
import { PemDirectory } from '../../support/tls/pem-directory.ts';
import { AUTHORIZED, startServer, TOKEN } from './fixture.ts';

const NAME = 'metrics.example.com';

async function start(test: TestContext) {
  const authority = makeCertificate({ names: ['an authority'], isAuthority: true });
  const files = PemDirectory.of(test, makeCertificate({ names: [NAME, '127.0.0.1'], issuer: authority }));
  const tls = new TlsIdentity({ files, log: () => {} });
  const env = { ...files.env, NERVECENTER_ALLOWED_HOSTS: NAME };
  return { ...(await startServer(test, { env, tls })), ca: authority.cert };
}

interface Sent {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

type Got = Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;

/** A request whose certificate is checked in earnest. */
function send(at: { readonly port: number; readonly ca: string }, { path, body, ...rest }: Sent): Got {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      servername: NAME,
      port: at.port,
      ca: at.ca,
      path,
      agent: false,
      ...rest,
    };
    const sending = request(options, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

describe('the dashboard over TLS', () => {
  it('takes no page for its own that came without it from the same host and port', async (test) => {
    const server = await start(test);
    const login = (origin: string) =>
      send(server, {
        path: '/login',
        method: 'POST',
        headers: { origin },
        body: JSON.stringify({ token: TOKEN }),
      });
    const { status, headers } = await login(server.url);
    assert.equal(status, 200);
    const plain = server.url.replace('https:', 'http:');
    assert.equal((await login(plain)).status, 403);
    const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    for (const [origin, expected] of [
      [plain, /403/],
      [server.url, /^opened$/],
    ] as const) {
      const url = `${server.url.replace('https:', 'wss:')}/api/metrics/stream`;
      const socket = new WebSocket(url, { ca: server.ca, headers: { cookie, origin } });
      test.onTestFinished(() => socket.terminate());
      const outcome = new Promise<string>((resolve) => {
        socket.on('open', () => resolve('opened'));
        socket.on('error', (error) => resolve(error.message));
      });
      assert.match(await outcome, expected);
    }
    const out = { path: '/logout', method: 'POST', headers: { cookie, origin: plain } };
    assert.equal((await send(server, out)).status, 403);
  });

  it('says https, answers, and begins sessions whose cookies are Secure', async (test) => {
    const server = await start(test);
    assert.equal(server.url, `https://127.0.0.1:${server.port}`);
    const health = await send(server, { path: '/api/metrics/health' });
    assert.equal(health.status, 200);
    const origin = server.url;
    const login = await send(server, {
      path: '/login',
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: JSON.stringify({ token: TOKEN }),
    });
    assert.equal(login.status, 200);
    const [cookie = ''] = login.headers['set-cookie'] ?? [];
    assert.match(cookie, /; HttpOnly; SameSite=Strict; Secure$/);
    const snapshot = await send(server, {
      path: '/api/metrics/snapshot',
      headers: { cookie: cookie.split(';')[0] ?? '' },
    });
    assert.equal(snapshot.status, 200);
  });

  it('has the stream', async (test) => {
    const { port, ca } = await start(test);
    const socket = new WebSocket(`wss://127.0.0.1:${port}/api/metrics/stream`, { ca, headers: AUTHORIZED });
    const text = await new Promise<string>((resolve, reject) => {
      socket.on('message', (data) => resolve(String(data)));
      socket.on('error', reject);
    });
    assert.match(text, /"seq":7,/);
    socket.close();
  });

  it('has browsers come back over TLS alone where the whole of a name is ours, and nowhere else', async (test) => {
    const server = await start(test);
    const hsts = async (host: string) =>
      (await send(server, { path: '/login', headers: { host } })).headers['strict-transport-security'];
    for (const host of [NAME, `${NAME}:443`]) assert.equal(await hsts(host), 'max-age=31536000', host);
    // Browsers would take it for every port of the name, of other programs too.
    for (const host of [`${NAME}:${server.port}`, 'localhost', 'a.localhost', '127.0.0.1', '[::1]'])
      assert.equal(await hsts(host), undefined, host);
  });

  it('answers no HTTP without TLS', async (test) => {
    const { port } = await start(test);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/api/metrics/health`));
  });
});

it('without TLS there is no word of it', async (test) => {
  const { send: ask } = await startServer(test, { env: { NERVECENTER_ALLOWED_HOSTS: NAME } });
  const { headers } = await ask('/login', { headers: { host: NAME } });
  assert.equal(headers['strict-transport-security'], undefined);
});
