import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, Server } from 'node:http';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { afterEach, beforeEach, test } from 'vitest';
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { currentContext } from '../../../src/agent/context/context.ts';
import { ws } from '../../../src/agent/websocket/server.ts';
import { webSockets } from '../../../src/agent/websocket/upgrade.ts';
import type { WsSessionEvent } from '../../../src/core/signals/ws-session.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

// `ws` itself is not observed here: it stands for any library that speaks WebSocket, as it does inside a bundle.
let agent: RecordingAgent;
let stop: () => void;
const open: { close(): unknown }[] = [];
beforeEach(() => {
  agent = new RecordingAgent();
  stop = webSockets.start(agent);
});
afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  stop();
  assert.equal(Object.hasOwn(Server.prototype, 'emit'), false);
  assert.deepEqual(agent.warnings, []);
});

async function listen(options: ServerOptions = {}): Promise<WebSocketServer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return new WebSocketServer({ server, ...options });
}

const portOf = (server: WebSocketServer) => ((server.options.server as Server).address() as AddressInfo).port;

async function pair(server: WebSocketServer, path = '/') {
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${portOf(server)}${path}`);
  open.push({ close: () => client.terminate() });
  const [[peer]] = await Promise.all([accepted, once(client, 'open')]);
  return { client, peer };
}

async function onlySession(): Promise<WsSessionEvent> {
  await until(() => agent.events.length > 0);
  assert.equal(agent.events.length, 1);
  return agent.events[0] as WsSessionEvent;
}

test('a session is read off the connection: messages and bytes both ways, path, code, live counts', async () => {
  const server = await listen();
  // Sent in the same turn as the answer that accepts.
  server.on('connection', (peer) => peer.send('welcome'));
  const { client, peer } = await pair(server, '/chat?secret');
  const received: unknown[] = [];
  peer.on('message', (data) => received.push(data));
  client.send('12345');
  client.send(Buffer.alloc(70_000));
  client.ping();
  await until(() => received.length === 2);
  assert.deepEqual(agent.websockets.takeDeltas(), {
    ...{ active: 1, opened: 1, messagesIn: 2, messagesOut: 1, bytesIn: 70_005, bytesOut: 7 },
  });
  client.close(4001, 'done');
  const { path, closeCode, messagesIn, messagesOut, bytesIn, bytesOut, traceId } = await onlySession();
  assert.deepEqual([path, closeCode], ['/chat', 4001]);
  assert.deepEqual([messagesIn, bytesIn, messagesOut, bytesOut], [2, 70_005, 1, 7]);
  assert.match(traceId ?? '', /^[\da-f]{32}$/);
  assert.equal(agent.websockets.active, 0);
});

test('what a message leads to is part of the session', async () => {
  const server = await listen();
  const { client, peer } = await pair(server);
  const trace = new Promise((resolve) => {
    peer.on('message', () => setTimeout(() => resolve(currentContext()?.traceId), 1));
  });
  client.send('hello');
  const seen = await trace;
  client.close();
  assert.equal((await onlySession()).traceId, seen);
});

test('a connection that breaks has the code 1006, one closed without a code 1005', async () => {
  const server = await listen();
  (await pair(server)).client.terminate();
  assert.equal((await onlySession()).closeCode, 1006);
  agent.events.splice(0);
  (await pair(server)).client.close();
  assert.equal((await onlySession()).closeCode, 1005);
});

test('compressed payloads count as they were sent', async () => {
  const server = await listen({ perMessageDeflate: { threshold: 0 } });
  const { client, peer } = await pair(server);
  client.send('a'.repeat(10_000));
  const [data] = await once(peer, 'message');
  assert.equal(String(data).length, 10_000);
  client.close();
  const { messagesIn, bytesIn } = await onlySession();
  assert.equal(messagesIn, 1);
  assert.ok(bytesIn > 0 && bytesIn < 1000, `${bytesIn} bytes`);
});

test('an upgrade that is refused, to another protocol, or not handled makes no session and stays as it is', async () => {
  const server = await listen({ verifyClient: () => false });
  const client = new WebSocket(`ws://127.0.0.1:${portOf(server)}/`);
  await once(client, 'error');
  const other = createServer().on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
  });
  const plain = createServer((_request, response) => response.end('plain'));
  for (const one of [other, plain]) {
    open.push(one.listen(0, '127.0.0.1'));
    await once(one, 'listening');
  }
  const socket = connectSocket((other.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 101/);
  socket.destroy();
  const headers = { connection: 'Upgrade', upgrade: 'websocket' };
  const asked = request({ port: (plain.address() as AddressInfo).port, host: '127.0.0.1', headers }).end();
  const [response] = await once(asked, 'response');
  assert.equal(String((await response.toArray())[0]), 'plain');
  assert.deepEqual([agent.events.length, agent.websockets.active], [0, 0]);
});

test('sessions of an installed ws are not counted twice', async () => {
  const stopWs = ws.start(agent);
  try {
    const { client, peer } = await pair(await listen());
    client.send('12345');
    await once(peer, 'message');
    client.close(4002);
    const { closeCode, messagesIn } = await onlySession();
    assert.deepEqual([closeCode, messagesIn], [4002, 1]);
    assert.deepEqual(agent.websockets.takeDeltas().opened, 1);
  } finally {
    stopWs();
  }
});
