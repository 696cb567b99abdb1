import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { describe, it, type TestContext, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  LOGOUTS_PER_SECOND_MAX,
  RENEWAL_MS,
  SESSION_IDLE_MS,
  SESSION_LIFETIME_MS,
  Sessions,
  STREAM_RENEWAL_MS,
} from '../../../../src/collector/server/login/sessions.ts';
import { emptyStatistics } from '../../../../src/collector/server/statistics.ts';
import { AccessRegister } from '../../../../src/core/access/register.ts';
import type { EndedSession } from '../../../../src/core/access/store.ts';
import type { AccessToken } from '../../../../src/core/access/token.ts';
import { logIn, OLD_TOKEN, startServer, type TestServer, TOKEN } from '../fixture.ts';

const ADMIN = { key: 0, tokenId: null };

/** Sessions by a clock that stands still until it is set. */
function sessionsAt(tokens: readonly string[] = [TOKEN]) {
  const clock = { nowMs: Date.UTC(2026, 10, 22) };
  const statistics = emptyStatistics();
  const register = new AccessRegister();
  const sessions = new Sessions({ tokens, register, now: () => clock.nowMs, statistics });
  return { clock, statistics, register, sessions };
}

async function statusOf(server: TestServer, cookie: string): Promise<number> {
  return (await server.send('/api/metrics/llm', { headers: { cookie } })).status;
}

/** A clock for the servers of a test, ahead of the real one by as much as is set. */
function clockAhead(test: TestContext): { aheadMs: number } {
  const now = Date.now;
  const clock = { aheadMs: 0 };
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now() + clock.aheadMs);
  test.onTestFinished(() => spy.mockRestore());
  return clock;
}

describe('a session', () => {
  it('is what its cookie says, and every session has an id of its own', () => {
    const { sessions } = sessionsAt([TOKEN, OLD_TOKEN]);
    const opened = [sessions.open(ADMIN, false), sessions.open({ key: 1, tokenId: null }, true)];
    assert.deepEqual(
      opened.map((session) => sessions.find(sessions.encode(session))),
      opened,
    );
    assert.notEqual(opened[0]?.id, opened[1]?.id);
  });

  it('ends after twelve idle hours and not before', () => {
    const { clock, sessions } = sessionsAt();
    let session = sessions.open(ADMIN, false);
    for (let i = 0; i < 3; i++) {
      clock.nowMs += SESSION_IDLE_MS;
      assert.deepEqual(sessions.find(sessions.encode(session)), session);
      session = sessions.renewed(session) ?? assert.fail('a renewal was due');
    }
    clock.nowMs += SESSION_IDLE_MS + 1;
    assert.equal(sessions.find(sessions.encode(session)), null);
  });

  it('is renewed every few minutes and ends thirty days after its login all the same', () => {
    const { clock, sessions } = sessionsAt();
    let session = sessions.open(ADMIN, false);
    clock.nowMs += RENEWAL_MS;
    assert.equal(sessions.renewed(session), null);
    clock.nowMs = session.openedMs;
    while (clock.nowMs < session.openedMs + SESSION_LIFETIME_MS) {
      clock.nowMs += SESSION_IDLE_MS;
      session = sessions.renewed(session) ?? assert.fail('a renewal was due');
      assert.ok(sessions.find(sessions.encode(session)));
    }
    clock.nowMs++;
    assert.equal(sessions.find(sessions.encode(session)), null);
    assert.equal(sessions.isOver(session), true);
  });

  it('is known to whoever knows the token, and to nobody once the token is gone', () => {
    const cookies = [0, 1].map((key) => {
      const { sessions } = sessionsAt([TOKEN, OLD_TOKEN]);
      return sessions.encode(sessions.open({ key, tokenId: null }, false));
    });
    const knownWith = (tokens: readonly string[]) =>
      cookies.map((cookie) => sessionsAt(tokens).sessions.find(cookie) !== null);
    assert.deepEqual(knownWith([OLD_TOKEN, 'a-third-token-of-length', TOKEN]), [true, true]);
    assert.deepEqual(knownWith([TOKEN]), [true, false]);
    assert.deepEqual(knownWith(['a-third-token-of-length']), [false, false]);
  });

  it('stays with the token it was opened with when it is renewed', () => {
    const both = sessionsAt([TOKEN, OLD_TOKEN]);
    const session = both.sessions.open({ key: 1, tokenId: null }, false);
    both.clock.nowMs += RENEWAL_MS + 1;
    const renewed = both.sessions.encode(both.sessions.renewed(session) ?? assert.fail('a renewal was due'));
    assert.equal(sessionsAt([TOKEN]).sessions.find(renewed), null);
  });

  it('cannot be made or changed without the token', () => {
    const { sessions } = sessionsAt();
    const cookie = sessions.encode(sessions.open(ADMIN, false));
    const bytes = Buffer.from(cookie, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const forged = Buffer.from(bytes);
      forged[at] = (forged[at] ?? 0) ^ 1;
      assert.equal(sessions.find(forged.toString('base64url')), null, `byte ${at}`);
    }
    const payload = bytes.subarray(0, 40);
    const byToken = createHmac('sha256', TOKEN).update(payload).digest();
    for (const wrong of [
      Buffer.concat([payload, byToken]).toString('base64url'),
      `${cookie}AAAA`,
      `${cookie.slice(0, -1)}=`,
      ` ${cookie}`,
      cookie.slice(4),
      'A'.repeat(96),
      '',
      TOKEN,
    ]) {
      assert.equal(sessions.find(wrong), null, wrong);
    }
  });

  it('from a clock that was ahead is refused', () => {
    const { clock, sessions } = sessionsAt();
    const cookie = sessions.encode(sessions.open(ADMIN, false));
    clock.nowMs -= 60_000;
    assert.ok(sessions.find(cookie), 'clocks differ a little');
    clock.nowMs -= SESSION_IDLE_MS;
    assert.equal(sessions.find(cookie), null);
  });

  it('ends with the logout, in all its cookies', async () => {
    const { clock, sessions } = sessionsAt();
    const [session, other] = [sessions.open(ADMIN, false), sessions.open(ADMIN, false)];
    clock.nowMs += RENEWAL_MS + 1;
    const renewed = sessions.renewed(session) ?? assert.fail('a renewal was due');
    await sessions.close(session);
    for (const cookie of [session, renewed]) assert.equal(sessions.find(sessions.encode(cookie)), null);
    assert.ok(sessions.find(sessions.encode(other)));
  });

  it('stays ended after a restart, however long a collector that could not hear of it renewed its cookie', async () => {
    const { clock, register, sessions } = sessionsAt();
    const kept: EndedSession[] = [];
    register.keepIn({ ended: async (session) => void kept.push(session), used: () => {} });
    let session = sessions.open(ADMIN, false);
    await sessions.close(session);
    const elsewhere = sessionsAt();
    const stop = session.openedMs + SESSION_LIFETIME_MS;
    while (elsewhere.clock.nowMs + SESSION_IDLE_MS <= stop) {
      elsewhere.clock.nowMs += SESSION_IDLE_MS;
      session = elsewhere.sessions.renewed(session) ?? assert.fail('a renewal was due');
      clock.nowMs = elsewhere.clock.nowMs;
      const restarted = sessionsAt();
      restarted.clock.nowMs = clock.nowMs;
      restarted.register.learn(kept, clock.nowMs);
      assert.equal(restarted.sessions.find(restarted.sessions.encode(session)), null);
    }
  });

  it('is one of at most ten of a token that end in a second', async () => {
    const { clock, register, sessions } = sessionsAt([TOKEN, OLD_TOKEN]);
    const open = () => sessions.open(ADMIN, false);
    for (let i = 0; i < LOGOUTS_PER_SECOND_MAX; i++) await sessions.close(open());
    const late = open();
    await assert.rejects(sessions.close(late), { code: 'NC_UNAVAILABLE' });
    assert.equal(register.isEnded(late), false);
    await sessions.close(sessions.open({ key: 1, tokenId: null }, false));
    clock.nowMs += 1000;
    await sessions.close(late);
    assert.equal(register.isEnded(late), true);
  });

  it('of a named token has its role, and ends when that is revoked', () => {
    const { register, sessions } = sessionsAt();
    const digest = 'ab'.repeat(32);
    const token: AccessToken = { name: 'wall', role: 'viewer', digest, madeMs: 0, usedMs: null };
    register.setTokens([token]);
    const session = sessions.open({ key: 0, tokenId: digest.slice(0, 18) }, false);
    const cookie = sessions.encode(session);
    assert.deepEqual([sessions.find(cookie), sessions.roleOf(session)], [session, 'viewer']);
    register.setTokens([{ ...token, digest: 'cd'.repeat(32) }]);
    assert.deepEqual(
      [sessions.find(cookie), sessions.roleOf(session)],
      [null, null],
      'of another one by its name',
    );
  });
});

describe('a restart of the collector', () => {
  it('logs nobody out', async (test) => {
    const before = await startServer(test);
    const cookie = await logIn(before);
    const socket = new WebSocket(`ws://127.0.0.1:${before.port}/api/metrics/stream`, {
      headers: { cookie, origin: before.url },
    });
    const closed = once(socket, 'close');
    await once(socket, 'open');
    await before.server.shutdown();
    await closed;
    const after = await startServer(test, { env: { NERVECENTER_PORT: String(before.port) } });
    assert.equal(await statusOf(after, cookie), 200);
    const again = new WebSocket(`ws://127.0.0.1:${after.port}/api/metrics/stream`, {
      headers: { cookie, origin: after.url },
    });
    test.onTestFinished(() => again.terminate());
    await once(again, 'open');
  });

  it('without a token logs out who came with it', async (test) => {
    const before = await startServer(test);
    const [cookie, old] = [await logIn(before), await logIn(before, OLD_TOKEN)];
    assert.deepEqual([await statusOf(before, cookie), await statusOf(before, old)], [200, 200]);
    await before.server.shutdown();
    const env = { NERVECENTER_PORT: String(before.port) };
    const after = await startServer(test, { env, adminTokens: [TOKEN] });
    assert.deepEqual([await statusOf(after, cookie), await statusOf(after, old)], [200, 401]);
  });
});

describe('a cookie in use', () => {
  it('is replaced by a younger one with the same marks, at most every few minutes', async (test) => {
    const clock = clockAhead(test);
    const server = await startServer(test, {
      env: { NERVECENTER_ALLOWED_ORIGINS: 'https://proxy.example.com' },
    });
    for (const [origin, marks] of [
      [server.url, ''],
      ['https://proxy.example.com', '; Secure'],
    ] as const) {
      clock.aheadMs = 0;
      const answer = await server.send('/login', {
        method: 'POST',
        headers: { origin },
        body: JSON.stringify({ token: TOKEN }),
      });
      const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      const renewal = async (path: string, value = cookie) =>
        (await server.send(path, { headers: { cookie: value } })).headers['set-cookie']?.[0];
      assert.equal(await renewal('/api/metrics/llm'), undefined);
      clock.aheadMs = RENEWAL_MS + 1;
      assert.equal(await renewal('/api/metrics/health'), undefined, 'an open route asks nobody');
      const renewed = await renewal('/api/metrics/llm');
      assert.match(
        renewed ?? '',
        new RegExp(
          `^nervecenter_session_${server.port}=[\\w-]{96}; Path=/; HttpOnly; SameSite=Strict${marks}$`,
        ),
      );
      clock.aheadMs = SESSION_IDLE_MS + 60_000;
      assert.equal(await statusOf(server, cookie), 401);
      assert.equal(await statusOf(server, renewed?.split(';')[0] ?? ''), 200);
    }
  });

  it('never comes with a file that shared caches may keep', async (test) => {
    const clock = clockAhead(test);
    const assets = { 'index.html': '<p>', 'assets/a-1234.js': 'a' };
    const server = await startServer(test, { assets });
    const cookie = await logIn(server);
    clock.aheadMs = RENEWAL_MS + 1;
    const file = await server.send('/admin/assets/a-1234.js', { headers: { cookie } });
    assert.match(file.headers['cache-control'] ?? '', /public/);
    assert.equal(file.headers['set-cookie'], undefined);
    const page = await server.send('/admin/system', { headers: { cookie } });
    assert.equal(page.headers['cache-control'], 'no-store');
    assert.ok(page.headers['set-cookie']);
  });

  it('is replaced when a stream opens, which counts as use', async (test) => {
    const clock = clockAhead(test);
    const server = await startServer(test);
    const cookie = await logIn(server);
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/metrics/stream`, {
        headers: { cookie, origin: server.url },
      });
      test.onTestFinished(() => socket.terminate());
      const [[response]] = await Promise.all([once(socket, 'upgrade'), once(socket, 'open')]);
      return response.headers['set-cookie']?.[0] as string | undefined;
    };
    assert.equal(await open(), undefined);
    clock.aheadMs = STREAM_RENEWAL_MS;
    const renewed = await open();
    assert.match(renewed ?? '', /^nervecenter_session_\d+=[\w-]{96}; .*HttpOnly/);
    clock.aheadMs = SESSION_IDLE_MS + 60_000;
    assert.equal(await statusOf(server, renewed?.split(';')[0] ?? ''), 200);
  });
});
