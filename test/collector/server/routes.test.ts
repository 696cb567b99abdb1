import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'vitest';
import { loadAssets } from '../../../src/collector/server/assets.ts';
import { createCollectorServer } from '../../../src/collector/server/server.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import {
  AUTHORIZED,
  configOf,
  HEALTH,
  logIn,
  OLD_TOKEN,
  SNAPSHOT,
  sourcesOver,
  startServer,
  TOKEN,
} from './fixture.ts';

const SCRIPT = `console.log("${'x'.repeat(2000)}")`;
const ASSETS = {
  'index.html': '<!doctype html><title>dashboard</title>',
  'favicon.svg': '<svg/>',
  'assets/index-Bx3.js': SCRIPT,
  'assets/secret.unknown': 'not served',
};
const GUARDED = [
  '/api/metrics/snapshot',
  '/api/metrics/system',
  '/api/metrics/rag',
  '/api/metrics/llm',
  '/api/metrics/stream',
  '/api/metrics/traces/0af7651916cd43dd8448eb211c80319c',
  '/admin',
  '/admin/',
  '/admin/system',
  '/admin/assets/index-Bx3.js',
  '/no/such/route',
  '/logout',
];
const OPEN = ['/api/metrics/health', '/login', '/login.js', '/login.css', '/metrics'];

describe('without a token', () => {
  it('every guarded route answers 401 and says how to authenticate', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    for (const path of GUARDED) {
      const answer = await send(path);
      assert.equal(answer.status, 401, path);
      assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer/);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      const problem = answer.json();
      assert.equal(problem['code'], 'NC_UNAUTHENTICATED');
      assert.equal(problem['status'], 401);
      assert.ok(problem['type'] && problem['title'] && problem['detail']);
    }
  });

  it('the open routes answer', async (test) => {
    const { send } = await startServer(test);
    for (const path of OPEN) assert.equal((await send(path)).status, 200, path);
    const root = await send('/');
    assert.deepEqual([root.status, root.headers.location], [303, '/admin/system']);
  });

  it('a browser on its way to the dashboard is sent to the login and back', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const answer = await send('/admin/system?range=1h', { headers });
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.location, '/login?next=%2Fadmin%2Fsystem%3Frange%3D1h');
  });

  it('a browser on its way anywhere else gets a page in words, with the way on', async (test) => {
    const server = await startServer(test, { assets: ASSETS });
    const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
    const refused = await server.send('/api/metrics/snapshot', { headers });
    assert.deepEqual([refused.status, refused.headers['content-type']], [401, 'text/html; charset=utf-8']);
    assert.match(refused.text, /<a href="\/login">Log in<\/a>/);
    const cookie = await logIn(server);
    const wrong = await server.send('/api/metrics/history?signal=%3Cscript%3E', {
      headers: { ...headers, cookie },
    });
    assert.equal(wrong.status, 400);
    assert.match(wrong.text, /signal: expected one of .*got &quot;&lt;script&gt;&quot;/);
    assert.doesNotMatch(wrong.text, /<script/);
    assert.ok(wrong.headers['content-security-policy']);
  });

  for (const [name, authorization] of [
    ['a wrong token', 'Bearer wrong-token-of-some-length'],
    ['a prefix of the token', `Bearer ${TOKEN.slice(0, -1)}`],
    ['another scheme', `Basic ${TOKEN}`],
    ['an empty token', 'Bearer '],
    ['a very long token', `Bearer ${'x'.repeat(8000)}`],
  ] as const) {
    it(`${name} is refused, for pages too`, async (test) => {
      const { send } = await startServer(test);
      for (const path of ['/api/metrics/snapshot', '/admin/system']) {
        const answer = await send(path, { headers: { authorization, accept: 'text/html' } });
        assert.deepEqual([answer.status, answer.json()['code']], [401, 'NC_TOKEN_WRONG']);
      }
    });
  }
});

describe('with a token', () => {
  it('the API answers with the documented parts of the snapshot', async (test) => {
    const { send } = await startServer(test);
    const get = async (path: string) => (await send(path, { headers: AUTHORIZED })).json();
    assert.deepEqual(await get('/api/metrics/snapshot'), SNAPSHOT);
    assert.deepEqual(await get('/api/metrics/system'), SNAPSHOT.system);
    assert.deepEqual(await get('/api/metrics/rag'), { rag: SNAPSHOT.rag, cache: SNAPSHOT.cache });
    assert.deepEqual(await get('/api/metrics/llm'), SNAPSHOT.llm);
  });

  it('every token of the list opens the door, and a session does too', async (test) => {
    const server = await startServer(test);
    for (const token of [TOKEN, OLD_TOKEN]) {
      const headers = { authorization: `bearer ${token}` };
      assert.equal((await server.send('/api/metrics/snapshot', { headers })).status, 200);
    }
    const cookie = await logIn(server);
    assert.equal((await server.send('/api/metrics/snapshot', { headers: { cookie } })).status, 200);
  });

  it('what does not exist is 404', async (test) => {
    const { send } = await startServer(test, { env: { NERVECENTER_PROMETHEUS: 'off' } });
    for (const path of ['/nope', '/api', '/api/metrics/', '/admin/assets/nope.js', '/metrics', '/login/x']) {
      const answer = await send(path, { headers: AUTHORIZED });
      assert.deepEqual([answer.status, answer.json()['code']], [404, 'NC_NOT_FOUND'], path);
    }
  });

  it('a method the route does not have is 405 with Allow', async (test) => {
    const { send } = await startServer(test);
    for (const [path, method, allow] of [
      ['/api/metrics/snapshot', 'POST', 'GET, HEAD'],
      ['/api/metrics/health', 'DELETE', 'GET, HEAD'],
      ['/admin/system', 'PUT', 'GET, HEAD'],
      ['/login', 'PUT', 'GET, HEAD, POST'],
      ['/login', 'OPTIONS', 'GET, HEAD, POST'],
      ['/logout', 'GET', 'POST'],
      ['/metrics', 'POST', 'GET, HEAD'],
    ] as const) {
      const answer = await send(path, { method, headers: AUTHORIZED });
      assert.deepEqual([answer.status, answer.headers.allow], [405, allow], `${method} ${path}`);
    }
  });

  it('HEAD has the headers of GET and no body', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    for (const path of ['/api/metrics/snapshot', '/admin/system', '/login', '/metrics']) {
      const get = await send(path, { headers: AUTHORIZED });
      const head = await send(path, { method: 'HEAD', headers: AUTHORIZED });
      assert.deepEqual([head.status, head.text], [200, '']);
      assert.equal(head.headers['content-type'], get.headers['content-type']);
      assert.equal(head.headers['content-length'], get.headers['content-length']);
    }
  });

  it('a source that fails is 503 without details, logged once', async (test) => {
    let failing = true;
    const snapshot = () => {
      if (failing) throw new Error('secret detail');
      return SNAPSHOT;
    };
    const { send, logs } = await startServer(test, { sources: { snapshot } });
    for (let i = 0; i < 3; i++) {
      const answer = await send('/api/metrics/snapshot', { headers: AUTHORIZED });
      assert.deepEqual([answer.status, answer.json()['code']], [503, 'NC_UNAVAILABLE']);
      assert.doesNotMatch(answer.text, /secret/);
    }
    failing = false;
    assert.equal((await send('/api/metrics/snapshot', { headers: AUTHORIZED })).status, 200);
    assert.equal(logs.length, 2);
  });
});

describe('every answer', () => {
  it('carries the security headers and no CORS header for a foreign origin', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    for (const path of [...GUARDED, ...OPEN, '/']) {
      for (const method of ['GET', 'OPTIONS']) {
        const headers = { ...AUTHORIZED, origin: 'https://evil.example' };
        const answer = await send(path, { method, headers });
        const policy = String(answer.headers['content-security-policy']);
        assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
        assert.doesNotMatch(policy, /unsafe|\*/);
        assert.equal(answer.headers['x-frame-options'], 'DENY');
        assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        assert.equal(answer.headers['referrer-policy'], 'no-referrer');
        assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin');
        assert.deepEqual(
          Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
          [],
        );
      }
    }
  });

  it('is not cached, except for files whose name carries their hash', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    for (const path of [
      '/api/metrics/snapshot',
      '/admin/system',
      '/login',
      '/metrics',
      '/api/metrics/health',
    ]) {
      const { headers } = await send(path, { headers: AUTHORIZED });
      assert.equal(headers['cache-control'], 'no-store', path);
    }
    const { headers } = await send('/admin/assets/index-Bx3.js', { headers: AUTHORIZED });
    assert.match(headers['cache-control'] ?? '', /immutable/);
  });
});

describe('health', () => {
  for (const [status, expected] of [
    ['healthy', 200],
    ['degraded', 200],
    ['critical', 503],
  ] as const) {
    it(`answers ${expected} and the documented body when ${status}`, async (test) => {
      const health = { ...HEALTH, status, issues: ['High CPU usage'] };
      const { send } = await startServer(test, { sources: { health: () => health } });
      const answer = await send('/api/metrics/health');
      assert.equal(answer.status, expected);
      assert.deepEqual(answer.json(), health);
    });
  }

  it('keeps its shape when there is no verdict', async (test) => {
    const health = () => {
      throw new Error('secret');
    };
    const { send } = await startServer(test, { sources: { health } });
    const answer = await send('/api/metrics/health');
    assert.equal(answer.status, 503);
    assert.deepEqual(Object.keys(answer.json()).sort(), Object.keys(HEALTH).sort());
    assert.doesNotMatch(answer.text, /secret/);
  });
});

describe('the dashboard', () => {
  it('is one page for every view, with its files beside it', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    for (const path of ['/admin', '/admin/', '/admin/system', '/admin/a/deep/link?x=1']) {
      const answer = await send(path, { headers: AUTHORIZED });
      assert.deepEqual([answer.status, answer.text], [200, ASSETS['index.html']], path);
      assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
    }
    const script = await send('/admin/assets/index-Bx3.js', { headers: AUTHORIZED });
    assert.deepEqual(
      [script.text, script.headers['content-type']],
      [SCRIPT, 'text/javascript; charset=utf-8'],
    );
    assert.equal((await send('/admin/favicon.svg', { headers: AUTHORIZED })).text, ASSETS['favicon.svg']);
  });

  it('is compressed for who can read that', async (test) => {
    const { port } = await startServer(test, { assets: ASSETS });
    const url = `http://127.0.0.1:${port}/admin/assets/index-Bx3.js`;
    const get = async (encoding: string) => {
      const headers = { ...AUTHORIZED, 'accept-encoding': encoding };
      const response = await fetch(url, { headers });
      return { encoding: response.headers.get('content-encoding'), text: await response.text() };
    };
    assert.deepEqual(await get('br, gzip;q=0.8'), { encoding: 'gzip', text: SCRIPT });
    for (const refused of ['identity', 'gzip;q=0', 'gzip; q=0.0, br']) {
      assert.deepEqual(await get(refused), { encoding: null, text: SCRIPT });
    }
  });

  it('serves nothing that is not in its directory', async (test) => {
    const { send } = await startServer(test, { assets: ASSETS });
    for (const path of [
      '/admin/assets/../../../../etc/passwd',
      '/admin/assets/%2e%2e/%2e%2e/etc/passwd',
      '/admin/assets/..%2f..%2fetc/passwd',
      '/admin/assets/..\\..\\etc\\passwd',
      '/admin/assets//etc/passwd',
      '/admin/assets/secret.unknown',
      '/admin/assets/__proto__',
      '/admin/assets/constructor',
      '/admin/assets/',
      '/admin/assets/index-Bx3.js%00.png',
    ]) {
      const answer = await send(path, { headers: AUTHORIZED });
      assert.equal(answer.status, 404, path);
      assert.doesNotMatch(answer.text, /root:|not served/);
    }
  });

  it('does not follow symbolic links', async (test) => {
    const directory = mkdtempSync(join(tmpdir(), 'nervecenter-links-'));
    test.onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    writeFileSync(join(directory, 'plain.txt'), 'inside');
    symlinkSync(import.meta.filename, join(directory, 'link.txt'));
    const { files } = await loadAssets(directory, () => {});
    assert.deepEqual([...files.keys()], ['/admin/plain.txt']);
  });

  it('says so when it is not built', async (test) => {
    const { send } = await startServer(test);
    const answer = await send('/admin/system', { headers: AUTHORIZED });
    assert.equal(answer.status, 503);
    assert.match(answer.text, /npm run build/);
  });
});

describe('start and shutdown', () => {
  it('a taken port is named together with what to set', async (test) => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    test.onTestFinished(() => {
      other.close();
    });
    const { port } = other.address() as AddressInfo;
    const server = unstarted(test, { NERVECENTER_PORT: String(port) });
    await assert.rejects(server.start(), (error) => {
      assert.ok(error instanceof NervecenterError);
      assert.equal(error.code, 'NC_PORT_TAKEN');
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}.*NERVECENTER_PORT`));
      return true;
    });
    other.close();
    await once(other, 'close');
    assert.equal((await server.start()).port, port);
  });

  it('a host that is not ours is a setting that cannot be used', async (test) => {
    const server = unstarted(test, { NERVECENTER_HOST: '192.0.2.1' });
    await assert.rejects(server.start(), {
      code: 'NC_CONFIG_INVALID',
      message: /NERVECENTER_HOST.*192\.0\.2\.1/,
    });
  });

  it('starts once, stops once, and stops before it has started', async (test) => {
    const server = unstarted(test, {});
    const [first, second] = await Promise.all([server.start(), server.start()]);
    assert.deepEqual(first, second);
    assert.equal(first.url, `http://127.0.0.1:${first.port}`);
    await Promise.all([server.shutdown(), server.shutdown()]);
    await assert.rejects(fetch(first.url));
    const never = unstarted(test, {});
    await never.shutdown();
    await assert.rejects(never.start(), { code: 'NC_UNAVAILABLE' });
  });
});

function unstarted(test: TestContext, env: Record<string, string>) {
  const meter = new DeltaMeterProvider().getMeter();
  const options = {
    adminTokens: [TOKEN],
    sources: sourcesOver(),
    meter,
    assetsDir: '/nonexistent',
    log: () => {},
  };
  const server = createCollectorServer({ config: configOf(env), ...options });
  test.onTestFinished(() => server.shutdown());
  return server;
}
