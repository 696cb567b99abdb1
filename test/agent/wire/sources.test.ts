import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { H2CClient, ProxyAgent, fetch as undiciFetch } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { WireHub } from '../../../src/agent/wire/hub.ts';
import { publishesStreams, watchSessions } from '../../../src/agent/wire/node-http2.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { fetchClient, http2Client, httpClient } from './clients.ts';
import { type RecordedWire, RecordingObserver, recordWire, sha256 } from './recording-wire.ts';
import { type ScenarioServer, startScenarios, WHOLE } from './scenario-server.ts';

let http1Server: ScenarioServer;
let http2Server: ScenarioServer;
let recorded: RecordedWire;
beforeAll(async () => {
  http1Server = await startScenarios('http1');
  http2Server = await startScenarios('http2');
});
afterAll(async () => {
  await http1Server.close();
  await http2Server.close();
});
beforeEach(() => {
  recorded = recordWire();
});
afterEach(() => recorded.stop());

const URL_OF = () => `${http1Server.url}/observed/json`;

test('requests on one connection, one after the other, are told apart', async () => {
  const client = httpClient();
  const before = http1Server.sockets.size;
  try {
    for (const body of ['first', 'second', 'third']) await client.call({ url: URL_OF(), body });
  } finally {
    client.close();
  }
  assert.equal(http1Server.sockets.size, before + 1);
  assert.deepEqual(
    recorded.exchanges.map(({ sentHash, ends }) => [sentHash, ends]),
    ['first', 'second', 'third'].map((body) => [sha256(body), ['completed']]),
  );
});

test('what is known of a request before it is sent', async () => {
  for (const client of [fetchClient(), httpClient(), http2Client(http2Server.url)]) {
    const { url } = client.protocol === 'http1' ? http1Server : http2Server;
    await client.call({ url: `${url}/observed/json?q=1` });
    client.close();
  }
  for (const { request } of recorded.exchanges) {
    assert.deepEqual([request.host, request.method], ['127.0.0.1', 'POST']);
    assert.ok([http1Server.port, http2Server.port].includes(request.port ?? 0));
    assert.equal(request.path, '/observed/json?q=1');
  }
  assert.deepEqual(
    recorded.exchanges.map(({ request }) => request.header('x-test')),
    [null, '1', '1'],
  );
});

test('a request of undici over HTTP/2 is one exchange', async () => {
  const dispatcher = new H2CClient(http2Server.url);
  try {
    const url = `${http2Server.url}/observed/json`;
    const response = await undiciFetch(url, { method: 'POST', body: '{}', dispatcher });
    assert.equal(sha256(await response.bytes()), sha256(WHOLE['json'] ?? ''));
  } finally {
    await dispatcher.destroy();
  }
  assert.equal(recorded.exchanges.length, 1);
  assert.deepEqual(recorded.exchanges[0]?.ends, ['completed']);
});

test('a request through a proxy is one exchange, with the host it is for', async () => {
  const proxy = await startProxy();
  const dispatcher = new ProxyAgent({ uri: proxy.url, proxyTunnel: false });
  try {
    await (await undiciFetch(URL_OF(), { method: 'POST', body: '{}', dispatcher })).bytes();
    const response = await new Promise<http.IncomingMessage>((resolve) =>
      http.request(proxy.url, { method: 'POST', path: URL_OF() }, resolve).end('{}'),
    );
    response.resume();
    await once(response, 'end');
  } finally {
    await dispatcher.destroy();
    proxy.close();
  }
  // The proxy of this test lives in the same process: its own requests are the second and the fourth.
  assert.equal(recorded.exchanges.length, 4);
  for (const { request, ends, receivedHash } of recorded.exchanges) {
    assert.deepEqual([request.host, request.port], ['127.0.0.1', http1Server.port]);
    assert.deepEqual(
      [request.path, ends, receivedHash],
      ['/observed/json', ['completed'], sha256(WHOLE['json'] ?? '')],
    );
  }
});

/** Forwards requests that name a whole URL. */
async function startProxy() {
  const server = http.createServer((request, response) => {
    const forwarded = http.request(request.url ?? '', { method: request.method ?? 'GET' }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

test('writing after the end, and what cannot be written, fail as ever', async () => {
  const request = http.request(URL_OF(), { method: 'POST' });
  assert.throws(() => request.write(17 as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(request.end('body'), request);
  const [error] = await Promise.all([once(request, 'error'), request.write('late')]);
  assert.equal(error[0].code, 'ERR_STREAM_WRITE_AFTER_END');
  await until(() => recorded.exchanges[0]?.ends.length === 1);
  assert.equal(recorded.exchanges[0]?.sentHash, sha256('body'));
});

test('callbacks, encodings and return values of writes are passed on', async () => {
  const response = await new Promise<http.IncomingMessage>((resolve) => {
    const request = http.request(URL_OF(), { method: 'POST' }, resolve);
    const written = new Promise<void>((done) => {
      assert.equal(
        request.write('e4bda0', 'hex', () => done()),
        true,
      );
    });
    void written.then(() => request.write(new Uint8Array([0x61]), () => request.end('YQ==', 'base64')));
  });
  response.resume();
  await once(response, 'end');
  assert.equal(recorded.exchanges[0]?.sentHash, sha256('你aa'));
  assert.equal(http1Server.bodies.at(-1), sha256('你aa'));
});

test('streams of HTTP/2 are seen where Node publishes none', async () => {
  recorded.stop();
  const hub = new WireHub(new RecordingAgent());
  const observer = new RecordingObserver();
  hub.add(observer);
  const { request } = await sessionPrototype();
  const undo = watchSessions(hub);
  const client = http2Client(http2Server.url);
  try {
    await client.call({ url: `${http2Server.url}/observed/gzip` });
    await client.call({ url: `${http2Server.url}/other/gzip` });
  } finally {
    client.close();
    undo();
  }
  assert.equal((await sessionPrototype()).request, request);
  const [exchange, ...others] = observer.exchanges;
  assert.deepEqual([others.length, exchange?.status, exchange?.ends], [0, 200, ['completed']]);
  assert.equal(exchange?.receivedHash, sha256(WHOLE['gzip'] ?? ''));
  assert.deepEqual(['22.15.0', '22.18.0', '23.11.0', '24.2.0', '24.3.0', '26.0.0'].map(publishesStreams), [
    false,
    true,
    false,
    false,
    true,
    true,
  ]);
});

async function sessionPrototype(): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(http2Server.url);
  await once(session, 'connect');
  session.destroy();
  return Object.getPrototypeOf(session);
}

test('what is under way when observing stops goes on, unobserved', async () => {
  for (const client of [fetchClient(), httpClient(), http2Client(http2Server.url)]) {
    const { url } = client.protocol === 'http1' ? http1Server : http2Server;
    const wire = recordWire();
    const call = client.call({ url: `${url}/observed/chunked` });
    await until(() => wire.exchanges.length === 1);
    wire.stop();
    const { hash } = await call;
    client.close();
    assert.equal(hash, sha256(WHOLE['chunked'] ?? ''));
    assert.deepEqual(wire.exchanges[0]?.ends, ['aborted aborted']);
  }
});
