import assert from 'node:assert/strict';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { parseTarget } from '../../../src/collector/server/gate.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { parseAuthority } from '../../../src/core/http/origin.ts';
import { until } from '../../support/poll.ts';
import { AUTHORIZED, sendRaw, startServer, upgradeHead } from './fixture.ts';

const HOST = 'Host: localhost\r\n';
const KEY = `Authorization: ${AUTHORIZED.authorization}\r\n`;

describe('requests that are not', () => {
  it('end with a status or a closed connection, and the next one is answered', async (test) => {
    const { port, send } = await startServer(test);
    const end = 'Connection: close\r\n\r\n';
    for (const [bytes, expected] of [
      ['\r\n\r\n\r\nhello\r\n\r\n', /^HTTP\/1\.1 400 /],
      [`GET / HTTP/9.9\r\n${HOST}${end}`, /^HTTP\/1\.1 400 /],
      [`get / HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 400 /],
      [`GET /\0 HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 400 /],
      [`GET / HTTP/1.1\r\n${end}`, /^HTTP\/1\.1 400 /],
      [`GET /api/metrics/health HTTP/1.1\r\n${HOST}Host: evil.example\r\n${end}`, /^HTTP\/1\.1 400 /],
      [`GET /api/metrics/health HTTP/1.1\r\n${HOST}${HOST}${end}`, /^HTTP\/1\.1 400 /],
      [
        `GET / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
        /^HTTP\/1\.1 400 /,
      ],
      [`GET / HTTP/1.1\r\n${HOST}Bad Header: x\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [`GET * HTTP/1.1\r\n${HOST}${end}`, /^(HTTP\/1\.1 400 |$)/],
      [`OPTIONS * HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 400 /],
      [`GET // HTTP/1.1\r\n${HOST}${KEY}${end}`, /^HTTP\/1\.1 404 /],
      [`GET //evil.example/admin HTTP/1.1\r\n${HOST}${KEY}${end}`, /^HTTP\/1\.1 404 /],
      [`GET http://[ HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 4\d\d /],
      [`GET http:// HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 4\d\d /],
      [`GET http://a:99999999/ HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 4\d\d /],
      [`GET ftp://localhost/ HTTP/1.1\r\n${HOST}${end}`, /^HTTP\/1\.1 400 /],
      [`GET /%ff%fe%00%zz HTTP/1.1\r\n${HOST}${KEY}${end}`, /^HTTP\/1\.1 404 /],
      [`CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`, /^$/],
      ['GET /api/metrics/health HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 421 /],
      [`GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(64 * 1024)}\r\n${end}`, /^(HTTP\/1\.1 431 |$)/],
      [
        `GET /api/metrics/health HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(1000)}${end}`,
        /^HTTP\/1\.1 (200|431) /,
      ],
      [`GET /${'x'.repeat(64 * 1024)} HTTP/1.1\r\n${HOST}${end}`, /^(HTTP\/1\.1 431 |$)/],
    ] as const) {
      assert.match(await sendRaw(port, bytes), expected, JSON.stringify(bytes.slice(0, 60)));
      assert.equal((await send('/api/metrics/health')).status, 200);
    }
  });

  it('carry the security headers in their refusal too', async (test) => {
    const { port } = await startServer(test);
    const answer = await sendRaw(port, 'nonsense\r\n\r\n');
    assert.match(answer, /content-security-policy: default-src 'none'/);
    assert.match(answer, /application\/problem\+json/);
  });

  it('never end the server, whatever the bytes', async (test) => {
    const { port, send } = await startServer(test);
    const line = fc.string({ unit: 'binary', maxLength: 40 });
    const bytes = fc
      .tuple(fc.constantFrom('GET', 'POST', 'HEAD', ''), line, line, line)
      .map(
        ([method, target, name, value]) =>
          `${method} /${target} HTTP/1.1\r\n${HOST}${name}: ${value}\r\n\r\n`,
      );
    await fc.assert(
      fc.asyncProperty(bytes, async (text) => {
        await new Promise<void>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => socket.end(text));
          socket.on('error', () => resolve());
          socket.on('close', () => resolve());
          socket.resume();
        });
      }),
      { numRuns: 60 },
    );
    assert.equal((await send('/api/metrics/health')).status, 200);
  });

  it('leave nothing behind when the client goes away in the middle', async (test) => {
    const { port, send, logs } = await startServer(test);
    for (const bytes of [
      'GET /api/met',
      `GET /api/metrics/health HTTP/1.1\r\n${HOST}`,
      `POST /login HTTP/1.1\r\n${HOST}Origin: http://localhost\r\nContent-Length: 100\r\n\r\n{"to`,
      upgradeHead({ Host: 'localhost', ...AUTHORIZED }),
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.write(bytes, () => socket.resetAndDestroy());
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
    }
    assert.equal((await send('/api/metrics/health')).status, 200);
    assert.deepEqual(logs, []);
  });
});

describe('upgrades that are not', () => {
  const host = { Host: 'localhost', ...AUTHORIZED };
  for (const [name, head, expected] of [
    ['an old version', upgradeHead({ ...host, 'Sec-WebSocket-Version': '7' }), /^HTTP\/1\.1 4\d\d /],
    ['a bad key', upgradeHead({ ...host, 'Sec-WebSocket-Key': 'x' }), /^HTTP\/1\.1 400 /],
    [
      'bad extensions',
      upgradeHead({ ...host, 'Sec-WebSocket-Extensions': ';;==' }),
      /^HTTP\/1\.1 (400|101) /,
    ],
    ['another path', upgradeHead(host, '/api/metrics/snapshot'), /^HTTP\/1\.1 404 /],
    ['another method', upgradeHead(host).replace('GET', 'POST'), /^HTTP\/1\.1 405 /],
    ['a broken target', upgradeHead(host, 'http://['), /^HTTP\/1\.1 4\d\d /],
    ['no token', upgradeHead({ Host: 'localhost', Origin: 'http://localhost' }), /^HTTP\/1\.1 401 /],
    ['a wrong token', upgradeHead({ Host: 'localhost', Authorization: 'Bearer x' }), /^HTTP\/1\.1 401 /],
  ] as const) {
    it(`${name} is refused`, async (test) => {
      const { port, server } = await startServer(test);
      const close = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);
      assert.match(await sendRaw(port, Buffer.concat([Buffer.from(head), close])), expected);
      await until(() => server.viewers === 0);
    });
  }

  it('an offer of another protocol is answered in this one', async (test) => {
    const { port } = await startServer(test);
    const offer = `GET /api/metrics/health HTTP/1.1\r\n${HOST}Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`;
    assert.match(await sendRaw(port, offer), /^HTTP\/1\.1 200 /);
  });

  it('a plain request for the stream is told what the stream is', async (test) => {
    const { send } = await startServer(test);
    const answer = await send('/api/metrics/stream', { headers: AUTHORIZED });
    assert.equal(answer.status, 400);
    assert.match(answer.text, /ws:\/\//);
  });
});

describe('parsers of what clients send', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('h', 't', 'p', ':', '/', '?', '#', '[', ']', '@', '.', '\\', '1') }),
  );

  it('take any target apart, or refuse it as a bad request', () => {
    fc.assert(
      fc.property(text, (target) => {
        try {
          const { path, search } = parseTarget(target);
          assert.ok(path.startsWith('/') && !path.includes('?'));
          assert.ok(search === '' || search.startsWith('?'));
        } catch (error) {
          assert.ok(error instanceof NervecenterError && error.code === 'NC_BAD_REQUEST');
        }
      }),
    );
  });

  it('find a host and a port, or nothing', () => {
    fc.assert(
      fc.property(text, (host) => {
        const authority = parseAuthority(host);
        if (authority !== null) assert.doesNotMatch(authority.name, /[\s@/\\?#]/);
      }),
    );
  });
});
