import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it, type TestContext, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Identity } from '../../../src/collector/server/login/authenticator.ts';
import { type Session, Sessions, STREAM_RENEWAL_MS } from '../../../src/collector/server/login/sessions.ts';
import { emptyStatistics } from '../../../src/collector/server/statistics.ts';
import { Viewers, type ViewersOptions } from '../../../src/collector/server/viewers.ts';
import { AccessRegister } from '../../../src/core/access/register.ts';
import { EVERYBODY } from '../../../src/core/history/sender-filter.ts';
import { SKIPPED_TICKS_MAX, VIEWERS_MAX } from '../../../src/core/http/audience.ts';
import { until } from '../../support/poll.ts';
import { AUTHORIZED, logIn, SNAPSHOT, startServer, type TestServer, TOKEN, upgradeHead } from './fixture.ts';

interface Watcher {
  readonly socket: WebSocket;
  readonly messages: string[];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
}

async function watch(
  test: TestContext,
  port: number,
  headers: Record<string, string> = AUTHORIZED,
): Promise<Watcher> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/metrics/stream`, { headers });
  test.onTestFinished(() => socket.terminate());
  const messages: string[] = [];
  socket.on('message', (message, isBinary) => messages.push(isBinary ? 'binary' : message.toString()));
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return { socket, messages, closed };
}

const framed = (json: string) => `{"type":"metrics_snapshot","data":${json}}`;
const sessionHeaders = (server: TestServer, cookie: string) => ({
  cookie,
  origin: `http://127.0.0.1:${server.port}`,
});

describe('the stream', () => {
  it('sends the latest snapshot at once and every one after it', async (test) => {
    const { server, port } = await startServer(test);
    const { messages } = await watch(test, port);
    await until(() => messages.length === 1);
    assert.deepEqual(JSON.parse(messages[0] ?? ''), { type: 'metrics_snapshot', data: SNAPSHOT });
    assert.equal(server.viewers, 1);
    server.broadcast('{"seq":8}');
    server.broadcast('{"seq":9}');
    await until(() => messages.length === 3);
    assert.deepEqual(messages.slice(1), [framed('{"seq":8}'), framed('{"seq":9}')]);
  });

  it('opens without a first snapshot when there is none yet or the source fails', async (test) => {
    let latest = () => '';
    const { server, port, logs } = await startServer(test, {
      sources: { latestSnapshotJson: () => latest() },
    });
    const early = await watch(test, port);
    latest = () => {
      throw new Error('not ready');
    };
    const unlucky = await watch(test, port);
    await watch(test, port);
    server.broadcast('{"seq":1}');
    await until(() => early.messages.length === 1 && unlucky.messages.length === 1);
    assert.deepEqual([early.messages, unlucky.messages], [[framed('{"seq":1}')], [framed('{"seq":1}')]]);
    assert.equal(logs.filter((line) => line.includes('not ready')).length, 1);
  });

  it('costs one serialisation per tick for a hundred viewers', async (test) => {
    let asked = 0;
    const snapshot = () => {
      asked++;
      return SNAPSHOT;
    };
    const { server, port } = await startServer(test, { sources: { snapshot } });
    const watchers = await Promise.all(Array.from({ length: 100 }, () => watch(test, port)));
    await until(() => server.viewers === 100 && watchers.every(({ messages }) => messages.length === 1));
    let framings = 0;
    const { byteLength } = Buffer;
    const spy = vi.spyOn(Buffer, 'byteLength').mockImplementation((text, encoding) => {
      if (String(text).startsWith('{"type":"metrics_snapshot"')) framings++;
      return byteLength(text, encoding);
    });
    test.onTestFinished(() => spy.mockRestore());
    server.broadcast('{"seq":8}');
    await until(() => watchers.every(({ messages }) => messages[1] === framed('{"seq":8}')));
    assert.deepEqual({ framings, asked }, { framings: 1, asked: 0 });
    // Who connects before the next tick shares the same bytes.
    framings = 0;
    server.broadcast(JSON.stringify(SNAPSHOT));
    await watch(test, port);
    await watch(test, port);
    assert.equal(framings, 1);
  });

  it('lets go of viewers that leave', async (test) => {
    const { server, port } = await startServer(test);
    const { socket } = await watch(test, port);
    const { socket: other } = await watch(test, port);
    socket.close();
    other.terminate();
    await until(() => server.viewers === 0);
    server.broadcast('{}');
  });

  it('is closed with 1001 at shutdown, while a viewer that reads nothing cannot hold it up', async (test) => {
    const { server, port } = await startServer(test);
    const { closed } = await watch(test, port);
    const stalled = await stall(test, port, AUTHORIZED);
    await until(() => server.viewers === 2);
    await server.shutdown();
    assert.equal(await closed, 1001);
    assert.equal(server.viewers, 0);
    stalled.destroy();
  });

  it('ends with the session it was opened with', async (test) => {
    const server = await startServer(test);
    const cookie = await logIn(server);
    const other = await logIn(server);
    const mine = await watch(test, server.port, sessionHeaders(server, cookie));
    await watch(test, server.port, sessionHeaders(server, other));
    await server.send('/logout', { method: 'POST', headers: sessionHeaders(server, cookie) });
    assert.equal(await mine.closed, 1008);
    await until(() => server.server.viewers === 1);
  });
});

describe('a viewer that does not read', () => {
  it('skips snapshots, is disconnected, and costs the others nothing', async (test) => {
    const { server, port, logs, send } = await startServer(test);
    await stall(test, port, AUTHORIZED);
    const { messages, closed } = await watch(test, port);
    await until(() => server.viewers === 2 && messages.length === 1);
    const big = 'x'.repeat(4_000_000);
    let ticks = 0;
    // Each tick waits for the reader, as the interval would; the kernel takes in the first few for the other one.
    while (server.viewers === 2 && ticks < 30) {
      ticks++;
      server.broadcast(`{"seq":${ticks},"big":"${big}"}`);
      await until(() => messages.length === ticks + 1);
    }
    await until(() => server.viewers === 1);
    assert.equal(messages.length, ticks + 1, 'the reader has every tick');
    assert.ok(messages.at(-1)?.startsWith(framed(`{"seq":${ticks},`).slice(0, -1)));
    server.broadcast('{}');
    await until(() => logs.length === 2);
    assert.match(logs[0] ?? '', /do not keep up/);
    assert.match(logs[1] ?? '', /keeps up again/);
    const metrics = (await send('/metrics')).text;
    assert.match(metrics, new RegExp(`skipped_ticks_total ${SKIPPED_TICKS_MAX}$`, 'm'));
    assert.match(metrics, /disconnects_total\{reason="slow"\} 1$/m);
    assert.equal(await Promise.race([closed, 'open']), 'open');
  });
});

describe('a viewer that talks', () => {
  it('is closed with 1008 past a tiny budget', async (test) => {
    const { server, port, send } = await startServer(test);
    const { socket, closed } = await watch(test, port);
    const quiet = await watch(test, port);
    for (let i = 0; i < 5; i++) quiet.socket.send('hello');
    for (let i = 0; i < 500; i++) socket.send('x');
    assert.equal(await closed, 1008);
    await until(() => server.viewers === 1);
    assert.equal(quiet.socket.readyState, WebSocket.OPEN);
    assert.match((await send('/metrics')).text, /disconnects_total\{reason="talkative"\} 1$/m);
  });

  it('is closed after a flood of pings', async (test) => {
    const { server, port } = await startServer(test);
    const { socket, closed } = await watch(test, port);
    for (let i = 0; i < 1000 && socket.readyState === WebSocket.OPEN; i++) socket.ping();
    assert.ok([1006, 1008].includes(await closed));
    await until(() => server.viewers === 0);
  });

  it('is closed for a message over 1 KiB, many fragments, or a frame that is not masked', async (test) => {
    const { server, port } = await startServer(test);
    const big = await watch(test, port);
    big.socket.send('x'.repeat(2000));
    assert.equal(await big.closed, 1009);
    const fragmented = await watch(test, port);
    for (let i = 0; i < 50; i++) fragmented.socket.send('x', { fin: false });
    assert.equal(await fragmented.closed, 1008);
    const raw = await stall(test, port, AUTHORIZED);
    raw.resume();
    raw.write(Buffer.from([0x81, 0x01, 0x78]));
    await once(raw, 'close');
    await until(() => server.viewers === 0);
  });
});

describe('viewers', () => {
  it('are told from the dead by a heartbeat', async (test) => {
    // Far above any stall of this process, which would make the living late as well.
    const { viewers, statistics, port } = await serveViewers(test, { heartbeatMs: 1500 });
    const alive = await watch(test, port);
    await stall(test, port, {});
    await until(() => statistics.viewersSilent === 1);
    await until(() => viewers.count === 1);
    assert.equal(alive.socket.readyState, WebSocket.OPEN);
  });

  it('that catch up in time are forgiven', async (test) => {
    const { viewers, statistics, port } = await serveViewers(test, {});
    const { socket, messages } = await watch(test, port);
    let ticks = 0;
    const tick = (json: string) => {
      ticks++;
      viewers.broadcast(json);
    };
    const caughtUp = () => messages.length === 1 + ticks - statistics.viewersSkippedTicks;
    for (let lapse = 1; lapse <= 2; lapse++) {
      await until(caughtUp);
      socket.pause();
      while (statistics.viewersSkippedTicks < lapse * (SKIPPED_TICKS_MAX - 1))
        tick(`"${'x'.repeat(4_000_000)}"`);
      socket.resume();
      await until(caughtUp);
      tick('{}');
    }
    await until(caughtUp);
    assert.equal(viewers.count, 1);
  });

  it('connect again when their cookie grows old, and go for good with their session', async (test) => {
    let nowMs = 0;
    const register = new AccessRegister();
    const statistics = emptyStatistics();
    const sessions = new Sessions({ tokens: [TOKEN], register, now: () => nowMs, statistics });
    const session = sessions.open({ key: 0, tokenId: null }, false);
    const { port } = await serveViewers(test, { heartbeatMs: 20, sessions }, session);
    const heartbeats = async (watcher: Watcher) => {
      await once(watcher.socket, 'ping');
      await once(watcher.socket, 'ping');
    };
    const aging = await watch(test, port);
    nowMs = STREAM_RENEWAL_MS;
    await heartbeats(aging);
    nowMs++;
    assert.equal(await aging.closed, 1012);
    nowMs = 0;
    const { closed } = await watch(test, port);
    await sessions.close(session);
    assert.equal(await closed, 1008);
  });

  it('are bounded', async (test) => {
    const { server, port } = await startServer(test);
    const sockets = await Promise.all(
      Array.from({ length: VIEWERS_MAX }, () => stall(test, port, AUTHORIZED)),
    );
    await until(() => server.viewers === VIEWERS_MAX);
    const refused = new WebSocket(`ws://127.0.0.1:${port}/api/metrics/stream`, { headers: AUTHORIZED });
    refused.on('error', () => {});
    const [, response] = await once(refused, 'unexpected-response');
    assert.equal(response.statusCode, 503);
    refused.terminate();
    sockets[0]?.destroy();
    await until(() => server.viewers === VIEWERS_MAX - 1);
    await watch(test, port);
    for (const socket of sockets) socket.destroy();
    await until(() => server.viewers === 1);
  });
});

/** An accepted viewer that never reads and never answers. */
async function stall(test: TestContext, port: number, headers: Record<string, string>): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  test.onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(upgradeHead({ Host: `127.0.0.1:${port}`, ...headers }));
  await once(socket, 'readable');
  assert.match(String(socket.read(12)), /^HTTP\/1\.1 101/);
  socket.pause();
  return socket;
}

/** Viewers behind a bare server, for what takes half a minute behind the real one. */
async function serveViewers(
  test: TestContext,
  options: Partial<ViewersOptions>,
  session: Session | null = null,
): Promise<{ viewers: Viewers; statistics: ReturnType<typeof emptyStatistics>; port: number }> {
  const statistics = emptyStatistics();
  const viewers = new Viewers({
    sessions: new Sessions({ tokens: [TOKEN], register: new AccessRegister(), now: () => 0, statistics }),
    statistics,
    latestSnapshotJson: () => '{}',
    log: () => {},
    ...options,
  });
  const identity: Identity =
    session === null
      ? { kind: 'bearer', role: 'admin', tokenId: null }
      : { kind: 'session', role: 'admin', session };
  const server = createServer();
  server.on('upgrade', (request, socket, head) =>
    viewers.accept({ request, socket, head, identity, renewal: null, filter: EVERYBODY }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.onTestFinished(async () => {
    await viewers.shutdown();
    server.close();
  });
  return { viewers, statistics, port: (server.address() as AddressInfo).port };
}
