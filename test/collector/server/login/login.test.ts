import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { describe, it, vi } from 'vitest';
import { safeNext } from '../../../../src/collector/server/login/login.ts';
import {
  LOGIN_CODE_LIFETIME_MS,
  LOGIN_CODES_MAX,
  LoginCodes,
} from '../../../../src/collector/server/login/login-codes.ts';
import {
  ATTEMPT_WINDOW_MS,
  AttemptLimiter,
  FAILURES_PER_ADDRESS_MAX,
  FAILURES_PER_CREDENTIAL_MAX,
  TURNS_WAITED_MAX,
} from '../../../../src/platform/attempt-limiter.ts';
import {
  AUTHORIZED,
  logIn,
  OLD_TOKEN,
  sendRaw,
  startServer,
  type TestServer,
  TOKEN,
  upgradeHead,
} from '../fixture.ts';

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
      new RegExp(`^nervecenter_session_${server.port}=[\\w-]{96}; Path=/; HttpOnly; SameSite=Strict$`),
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
    ['a token and a code', JSON.stringify({ token: TOKEN, code: 'x' }), 400],
    ['a code that is no string', '{"code":7}', 400],
    ['a code that was never made', '{"code":"0123"}', 401],
    ['an empty code', '{"code":""}', 401],
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

  for (const chosen of [true, false]) {
    const whose = chosen ? 'an operator chose' : 'was made';
    it(`never refuses the right credential for others' wrong ones, of a token that ${whose}`, async (test) => {
      const env = chosen ? { NERVECENTER_ADMIN_TOKEN: TOKEN } : {};
      const server = await startServer(test, { env, adminTokens: [TOKEN] });
      const cookie = await logIn(server);
      const guess = async (i: number) => {
        const guessed = `guess-number-${i}`;
        const answer =
          i % 2 === 0
            ? await attempt(server, JSON.stringify({ token: guessed }))
            : await server.send('/api/metrics/llm', { headers: { authorization: `Bearer ${guessed}` } });
        return [answer.status, answer.json()['code']];
      };
      for (let i = 0; i < FAILURES_PER_ADDRESS_MAX; i++)
        assert.deepEqual(await guess(i), [401, 'NC_TOKEN_WRONG']);
      for (let i = 10; i < 14; i++) assert.deepEqual(await guess(i), [429, 'NC_TOO_MANY_ATTEMPTS']);
      // While others of the address wait for their turn.
      const others = Array.from({ length: 5 }, (_, i) => guess(100 + i));
      assert.equal((await server.send('/api/metrics/llm', { headers: AUTHORIZED })).status, 200);
      assert.equal((await attempt(server, JSON.stringify({ token: TOKEN }))).status, 200);
      const upgrade = { Host: `127.0.0.1:${server.port}`, Authorization: AUTHORIZED.authorization };
      const close = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);
      const answered = await sendRaw(server.port, Buffer.concat([Buffer.from(upgradeHead(upgrade)), close]));
      assert.match(answered, /^HTTP\/1\.1 101 /);
      for (const other of others) assert.deepEqual(await other, [429, 'NC_TOO_MANY_ATTEMPTS']);
      assert.equal((await server.send('/api/metrics/llm', { headers: { cookie } })).status, 200);
      assert.equal((await server.send('/api/metrics/health')).status, 200);
    });
  }

  it('lets go of an upgrade that waits for its turn when who sent it hangs up, or does not wait', async (test) => {
    const env = { NERVECENTER_ADMIN_TOKEN: TOKEN };
    const server = await startServer(test, { env, adminTokens: [TOKEN] });
    const guess = (i: number) => ({
      Host: `127.0.0.1:${server.port}`,
      Authorization: `Bearer guess-number-${i}`,
    });
    for (let i = 0; i < FAILURES_PER_ADDRESS_MAX; i++)
      await server.send('/api/metrics/llm', { headers: guess(i) });
    // Some seconds' turns are before it.
    const before = Array.from({ length: 30 }, (_, i) => sendRaw(server.port, upgradeHead(guess(100 + i))));
    for (const then of ['hangs up', 'sends on'] as const) {
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString();
      });
      socket.on('error', () => {}); // Of being reset.
      socket.write(upgradeHead(guess(then === 'hangs up' ? 200 : 201)));
      if (then === 'hangs up') socket.end();
      const sending = then === 'sends on' ? setInterval(() => socket.write('.'), 20) : undefined;
      await once(socket, 'close');
      clearInterval(sending);
      assert.equal(received, '', `${then}: there is an answer, so it has waited for its turn`);
    }
    await server.server.shutdown();
    await Promise.all(before);
  });

  it('looks at the same wrong credential a few times a minute, and charges its address once', async (test) => {
    const env = { NERVECENTER_ADMIN_TOKEN: TOKEN };
    const server = await startServer(test, { env, adminTokens: [TOKEN] });
    const old = { authorization: 'Bearer the-token-of-last-year' };
    const statuses: number[] = [];
    for (let i = 0; i <= FAILURES_PER_CREDENTIAL_MAX; i++)
      statuses.push((await server.send('/api/metrics/llm', { headers: old })).status);
    assert.deepEqual(statuses, [...Array(FAILURES_PER_CREDENTIAL_MAX).fill(401), 429]);
    assert.equal((await attempt(server, '{"token":"another"}')).status, 401, 'the address is not slowed');
  });

  it('counts by who asks where a trusted proxy says it, and by the proxy where it is not trusted', async (test) => {
    const wrong = async (server: TestServer, client: string, i: number) => {
      const headers = { authorization: `Bearer guess-${client}-${i}`, 'x-forwarded-for': client };
      return (await server.send('/api/metrics/llm', { headers })).status;
    };
    const trusting = await startServer(test, { env: { NERVECENTER_TRUSTED_PROXY: '127.0.0.0/8' } });
    const strict = await startServer(test);
    for (let i = 0; i < FAILURES_PER_ADDRESS_MAX; i++) {
      assert.equal(await wrong(trusting, '192.0.2.1', i), 401);
      assert.equal(await wrong(strict, `192.0.2.${i}`, i), 401);
    }
    assert.equal(await wrong(trusting, '192.0.2.1', 99), 429);
    assert.equal(await wrong(trusting, '192.0.2.2', 99), 401);
    assert.equal(await wrong(strict, '192.0.2.99', 99), 429);
  });

  it('by a link opens one session, once', async (test) => {
    const server = await startServer(test);
    const url = new URL(server.server.newLoginUrl());
    assert.equal(url.origin + url.pathname + url.search, `${server.url}/login`);
    const code = url.hash.slice('#code='.length);
    const first = await attempt(server, JSON.stringify({ code, next: '/admin/llm' }));
    assert.deepEqual([first.status, first.json()], [200, { next: '/admin/llm' }]);
    const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    assert.equal((await server.send('/api/metrics/llm', { headers: { cookie } })).status, 200);
    const second = await attempt(server, JSON.stringify({ code }));
    assert.deepEqual([second.status, second.json()['code']], [401, 'NC_TOKEN_WRONG']);
    assert.equal(second.headers['set-cookie'], undefined);
    const bearer = await server.send('/api/metrics/llm', { headers: { authorization: `Bearer ${code}` } });
    assert.equal(bearer.status, 401, 'a code is no token');
  });
});

describe('the code of a login link', () => {
  it('is over after a quarter of an hour, and the oldest goes when there are many', () => {
    let nowMs = 0;
    const codes = new LoginCodes(() => nowMs);
    const [late, early] = [codes.make(), codes.make()];
    nowMs = LOGIN_CODE_LIFETIME_MS;
    assert.equal(codes.take(early), true);
    nowMs++;
    assert.equal(codes.take(late), false);
    const many = Array.from({ length: LOGIN_CODES_MAX + 1 }, () => codes.make());
    assert.deepEqual(
      many.map((code) => codes.take(code)),
      many.map((_, i) => i > 0),
    );
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
});

/** A connection that a test closes. */
const connection = () =>
  new EventEmitter() as unknown as Parameters<AttemptLimiter['turn']>[1] & EventEmitter;

describe('the limit of attempts', () => {
  const fail = (limiter: AttemptLimiter, address: string, times: number) => {
    for (let i = 0; i < times; i++) limiter.failed(address, `${address} ${i}`);
  };

  it('is per address and over after a minute', () => {
    let nowMs = 0;
    const limiter = new AttemptLimiter(() => nowMs);
    fail(limiter, '10.0.0.1', FAILURES_PER_ADDRESS_MAX);
    assert.equal(limiter.isSlowed('10.0.0.1'), true);
    assert.equal(limiter.isSlowed('::ffff:10.0.0.1'), true, 'the same address in IPv6 clothes');
    assert.equal(limiter.isSlowed('10.0.0.2'), false);
    nowMs = ATTEMPT_WINDOW_MS + 1;
    assert.equal(limiter.isSlowed('10.0.0.1'), false);
  });

  it('takes an IPv6 network for one address', () => {
    const limiter = new AttemptLimiter(() => 0);
    for (let i = 0; i < FAILURES_PER_ADDRESS_MAX; i++)
      limiter.failed(`2001:db8:1:2::${i.toString(16)}`, String(i));
    assert.equal(limiter.isSlowed('2001:db8:1:2:ffff::1'), true);
    assert.equal(limiter.isSlowed('2001:db8:1:3::1'), false);
  });

  it('gives turns one after the other, in their order, and none to who is gone', async () => {
    const limiter = new AttemptLimiter(() => 0);
    const order: string[] = [];
    const come = (name: string, address: string, socket = connection()) =>
      limiter.turn(address, socket).then(() => order.push(name));
    await come('before', '10.0.0.1');
    fail(limiter, '10.0.0.1', FAILURES_PER_ADDRESS_MAX);
    const gone = connection();
    const slowed = [come('first', '10.0.0.1'), come('gone', '10.0.0.1', gone), come('last', '10.0.0.1')];
    await come('elsewhere', '10.0.0.2');
    gone.emit('close');
    await Promise.all(slowed);
    assert.deepEqual(order, ['before', 'elsewhere', 'gone', 'first', 'last']);
  });

  it('lets nobody wait for longer than five seconds, however many others do', async (test) => {
    vi.useFakeTimers();
    test.onTestFinished(() => void vi.useRealTimers());
    const limiter = new AttemptLimiter(() => 0);
    fail(limiter, '10.0.0.1', FAILURES_PER_ADDRESS_MAX);
    let served = 0;
    const come = () => limiter.turn('10.0.0.1', connection()).then(() => served++);
    for (let i = 0; i < TURNS_WAITED_MAX; i++) void come();
    await vi.advanceTimersByTimeAsync(100);
    assert.equal(served, 1, 'few of them take turns one by one');
    for (let i = 0; i < 1500; i++) void come();
    await vi.advanceTimersByTimeAsync(5000);
    assert.equal(served, TURNS_WAITED_MAX + 1500);
    for (let i = 0; i < 10; i++) void come();
    await vi.advanceTimersByTimeAsync(300);
    assert.equal(served, TURNS_WAITED_MAX + 1500 + 3);
  });

  it('has one attempt wait on a connection, however many are pipelined on it', async () => {
    const limiter = new AttemptLimiter(() => 0);
    fail(limiter, '10.0.0.1', FAILURES_PER_ADDRESS_MAX);
    const socket = connection();
    const first = limiter.turn('10.0.0.1', socket);
    assert.equal(await limiter.turn('10.0.0.1', socket), false);
    assert.equal(socket.listenerCount('close'), 1);
    assert.equal(await first, true);
    assert.equal(await limiter.turn('10.0.0.1', socket), true, 'it waits again');
    assert.equal(socket.listenerCount('close'), 0);
  });

  it('remembers a bounded number of addresses and credentials, those it met last', () => {
    const limiter = new AttemptLimiter(() => 0);
    for (let i = 0; i < 5000; i++) fail(limiter, `10.${i >> 8}.${i & 255}.1`, FAILURES_PER_ADDRESS_MAX);
    assert.equal(limiter.isSlowed('10.0.0.1'), false);
    assert.equal(limiter.isSlowed(`10.${4999 >> 8}.${4999 & 255}.1`), true);
  });
});
