import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { AUTHORIZED, logIn, sendRaw, startServer, type TestServer, upgradeHead } from './fixture.ts';

const ENV = {
  NERVECENTER_ALLOWED_HOSTS: 'metrics.example.com',
  NERVECENTER_ALLOWED_ORIGINS: 'https://proxy.example.com',
};

describe('the Host check', () => {
  for (const host of [
    '127.0.0.1',
    '127.0.0.1:1234',
    '10.1.2.3:9464',
    '[::1]:9464',
    '[::1]',
    'localhost',
    'LOCALHOST:80',
    'localhost.',
    'app.localhost:9464',
    'nas.local',
    'metrics.example.com',
    'Metrics.Example.COM:8443',
  ]) {
    it(`lets ${host} pass`, async (test) => {
      const { send } = await startServer(test, { env: ENV });
      assert.equal((await send('/api/metrics/health', { headers: { host } })).status, 200);
    });
  }

  for (const host of [
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    'evil-localhost',
    'notlocal',
    'xmetrics.example.com',
    'metrics.example.com.evil.example',
    '127.0.0.1.evil.example',
    '2130706433',
    '0x7f000001',
    '[::1',
    '[evil]',
    'user@localhost',
    'localhost:x',
    '127.0.0.1:9464:1',
  ]) {
    it(`refuses ${host} on requests and upgrades, and says what to set`, async (test) => {
      const { send, port, logs } = await startServer(test, { env: ENV });
      for (let i = 0; i < 2; i++) {
        const answer = await send('/api/metrics/health', { headers: { host } });
        assert.deepEqual([answer.status, answer.json()['code']], [421, 'NC_HOST_REFUSED']);
        assert.ok(String(answer.json()['detail']).includes(host));
        assert.match(answer.text, /NERVECENTER_ALLOWED_HOSTS/);
      }
      assert.equal(logs.length, 1, 'logged once');
      assert.match(
        await sendRaw(port, upgradeHead({ Host: host, Authorization: AUTHORIZED.authorization })),
        /^HTTP\/1\.1 421 /,
      );
    });
  }

  it('does not let the authority of an absolute target past it', async (test) => {
    const { port } = await startServer(test);
    const get = (target: string) =>
      sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assert.match(await get('http://evil.example/api/metrics/health'), /^HTTP\/1\.1 421 /);
    assert.match(await get('http://localhost/api/metrics/health'), /^HTTP\/1\.1 200 /);
  });

  it('shows and logs a hostile value on one line', async (test) => {
    const { send, logs } = await startServer(test);
    const host = `evil\u0085${'x'.repeat(500)}`;
    const answer = await send('/api/metrics/health', { headers: { host } });
    assert.equal(answer.status, 421);
    assert.ok(answer.text.length < 500);
    assert.match(logs[0] ?? '', /^server: The host "evil\?x+\.\.\."/);
  });
});

type OriginOf = (server: TestServer) => string | null;

describe('the Origin check', () => {
  const accepted: [string, OriginOf, string?][] = [
    ['its own', ({ port }) => `http://127.0.0.1:${port}`],
    [
      'its own behind TLS, default ports left out',
      () => 'https://metrics.example.com',
      'metrics.example.com',
    ],
    ['its own, default port written out', () => 'https://metrics.example.com', 'metrics.example.com:443'],
    ['its own in another case', ({ port }) => `http://LocalHost:${port}`, 'localhost:PORT'],
    ['its own by IPv6', ({ port }) => `http://[::1]:${port}`, '[::1]:PORT'],
    ['its own with a trailing dot', ({ port }) => `http://localhost.:${port}`, 'localhost.:PORT'],
    ['a declared one', () => 'https://proxy.example.com'],
  ];
  for (const [name, originOf, host] of accepted) {
    it(`lets ${name} pass, with cookie and with token`, async (test) => {
      const server = await startServer(test, { env: ENV });
      const cookie = await logIn(server);
      for (const credential of [{ Cookie: cookie }, { Authorization: AUTHORIZED.authorization }]) {
        assert.equal(await upgradeStatus(server, originOf(server), host, credential), 101);
      }
    });
  }

  const refused: [string, OriginOf, string?][] = [
    ['a foreign one', () => 'https://evil.example'],
    ['null', () => 'null'],
    ['an empty one', () => ''],
    ['a suffix that looks like it', ({ port }) => `http://127.0.0.1.evil.example:${port}`],
    ['a prefix that looks like it', () => 'https://xproxy.example.com'],
    ['another port', ({ port }) => `http://127.0.0.1:${port - 1}`],
    ['a port where the host has none', ({ port }) => `http://127.0.0.1:${port}`, '127.0.0.1'],
    ['no port where the host has one', () => 'http://127.0.0.1'],
    ['a declared name by another scheme', () => 'http://proxy.example.com'],
    ['a declared name at another port', () => 'https://proxy.example.com:8443'],
    ['user information', ({ port }) => `http://127.0.0.1:${port}@evil.example`],
    ['a path', ({ port }) => `http://127.0.0.1:${port}/x`],
    ['another name for the same machine', ({ port }) => `http://localhost:${port}`],
    ['another scheme', ({ port }) => `file://127.0.0.1:${port}`],
  ];
  for (const [name, originOf, host] of refused) {
    it(`refuses ${name} on upgrades and on requests that change something`, async (test) => {
      const server = await startServer(test, { env: ENV });
      const cookie = await logIn(server);
      const origin = originOf(server);
      assert.equal(await upgradeStatus(server, origin, host, { Cookie: cookie }), 403);
      assert.equal(
        await upgradeStatus(server, origin, host, { Authorization: AUTHORIZED.authorization }),
        403,
      );
      const answer = await server.send('/logout', {
        method: 'POST',
        headers: { cookie, origin: origin ?? '', host: hostOf(server, host) },
      });
      assert.deepEqual([answer.status, answer.json()['code']], [403, 'NC_ORIGIN_REFUSED']);
      assert.match(answer.text, /NERVECENTER_ALLOWED_ORIGINS/);
      assert.equal(
        (await server.send('/api/metrics/snapshot', { headers: { cookie } })).status,
        200,
        'still in',
      );
    });
  }

  it('asks for the token itself when there is no Origin', async (test) => {
    const server = await startServer(test);
    const cookie = await logIn(server);
    assert.equal(await upgradeStatus(server, null, undefined, { Cookie: cookie }), 403);
    assert.equal(
      await upgradeStatus(server, null, undefined, { Authorization: AUTHORIZED.authorization }),
      101,
    );
    assert.equal(await upgradeStatus(server, null, undefined, {}), 401);
    const body = JSON.stringify({ token: AUTHORIZED.authorization.slice(7) });
    assert.equal((await server.send('/login', { method: 'POST', body })).status, 403);
  });

  it('comes after authentication: who is unknown learns nothing', async (test) => {
    const server = await startServer(test);
    assert.equal(await upgradeStatus(server, 'https://evil.example', undefined, {}), 401);
    assert.equal(
      await upgradeStatus(server, 'https://evil.example', undefined, { Cookie: 'nervecenter_session_1=x' }),
      401,
    );
  });
});

/** Status of an upgrade with these headers; the connection is closed at once when it succeeds. */
async function upgradeStatus(
  { port }: TestServer,
  origin: string | null,
  host: string | undefined,
  credential: Record<string, string>,
): Promise<number> {
  const headers = {
    Host: hostOf({ port }, host),
    ...(origin === null ? {} : { Origin: origin }),
    ...credential,
  };
  // A close frame with an empty mask ends an accepted stream.
  const close = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);
  const received = await sendRaw(port, Buffer.concat([Buffer.from(upgradeHead(headers)), close]));
  return Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]);
}

function hostOf({ port }: Pick<TestServer, 'port'>, host: string | undefined): string {
  return host?.replace('PORT', String(port)) ?? `127.0.0.1:${port}`;
}
