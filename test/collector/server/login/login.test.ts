import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  ATTEMPT_WINDOW_MS,
  AttemptLimiter,
  FAILURES_MAX,
  FAILURES_PER_ADDRESS_MAX,
} from '../../../../src/collector/server/login/attempt-limiter.ts';
import { loginUrl, safeNext } from '../../../../src/collector/server/login/login.ts';
import { AUTHORIZED, logIn, OLD_TOKEN, startServer, type TestServer, TOKEN } from '../fixture.ts';

const attempt = ({ port, send }: TestServer, body: string, headers: Record<string, string> = {}) =>
  send('/login', { method: 'POST', headers: { origin: `http://127.0.0.1:${port}`, ...headers }, body });

describe('login', () => {
  it('exchanges the token for a cookie that scripts and other sites cannot use', async (test) => {
    const server = await startServer(test);
    const answer = await attempt(server, JSON.stringify({ token: TOKEN, next: '/admin/system?x=1' }));
    assert.deepEqual([answer.status, answer.json()], [200, { next: '/admin/system?x=1' }]);
    const cookie = answer.headers['set-cookie']?.[0] ?? '';
    assert.match(
      cookie,
      new RegExp(`^nervecenter_session_${server.port}=[\\w-]{84}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    assert.ok(!cookie.includes(TOKEN) && !answer.text.includes(TOKEN));
    const again = await attempt(server, JSON.stringify({ token: TOKEN }));
    assert.notEqual(again.headers['set-cookie']?.[0], cookie, 'every session has an id of its own');
  });

  it('marks the cookie Secure exactly when the browser is on TLS', async (test) => {
    const env = { NERVECENTER_ALLOWED_ORIGINS: 'https://proxy.example.com' };
    const server = await startServer(test, { env });
    const body = JSON.stringify({ token: TOKEN });
    const secure = await attempt(server, body, { origin: 'https://proxy.example.com' });
    assert.match(secure.headers['set-cookie']?.[0] ?? '', /; Secure$/);
    const plain = await attempt(server, body, { 'x-forwarded-proto': 'https' });
    assert.doesNotMatch(plain.headers['set-cookie']?.[0] ?? '', /Secure/);
  });

  it('accepts every token of the list', async (test) => {
    const server = await startServer(test);
    for (const token of [TOKEN, OLD_TOKEN]) {
      const cookie = await logIn(server, token);
      assert.equal((await server.send('/api/metrics/llm', { headers: { cookie } })).status, 200);
    }
  });

  it('ends with the logout, for the cookie it came with only', async (test) => {
    const server = await startServer(test);
    const [cookie, other] = [await logIn(server), await logIn(server)];
    const origin = `http://127.0.0.1:${server.port}`;
    const answer = await server.send('/logout', { method: 'POST', headers: { cookie, origin } });
    assert.equal(answer.status, 204);
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /=; .*Max-Age=0/);
    assert.equal((await server.send('/api/metrics/llm', { headers: { cookie } })).status, 401);
    assert.equal((await server.send('/api/metrics/llm', { headers: { cookie: other } })).status, 200);
  });

  it('knows its own cookie among others and takes nothing else for it', async (test) => {
    const server = await startServer(test);
    const cookie = await logIn(server);
    const status = async (header: string) =>
      (await server.send('/api/metrics/llm', { headers: { cookie: header } })).status;
    assert.equal(await status(`a=b; ${cookie}; c`), 200);
    for (const wrong of [
      `x${cookie}`,
      cookie.slice(0, -1),
      `${cookie}x`,
      cookie.split('=')[0] ?? '',
      ';;=',
      `x=${cookie}`,
    ]) {
      assert.equal(await status(wrong), 401, wrong);
    }
  });

  for (const [name, body, status] of [
    ['no JSON', 'token=x', 400],
    ['nothing', '', 400],
    ['JSON without a token', '{}', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['a token that is no string', '{"token":{"length":1}}', 400],
    ['a wrong token', '{"token":"wrong"}', 401],
    ['an empty token', '{"token":""}', 401],
    ['more than 4 KiB', JSON.stringify({ token: 'x'.repeat(5000) }), 413],
  ] as const) {
    it(`answers ${status} to ${name}, without a cookie`, async (test) => {
      const server = await startServer(test);
      const answer = await attempt(server, body);
      assert.equal(answer.status, status);
      assert.equal(answer.headers['set-cookie'], undefined);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
    });
  }

  it('never writes a token into its log', async (test) => {
    const server = await startServer(test);
    await attempt(server, JSON.stringify({ token: TOKEN }));
    await attempt(server, JSON.stringify({ token: 'wrong-but-secret' }), { host: 'evil.example' });
    await server.send(`/nope?token=${TOKEN}`, { headers: AUTHORIZED });
    assert.doesNotMatch(server.logs.join('\n'), new RegExp(`${TOKEN}|wrong-but-secret`));
  });

  it('slows down guessing, by login and by bearer alike, and leaves sessions alone', async (test) => {
    const server = await startServer(test);
    const cookie = await logIn(server);
    for (let i = 0; i < FAILURES_PER_ADDRESS_MAX; i++) {
      const guess = `guess-number-${i}`;
      const answer =
        i % 2 === 0
          ? await attempt(server, JSON.stringify({ token: guess }))
          : await server.send('/api/metrics/llm', { headers: { authorization: `Bearer ${guess}` } });
      assert.equal(answer.status, 401);
    }
    const answer = await attempt(server, JSON.stringify({ token: TOKEN }));
    assert.deepEqual([answer.status, answer.json()['code']], [429, 'NC_TOO_MANY_ATTEMPTS']);
    assert.equal(answer.headers['retry-after'], '60');
    assert.equal((await server.send('/api/metrics/llm', { headers: AUTHORIZED })).status, 429);
    assert.equal((await server.send('/api/metrics/llm', { headers: { cookie } })).status, 200);
    assert.equal((await server.send('/api/metrics/health')).status, 200);
  });
});

describe('where the login leads', () => {
  for (const next of ['/admin', '/admin/system', '/admin/x?y=1#z', '/admin/%2e%2e']) {
    it(`${next} is kept or stays below /admin`, () => assert.match(safeNext(next), /^\/admin(\/|$)/));
  }
  for (const next of [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/.//evil.example',
    '/admin/..//evil.example',
    '/admin/../..//evil.example/admin',
    'https://evil.example/admin',
    'https:evil.example',
    'javascript:alert(1)',
    'http://nervecenter.invalid:80@evil.example/admin',
    '/administrator',
    '/login?next=/admin',
    '/api/metrics/snapshot',
    '',
    'admin',
    null,
    undefined,
    7,
    {},
  ]) {
    it(`${JSON.stringify(next)} is not: it leads to the dashboard or nowhere else`, () => {
      const result = safeNext(next);
      assert.ok(result === '/admin/system' || result === '/admin', result);
    });
  }

  it('keeps the token of the printed URL in the fragment, whatever its characters', () => {
    const url = new URL(loginUrl('http://127.0.0.1:9464', OLD_TOKEN));
    assert.equal(url.pathname + url.search, '/login');
    assert.equal(decodeURIComponent(url.hash.slice('#token='.length)), OLD_TOKEN);
  });
});

describe('the limit of attempts', () => {
  const fail = (limiter: AttemptLimiter, address: string, times: number) => {
    for (let i = 0; i < times; i++) limiter.failed(address);
  };

  it('is per address and over after a minute', () => {
    let nowMs = 0;
    const limiter = new AttemptLimiter(() => nowMs);
    fail(limiter, '10.0.0.1', FAILURES_PER_ADDRESS_MAX);
    assert.equal(limiter.admits('10.0.0.1'), false);
    assert.equal(limiter.admits('::ffff:10.0.0.1'), false, 'the same address in IPv6 clothes');
    assert.equal(limiter.admits('10.0.0.2'), true);
    nowMs = ATTEMPT_WINDOW_MS + 1;
    assert.equal(limiter.admits('10.0.0.1'), true);
  });

  it('takes an IPv6 network for one address', () => {
    const limiter = new AttemptLimiter(() => 0);
    for (let i = 0; i < FAILURES_PER_ADDRESS_MAX; i++) limiter.failed(`2001:db8:1:2::${i.toString(16)}`);
    assert.equal(limiter.admits('2001:db8:1:2:ffff::1'), false);
    assert.equal(limiter.admits('2001:db8:1:3::1'), true);
  });

  it('is for all addresses together too, except those that once had the token', () => {
    const limiter = new AttemptLimiter(() => 0);
    limiter.succeeded('10.0.0.1');
    for (let i = 0; i < FAILURES_MAX; i++) limiter.failed(`10.1.0.${i}`);
    assert.equal(limiter.admits('10.2.0.1'), false);
    assert.equal(limiter.admits('10.0.0.1'), true);
  });

  it('holds while addresses are made up to make it forget', () => {
    const limiter = new AttemptLimiter(() => 0);
    for (let i = 0; i < 5000; i++) limiter.failed(`10.${i >> 8}.${i & 255}.1`);
    assert.equal(limiter.admits('192.0.2.1'), false);
  });
});
