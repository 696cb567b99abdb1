import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import type { WebSocket as Socket, WebSocketServer as SocketServer } from 'ws';
import { currentContext, runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { byteLengthOf, pathOf, ws } from '../../../src/agent/websocket/server.ts';
import type { WsSessionEvent } from '../../../src/core/signals/ws-session.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

type Ws = typeof import('ws');

let library: Ws;
let agent: RecordingAgent;
let stop: () => void;
const servers: (SocketServer | Server)[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  library = await import('ws');
});
beforeEach(() => {
  agent = new RecordingAgent();
  stop = ws.start(agent);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await Promise.all(
    servers.splice(0).map((server) => new Promise((resolve) => server.close(() => resolve(undefined)))),
  );
  stop();
});
afterAll(() => assert.equal(Object.hasOwn(library.WebSocket.prototype, 'emit'), false));

const sessions = () => agent.events as WsSessionEvent[];

async function listen(): Promise<SocketServer> {
  const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1' });
  servers.push(server);
  await once(server, 'listening');
  return server;
}

function connect(server: { address(): unknown }, path = '/', headers: Record<string, string> = {}): Socket {
  const { port } = server.address() as AddressInfo;
  const client = new library.WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
  sockets.push(client);
  return client;
}

/** Connects and returns both ends. */
async function pair(server: SocketServer, path = '/', headers: Record<string, string> = {}) {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect(server, path, headers);
  const [[peer]] = await Promise.all([accepted, once(client, 'open')]);
  return { client, peer };
}

async function closed(count = 1): Promise<WsSessionEvent[]> {
  await until(() => agent.events.length >= count);
  return sessions();
}

test('counts messages and payload bytes of every type both ways, and nothing of the client', async () => {
  const { client, peer } = await pair(await listen(), '/chat/42?token=secret');
  const received: unknown[] = [];
  client.on('message', (data) => received.push(data));
  assert.equal(agent.websockets.active, 1);

  client.send('grüße'); // 7 bytes in UTF-8
  client.send(Buffer.alloc(1000));
  peer.send('grüße');
  peer.send(Buffer.alloc(10));
  peer.send(new Uint16Array(5));
  peer.send(new ArrayBuffer(10));
  peer.send(new Blob(['0123456789']) as unknown as Buffer);
  peer.send(12345);
  peer.send('');
  await until(() => received.length === 7 && agent.websockets.takeDeltas().messagesIn === 2);
  client.close(4001, 'done');

  const [event] = await closed();
  assert.equal(event?.signal, 'ws-session');
  assert.match(event.id, /^[\da-f]{8}-[\da-f]{4}-7/);
  assert.match(event.traceId ?? '', /^[\da-f]{32}$/);
  assert.equal(event.path, '/chat/:id');
  assert.equal(event.closeCode, 4001);
  assert.deepEqual([event.messagesIn, event.bytesIn], [2, 1007]);
  assert.deepEqual([event.messagesOut, event.bytesOut], [7, 7 + 4 * 10 + 5]);
  assert.ok(event.durationMs > 0);
  assert.equal(agent.websockets.active, 0);
  assert.equal(agent.events.length, 1);
});

test('live counts rise while the session lasts', async () => {
  const { client, peer } = await pair(await listen());
  client.send('12345');
  await once(peer, 'message');
  peer.send(Buffer.alloc(3));
  assert.deepEqual(agent.websockets.takeDeltas(), {
    active: 1,
    opened: 1,
    messagesIn: 1,
    messagesOut: 1,
    bytesIn: 5,
    bytesOut: 3,
  });
  assert.equal(agent.events.length, 0);
});

test('a message in fragments is one message, received and sent', async () => {
  const { client, peer } = await pair(await listen());
  peer.binaryType = 'fragments';
  client.send(Buffer.from('abc'), { fin: false });
  client.send(Buffer.from('def'), { fin: true });
  const [data] = await once(peer, 'message');
  assert.ok(Array.isArray(data));
  peer.send('12', { fin: false });
  peer.send('345', { fin: true });
  await once(client, 'message');
  client.close();
  const [event] = await closed();
  assert.deepEqual([event?.messagesIn, event?.bytesIn], [1, 6]);
  assert.deepEqual([event?.messagesOut, event?.bytesOut], [1, 5]);
});

test('messages are counted as ArrayBuffers, compressed, and without any listener', async () => {
  const server = new library.WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    perMessageDeflate: { threshold: 0 },
  });
  servers.push(server);
  await once(server, 'listening');
  const { client, peer } = await pair(server);
  peer.binaryType = 'arraybuffer';
  client.send(Buffer.alloc(5000));
  client.ping();
  client.close();
  const [event] = await closed();
  assert.deepEqual([event?.messagesIn, event?.bytesIn, event?.messagesOut], [1, 5000, 0]);
  assert.equal(event?.closeCode, 1005);
});

test('what is sent after the close is not counted, and a refused value is the app’s own error', async () => {
  const { peer } = await pair(await listen());
  assert.throws(() => peer.send({} as unknown as string), TypeError);
  peer.close(1000);
  peer.send('too late', () => {});
  const [event] = await closed();
  assert.deepEqual([event?.messagesOut, event?.bytesOut, event?.closeCode], [0, 0, 1000]);
});

test('every server mode is seen', async () => {
  const own = await listen();
  const http = createServer().listen(0, '127.0.0.1');
  const shared = createServer().listen(0, '127.0.0.1');
  servers.push(http, shared);
  await Promise.all([once(http, 'listening'), once(shared, 'listening')]);
  const attached = new library.WebSocketServer({ server: http, path: '/attached' });
  const manual = new library.WebSocketServer({ noServer: true, clientTracking: false });
  servers.unshift(attached, manual);
  shared.on('upgrade', (request, socket, head) => {
    manual.handleUpgrade(request, socket, head, (peer) => manual.emit('connection', peer, request));
  });
  for (const [server, path] of [
    [own, '/own'],
    [http, '/attached'],
    [shared, '/manual'],
  ] as const) {
    const client = connect(server, path);
    await once(client, 'open');
    client.close(1000);
  }
  const paths = (await closed(3)).map(({ path }) => path);
  assert.deepEqual(paths.sort(), ['/attached', '/manual', '/own']);
});

test('a connection that just goes away closes with 1006, from either side', async () => {
  const server = await listen();
  (await pair(server)).client.terminate();
  await closed(1);
  (await pair(server)).peer.terminate();
  const events = await closed(2);
  assert.deepEqual(
    events.map(({ closeCode }) => closeCode),
    [1006, 1006],
  );
  assert.equal(agent.websockets.active, 0);
});

test('sessions outlive the server that accepted them', async () => {
  const server = await listen();
  const { client, peer } = await pair(server);
  server.close();
  client.send('still here');
  await once(peer, 'message');
  peer.close(1001);
  const [event] = await closed();
  assert.deepEqual([event?.messagesIn, event?.closeCode], [1, 1001]);
});

test('a refused upgrade is no session', async () => {
  const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false });
  servers.push(server);
  await once(server, 'listening');
  await once(connect(server), 'error');
  assert.deepEqual([agent.websockets.takeDeltas().opened, agent.events.length], [0, 0]);
});

test('a user set in a message handler is the session’s, its own only, with the caller’s trace', async () => {
  const server = await listen();
  server.on('connection', (peer) => {
    peer.on('message', async (data) => {
      await new Promise(setImmediate);
      currentContext()?.setUser({ email: String(data), department: 'sales' });
      peer.send('ok');
    });
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const first = await pair(server, '/first', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  const second = await pair(server, '/second');
  const third = await pair(server, '/third');
  first.client.send('ann@example.com');
  second.client.send('bob@example.com');
  await Promise.all([once(first.client, 'message'), once(second.client, 'message')]);
  for (const { client } of [first, second, third]) client.close();
  const events = await closed(3);
  const of = (path: string) => events.find((event) => event.path === path);
  assert.deepEqual([of('/first')?.userEmail, of('/first')?.department], ['ann@example.com', 'sales']);
  assert.equal(of('/first')?.traceId, traceId);
  assert.equal(of('/second')?.userEmail, 'bob@example.com');
  assert.notEqual(of('/second')?.traceId, traceId);
  assert.equal(of('/third')?.userEmail, null);
});

test('connection and close handlers run inside the session', async () => {
  const server = await listen();
  const seen: (WorkContext | undefined)[] = [];
  server.on('connection', (peer) => {
    seen.push(currentContext());
    peer.on('close', () => {
      seen.push(currentContext());
      currentContext()?.setUser({ email: 'last@example.com' });
    });
  });
  const { client } = await pair(server);
  client.close();
  const [event] = await closed();
  assert.ok(seen[0] !== undefined && seen[0] === seen[1]);
  assert.equal(seen[0].traceId, event?.traceId);
  assert.equal(event?.userEmail, 'last@example.com');
  assert.equal(currentContext(), undefined);
});

test('an upgrade the app handles inside its own work belongs to it', async () => {
  const http = createServer().listen(0, '127.0.0.1');
  servers.push(http);
  await once(http, 'listening');
  const manual = new library.WebSocketServer({ noServer: true });
  const work = new WorkContext({ user: { email: 'known@example.com' } });
  http.on('upgrade', (request, socket, head) => {
    runInContext(work, () => manual.handleUpgrade(request, socket, head, () => {}));
  });
  const client = connect(http);
  await once(client, 'open');
  client.close();
  const [event] = await closed();
  assert.deepEqual([event?.userEmail, event?.traceId], ['known@example.com', work.traceId]);
});

test('work of an earlier request on the connection does not leak into the session', async () => {
  const http = createServer().listen(0, '127.0.0.1');
  servers.push(http);
  await once(http, 'listening');
  const emit = http.emit;
  const stranger = new WorkContext({ user: { email: 'stranger@example.com' } });
  http.emit = (...args: unknown[]) => runInContext(stranger, () => Reflect.apply(emit, http, args));
  const attached = new library.WebSocketServer({ server: http });
  servers.unshift(attached);
  const client = connect(http);
  await once(client, 'open');
  client.close();
  const [event] = await closed();
  assert.equal(event?.userEmail, null);
  assert.notEqual(event?.traceId, stranger.traceId);
});

test('many sessions at once: each its own event', async () => {
  const server = await listen();
  server.on('connection', (peer) => peer.on('message', (data) => peer.send(data)));
  const count = 60;
  const clients = Array.from({ length: count }, (_, i) => connect(server, `/s/${'x'.repeat(i)}`));
  await Promise.all(clients.map((client) => once(client, 'open')));
  assert.equal(agent.websockets.active, count);
  clients.forEach((client, i) => {
    client.on('message', () => client.close());
    client.send('x'.repeat(i));
  });
  const events = await closed(count);
  assert.equal(new Set(events.map(({ id }) => id)).size, count);
  assert.equal(new Set(events.map(({ traceId }) => traceId)).size, count);
  for (const { path, bytesIn, bytesOut } of events) {
    const { length } = path.slice('/s/'.length);
    assert.deepEqual([bytesIn, bytesOut], [length, length]);
  }
  assert.equal(agent.websockets.active, 0);
});

test('a listener that throws throws as it would, and the message is counted', async () => {
  const { client, peer } = await pair(await listen());
  peer.on('message', () => {
    throw new Error('the app’s own');
  });
  assert.throws(() => peer.emit('message', Buffer.from('abc'), true), /the app’s own/);
  client.close();
  const [event] = await closed();
  assert.deepEqual([event?.messagesIn, event?.bytesIn], [1, 3]);
});

test('a close said twice is one session', async () => {
  const { client, peer } = await pair(await listen());
  peer.emit('close', 1011, Buffer.alloc(0));
  client.close();
  await once(peer, 'close');
  assert.deepEqual(
    sessions().map(({ closeCode }) => closeCode),
    [1011],
  );
  assert.equal(agent.websockets.active, 0);
});

test('sockets of a class of the app’s own are seen', async () => {
  class Loud extends library.WebSocket {
    override send(data: never, ...rest: never[]): void {
      super.send(`${data}!`, ...rest);
    }
  }
  const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1', WebSocket: Loud as never });
  servers.push(server);
  await once(server, 'listening');
  const { client, peer } = await pair(server);
  peer.send('hey');
  await once(client, 'message');
  client.close();
  const [event] = await closed();
  assert.deepEqual([event?.messagesOut, event?.bytesOut], [1, 4]);
});

test('stopping gives the library back as it was', async () => {
  const { handleUpgrade } = library.WebSocketServer.prototype;
  const { send } = library.WebSocket.prototype;
  stop();
  assert.notEqual(library.WebSocketServer.prototype.handleUpgrade, handleUpgrade);
  assert.notEqual(library.WebSocket.prototype.send, send);
  const { client, peer } = await pair(await listen());
  client.close();
  await once(peer, 'close');
  assert.deepEqual([agent.websockets.takeDeltas().opened, agent.events.length], [0, 0]);
});

test('paths lose their query and their length', () => {
  assert.equal(pathOf('/a/b?token=x#y'), '/a/b');
  assert.equal(pathOf('http://host:1/c?d'), '/c');
  assert.equal(pathOf(undefined), '/');
  assert.equal(pathOf(''), '/');
  assert.equal(pathOf('*'), '*');
  assert.equal(pathOf(`/${'x'.repeat(9000)}`).length, 255);
});

test('sizes of odd values are 0 rather than a failure', () => {
  assert.equal(byteLengthOf([Buffer.alloc(2), Buffer.alloc(3)]), 5);
  assert.equal(byteLengthOf([1, 2, 3]), 3);
  assert.equal(byteLengthOf(new DataView(new ArrayBuffer(9), 1)), 8);
  for (const odd of [undefined, null, true, {}, { size: 'x' }, () => {}]) assert.equal(byteLengthOf(odd), 0);
});
