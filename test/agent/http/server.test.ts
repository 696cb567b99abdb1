import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { get as askSecure, createServer as createSecureServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, test } from 'vitest';
import { currentContext, runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { addRouteResolver, http } from '../../../src/agent/http/server.ts';
import { spanIdOf } from '../../../src/core/event.ts';
import type { RequestEvent } from '../../../src/core/signals/request.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { listening, portOf, setUser, tick } from './apps/contract.ts';

const TLS = join(import.meta.dirname, '..', '..', 'collector', 'sinks', 'postgres', 'fixtures', 'tls');
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function serve(listener: RequestListener, agent = new RecordingAgent()) {
  cleanups.push(http.start(agent));
  const server = await listening(listener);
  cleanups.push(() => stop(server));
  return { agent, events: agent.events as RequestEvent[], port: portOf(server) };
}

function stop(server: Server): void {
  server.closeAllConnections();
  server.close();
}

async function exchange(port: number, text: string, answers: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk;
  });
  socket.write(text);
  await until(() => received.split('HTTP/1.1 ').length - 1 >= answers);
  return received;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

test('pipelined requests are told apart', async () => {
  const { events, port } = await serve((request, response) => {
    void tick().then(() => {
      setUser(request.url?.slice(1) ?? '');
      response.end('x'.repeat(request.url === '/a' ? 3 : 5));
    });
  });
  await exchange(port, get('/a') + get('/b') + get('/c'), 3);
  await until(() => events.length === 3);
  assert.deepEqual(
    events.map((event) => [event.userEmail, event.responseBytes]),
    [
      ['a@example.com', 3],
      ['b@example.com', 5],
      ['c@example.com', 5],
    ],
  );
});

test('every pipelined request of a client gone away is counted once', async () => {
  const { events, port } = await serve(() => {});
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end(get('/a') + get('/b'), () => socket.destroy());
  await until(() => events.length >= 2);
  assert.deepEqual(
    events.map((event) => event.statusCode),
    [499, 499],
  );
});

const post = (headers: string, body: string) => `POST / HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;
const CHUNKED = 'Transfer-Encoding: chunked';

for (const [what, text, status] of [
  ['a chunk that is none', post(CHUNKED, 'zz\r\n'), 400],
  ['a chunk with endless extensions', post(CHUNKED, `1;${'x'.repeat(20_000)}\r\n`), 413],
  ['a trailer without end', post(CHUNKED, `0\r\nX: ${'x'.repeat(20_000)}\r\n`), 431],
  ['a body that does not come in time', post('Content-Length: 10', 'abc'), 408],
  ['garbage behind a request', `${get('/')}garbage\r\n\r\n`, 400],
] as const) {
  test(`${what} is answered by Node, with ${status}`, async () => {
    const agent = new RecordingAgent();
    cleanups.push(http.start(agent));
    const server = createServer({ requestTimeout: 0, headersTimeout: 0, connectionsCheckingInterval: 10 });
    server.on('request', (request) => {
      request.resume();
      if (status === 408) server.requestTimeout = 20; // From now on: it has to get here.
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanups.push(() => stop(server));
    assert.match(await exchange(portOf(server), text, 1), new RegExp(`^HTTP/1.1 ${status} `));
    await until(() => agent.events.length === 1);
    assert.equal((agent.events[0] as RequestEvent).statusCode, status);
  });
}

test('a client that leaves in the midst of a body is gone', async () => {
  const { events, port } = await serve((request) => request.resume());
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(post('Content-Length: 10', 'abc'), () => socket.destroy());
  await until(() => events.length === 1);
  assert.equal(events[0]?.statusCode, 499);
});

test('what is open when the process ends is unfinished, with the status that was sent', async () => {
  let open = 0;
  const { agent, events, port } = await serve((request, response) => {
    open++;
    if (request.url === '/streams') response.write('abc');
    if (request.url === '/done') response.end('done');
  });
  await exchange(port, get('/done'), 1);
  await until(() => events.length === 1);
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  socket.write(get('/hangs') + get('/pipelined'));
  await exchange(port, get('/streams'), 1);
  await until(() => open === 4);
  agent.end();
  const told = events
    .slice(1)
    .map(({ statusCode, outcome, responseBytes }) => [statusCode, outcome, responseBytes]);
  assert.deepEqual(told.slice(0, 2), new Array(2).fill([0, 'unfinished', 0]));
  assert.deepEqual(told[2]?.slice(0, 2), [200, 'unfinished']);
  assert.equal(events[0]?.outcome, undefined);
  assert.equal(new Set(events.map(({ traceId }) => traceId)).size, 4);
  agent.end();
  socket.destroy();
  await tick();
  assert.equal(events.length, 4, 'each comes to an end once');
});

test('work that goes on after the response is in the trace and the span of its request', async () => {
  const works: (WorkContext | undefined)[] = [];
  const { events, port } = await serve((_request, response) => {
    works.push(currentContext());
    response.end();
  });
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  await until(() => events.length === 1);
  const [event] = events;
  const [work] = works;
  assert.ok(event !== undefined && work !== undefined);
  assert.deepEqual([work.traceId, work.spanId], [event.traceId, spanIdOf(event.id)]);
  assert.equal(new WorkContext({ parent: work }).traceId, event.traceId);
});

test('sizes: announced, chunked, none', async () => {
  const { events, port } = await serve((request, response) => {
    if (request.url === '/chunked') response.write('abc');
    if (request.url === '/empty') response.statusCode = 204;
    response.end(request.url === '/empty' ? undefined : 'defg');
  });
  for (const path of ['/plain', '/chunked', '/empty']) {
    await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  }
  await until(() => events.length === 3);
  assert.deepEqual(
    events.map((event) => event.requestBytes),
    [0, 0, 0],
  );
  const [plain, chunked, empty] = events.map((event) => event.responseBytes ?? -1);
  assert.deepEqual([plain, empty], [4, 0]);
  // Seven bytes and the framing of two chunks and the last one.
  assert.ok(chunked !== undefined && chunked >= 7 && chunked <= 7 + 3 * 8, String(chunked));
});

test('sizes on one connection are those of each response, whatever went before', async () => {
  const { events, port } = await serve((request, response) => {
    if (request.url?.endsWith('hinted')) {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.writeProcessing();
    }
    if (request.url?.startsWith('/chunked')) response.write('abc');
    if (request.url === '/empty') response.statusCode = 204;
    response.end(request.url === '/empty' ? undefined : 'defg');
  });
  const socket = connect(port, '127.0.0.1');
  const ask = async (path: string, headers = '') => {
    const before = events.length;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
    await until(() => events.length > before);
    return events.at(-1)?.responseBytes;
  };
  socket.resume();
  const chunked = await ask('/chunked');
  assert.equal(await ask('/plain'), 4);
  assert.equal(await ask('/chunked'), chunked);
  assert.equal(await ask('/empty'), 0);
  for (const headers of ['Expect: 100-continue\r\n', '']) {
    assert.equal(await ask('/plain', headers), 4);
    assert.equal(await ask('/chunked', headers), chunked);
  }
  for (const path of ['/plain-hinted', '/chunked-hinted']) {
    assert.equal(await ask(path), path.startsWith('/plain') ? 4 : chunked, path);
    assert.equal(await ask('/plain'), 4);
    assert.equal(await ask('/chunked'), chunked);
  }
  socket.destroy();
});

test('callbacks of a late body run as part of their request, custom events too', async () => {
  const seen: (string | undefined)[] = [];
  const { events, port } = await serve((request, response) => {
    const work = currentContext();
    const inner = new WorkContext({ parent: work });
    request.on('inner', () => seen.push(currentContext() === inner ? 'inner' : 'another context'));
    for (const name of ['data', 'end', 'custom']) {
      request.on(name, () => seen.push(currentContext() === work ? name : 'another context'));
    }
    request.on('end', () => {
      request.emit('custom');
      runInContext(inner, () => request.emit('inner'));
      response.end();
    });
  });
  const socket = connect(port, '127.0.0.1');
  cleanups.push(() => socket.destroy());
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  await tick();
  socket.write('3\r\nabc\r\n0\r\n\r\n');
  await until(() => events.length === 1);
  assert.deepEqual(seen, ['data', 'end', 'custom', 'inner']);
  assert.equal(events[0]?.requestBytes, null);
});

test('an agent or resolver that throws harms no request and is warned about', async () => {
  class ThrowingAgent extends RecordingAgent {
    override emit(): void {
      throw new Error('on purpose');
    }
  }
  const agent = new ThrowingAgent();
  const { port } = await serve((_request, response) => response.end('fine'), agent);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'fine');
  cleanups.push(
    addRouteResolver(() => {
      throw new Error('on purpose');
    }),
  );
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'fine');
  await until(() => agent.warnings.length > 0);
});

test('after undo nothing is observed, not even the end of what was under way', async () => {
  const agent = new RecordingAgent();
  const undo = http.start(agent);
  const server = await listening((request, response) => {
    if (request.url === '/answered') response.end('fine');
  });
  cleanups.push(() => stop(server));
  const socket = connect(portOf(server), '127.0.0.1').on('error', () => {});
  socket.write(get('/hang'));
  const [request] = await once(server, 'request');
  const served: Socket = request.socket;
  const closed = once(served, 'close');
  undo();
  socket.destroy();
  await closed;
  await exchange(portOf(server), get('/answered'), 1);
  assert.deepEqual(agent.events, []);
});

test('the scheme is what the client spoke: to this server, or to the proxy that says so', async () => {
  const { agent, events, port } = await serve((_request, response) => response.end());
  const forwarded = (proto: string) => `GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: ${proto}\r\n\r\n`;
  await exchange(port, get('/') + forwarded('http') + forwarded('https') + forwarded('https, http'), 4);
  const pem = (name: string) => readFileSync(join(TLS, `${name}.pem`));
  const secure = createSecureServer({ key: pem('server-key'), cert: pem('server') }, (_request, response) =>
    response.end(),
  );
  cleanups.push(() => stop(secure));
  await once(secure.listen(0, '127.0.0.1'), 'listening');
  const request = askSecure({ port: portOf(secure), host: '127.0.0.1', rejectUnauthorized: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  await until(() => agent.events.length === 5);
  assert.deepEqual(
    events.map(({ scheme }) => scheme),
    [undefined, undefined, 'https', 'https', 'https'],
  );
});
