import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'vitest';
import { type AgentHandle, publishHandle } from '../../../src/agent/api/handle.ts';
import { currentContext, type User } from '../../../src/agent/context/context.ts';
import { type IdentifyUser, Identity } from '../../../src/agent/context/identity.ts';
import { http } from '../../../src/agent/http/server.ts';
import { ws } from '../../../src/agent/websocket/server.ts';
import type { RequestEvent, WsSessionEvent } from '../../../src/core/event.ts';
import type { UserHeaders } from '../../../src/core/user-headers.ts';
import { identifyUser } from '../../../src/index.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

const HEADERS: UserHeaders = { email: 'x-user-email', department: 'x-user-department' };
const ADA = { email: 'ada@example.com', department: 'research' };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function identityOf(headers: UserHeaders | null) {
  const agent = new RecordingAgent();
  const identity = new Identity(headers, (key) => agent.warnOnce(key));
  return { agent: Object.assign(agent, { identity }), identity };
}

/** Who a request with these headers is for. */
function userOf(identity: Identity, headers: Record<string, string>): User | undefined {
  return identity.userOf({ headers } as unknown as IncomingMessage);
}

test('with neither headers nor function nobody is known, whatever a client sends', () => {
  const { identity } = identityOf(null);
  assert.equal(identity.isKnown, false);
  assert.equal(userOf(identity, { 'x-user-email': ADA.email }), undefined);
});

test('the named headers tell, cleaned and bounded', () => {
  const { identity } = identityOf(HEADERS);
  const both = { 'x-user-email': ADA.email, 'x-user-department': ' research\u0007 ' };
  assert.deepEqual(userOf(identity, both), ADA);
  assert.deepEqual(userOf(identity, { 'x-user-department': 'd'.repeat(1000) }), {
    email: undefined,
    department: 'd'.repeat(50),
  });
  const utf8 = Buffer.from('Einkauf Süd').toString('latin1');
  assert.equal(userOf(identity, { 'x-user-department': utf8 })?.department, 'Einkauf Süd');
  assert.equal(userOf(identity, { 'x-user-department': 'S\xFCd' })?.department, 'Süd');
  assert.equal(userOf(identity, { 'x-user-email': ' ' }), undefined);
});

test('a header that came twice is not believed: one of the two may be the client’s own', () => {
  const { identity } = identityOf(HEADERS);
  assert.equal(userOf(identity, { 'x-user-email': 'eve@example.com, ada@example.com' }), undefined);
  assert.equal(userOf(identity, { 'x-user-department': 'sales, research' }), undefined);
  assert.equal(userOf(identity, { 'x-user-department': `${'s'.repeat(100)}, research` }), undefined);
});

test('the app’s function wins over the headers, even where it knows nobody', () => {
  const { identity } = identityOf(HEADERS);
  identity.use(({ headers }) => (headers['authorization'] === 'good' ? ADA : undefined));
  assert.deepEqual(userOf(identity, { authorization: 'good', 'x-user-email': 'eve@example.com' }), ADA);
  assert.equal(userOf(identity, { 'x-user-email': 'eve@example.com' }), undefined);
});

test('a function that throws, is asynchronous or answers nonsense costs the app nothing', async () => {
  const { agent, identity } = identityOf(null);
  const functions = [
    () => {
      throw new Error('the app’s own');
    },
    async () => {
      throw new Error('the app’s own');
    },
    () => ({ email: 42, department: {} }),
    () => 'ada',
    () => null,
  ];
  for (const identify of functions) {
    identity.use(identify as unknown as IdentifyUser);
    assert.equal(userOf(identity, {}), undefined);
  }
  identity.use('ada' as unknown as IdentifyUser);
  assert.deepEqual(agent.warnings, ['identifyUser']);
});

test('a request has its user from its beginning, asked once, and setUser has the last word', async () => {
  const { agent, identity } = identityOf(null);
  let asked = 0;
  identity.use((incoming) => {
    asked++;
    return { email: `${incoming.url?.slice(1)}@example.com` };
  });
  cleanups.push(http.start(agent));
  const seen: unknown[] = [];
  const server = createServer((incoming, response) => {
    seen.push(currentContext()?.user?.email);
    if (incoming.url === '/eve') currentContext()?.setUser(ADA);
    response.end();
  }).listen(0, '127.0.0.1');
  cleanups.push(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const path of ['/bob', '/eve']) {
    const [response] = await once(request({ port, path, host: '127.0.0.1' }).end(), 'response');
    response.resume();
  }
  await until(() => agent.events.length === 2);
  assert.deepEqual(seen, ['bob@example.com', 'eve@example.com']);
  assert.deepEqual(
    (agent.events as RequestEvent[]).map(({ userEmail }) => userEmail),
    ['bob@example.com', ADA.email],
  );
  assert.equal(asked, 2);
});

test('a WebSocket session has its user too', async () => {
  const { agent } = identityOf(HEADERS);
  cleanups.push(ws.start(agent));
  const library = await import('ws');
  const server = new library.WebSocketServer({ port: 0, host: '127.0.0.1' });
  cleanups.push(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new library.WebSocket(`ws://127.0.0.1:${port}/`, {
    headers: { 'x-user-email': ADA.email, 'x-user-department': ADA.department },
  });
  await once(client, 'open');
  client.close();
  await until(() => agent.events.length === 1);
  const { userEmail, department } = agent.events[0] as WsSessionEvent;
  assert.deepEqual({ email: userEmail, department }, ADA);
});

test('identifyUser hands the function to the agent, and does nothing without one', () => {
  identifyUser(() => ADA);
  const given: IdentifyUser[] = [];
  publishHandle({ identifyUser: (identify: IdentifyUser) => given.push(identify) } as unknown as AgentHandle);
  cleanups.push(() => publishHandle(undefined));
  const identify = () => ADA;
  identifyUser(identify);
  assert.deepEqual(given, [identify]);
});
