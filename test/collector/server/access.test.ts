import assert from 'node:assert/strict';
import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { digestOf } from '../../../src/collector/server/login/grants.ts';
import { SESSION_IDLE_MS, Sessions } from '../../../src/collector/server/login/sessions.ts';
import { createRoutes, type RouteSources, STREAM_PATH } from '../../../src/collector/server/routes.ts';
import { emptyStatistics } from '../../../src/collector/server/statistics.ts';
import { AccessRegister } from '../../../src/core/access/register.ts';
import type { AccessToken, Role } from '../../../src/core/access/token.ts';
import { GrpcSender, JSON_TYPE, type Receiver, startReceiver } from '../receivers/otlp/receiver.ts';
import { sendRaw, startServer, type TestServer, TOKEN, upgradeHead } from './fixture.ts';

/**
 * Who may use what, written down here a second time: a route or a method that is added has to be decided on here as well, and
 * one whose role changes by mistake is noticed.
 */
const DECIDED: Readonly<Record<string, 'open' | Role>> = {
  'GET /': 'open',
  'GET /login': 'open',
  'POST /login': 'open',
  'GET /login.js': 'open',
  'GET /login.css': 'open',
  'GET /api/metrics/health': 'open',
  'POST /logout': 'viewer',
  'GET /admin': 'viewer',
  'GET /metrics': 'viewer',
  'GET /api/metrics/snapshot': 'viewer',
  'GET /api/metrics/system': 'viewer',
  'GET /api/metrics/rag': 'viewer',
  'GET /api/metrics/llm': 'viewer',
  'GET /api/metrics/history': 'viewer',
  'GET /api/metrics/events': 'viewer',
  'GET /api/metrics/traces/:trace_id': 'viewer',
  [`GET ${STREAM_PATH}`]: 'viewer',
  'GET /api/metrics/alerts': 'viewer',
  'GET /api/metrics/alerts/events': 'viewer',
  'POST /api/metrics/alerts': 'admin',
  'POST /api/metrics/alerts/remove': 'admin',
  'POST /api/metrics/alerts/silence': 'admin',
  'POST /api/metrics/alerts/test': 'admin',
};
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const ROUTES = createRoutes({ prometheus: 'token' } as RouteSources);
const KEY = 'a-key-of-a-sender-of-otlp';
const [VIEWER, ADMIN, REVOKED] = (['viewer', 'admin', 'revoked'] as const).map(
  (name) => `nc_token-of-${name}`,
);

function named(token: string | undefined, role: Role): AccessToken {
  return { name: role, role, digest: digestOf(token ?? ''), madeMs: 0, usedMs: null };
}

/** One way of asking: what it sends, and who it is by that; `null`: nobody. */
interface Credential {
  readonly name: string;
  readonly role: Role | null;
  headers(): Readonly<Record<string, string>>;
}

let server: TestServer;
let receiver: Receiver;
let calls: string[];
type Context = Pick<TestContext, 'onTestFinished'>;
const cleanups: Parameters<Context['onTestFinished']>[0][] = [];
/** What is started lasts for all tests. */
const context: Context = { onTestFinished: (cleanup) => void cleanups.push(cleanup) };
const register = new AccessRegister();

beforeAll(async () => {
  register.setTokens([named(VIEWER, 'viewer'), named(ADMIN, 'admin')]);
  const answer = (name: string) => () => {
    calls.push(name);
    return {};
  };
  const later = (name: string) => async () => answer(name)();
  const alerts = {
    list: answer('list'),
    events: later('events'),
    save: later('save'),
    remove: later('remove'),
    silence: later('silence'),
    test: later('test'),
  };
  // Every request comes from an address of its own, so that each wrong token is the first of its address.
  const env = { NERVECENTER_PROMETHEUS: 'token', NERVECENTER_TRUSTED_PROXY: '127.0.0.1' };
  const options = { env, adminTokens: [TOKEN], register, sources: { alerts } };
  server = await startServer(context, options);
  receiver = await startReceiver(context, { keys: [{ name: 'shop', key: KEY }] });
});
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await (cleanup as () => unknown)();
});

/** The cookie of a session of its own. */
function cookie(tokenId: string | null, ageMs = 0): { readonly cookie: string } {
  const made = { tokens: [TOKEN], register, statistics: emptyStatistics() };
  const sessions = new Sessions({ ...made, now: () => Date.now() - ageMs });
  const value = sessions.encode(sessions.open({ key: 0, tokenId }, false));
  return { cookie: `nervecenter_session_${server.port}=${value}` };
}

let ended: Promise<{ readonly cookie: string }> | null = null;
/** Once for all: a token ends few sessions a second. */
const loggedOut = () => {
  ended ??= logOut();
  return ended;
};

async function logOut(): Promise<{ readonly cookie: string }> {
  const sent = cookie(null);
  const origin = server.url;
  const { status } = await server.send('/logout', { method: 'POST', headers: { ...sent, origin } });
  assert.equal(status, 204);
  return sent;
}

let count = 0;
const idOf = (token: string | undefined) => digestOf(token ?? '').slice(0, 18);
const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` });

/** @param ended the cookie of a session that was logged out. */
function credentials(ended: { readonly cookie: string }): Credential[] {
  return [
    { name: 'nothing', role: null, headers: () => ({}) },
    { name: 'a wrong token', role: null, headers: () => bearer(`wrong-${count++}`) },
    { name: 'a key of OTLP', role: null, headers: () => bearer(KEY) },
    { name: 'a revoked token', role: null, headers: () => bearer(REVOKED) },
    { name: 'a session that expired', role: null, headers: () => cookie(null, SESSION_IDLE_MS + 1) },
    { name: 'a session that was logged out', role: null, headers: () => ended },
    { name: 'a session of a revoked token', role: null, headers: () => cookie(idOf(REVOKED)) },
    { name: 'a session by another name', role: null, headers: () => ({ cookie: `x${cookie(null).cookie}` }) },
    { name: "a viewer's token", role: 'viewer', headers: () => bearer(VIEWER) },
    { name: "a viewer's session", role: 'viewer', headers: () => cookie(idOf(VIEWER)) },
    { name: 'a named admin token', role: 'admin', headers: () => bearer(ADMIN) },
    { name: 'its session', role: 'admin', headers: () => cookie(idOf(ADMIN)) },
    { name: 'the admin token', role: 'admin', headers: () => bearer(TOKEN) },
    { name: "an admin's session", role: 'admin', headers: () => cookie(null) },
  ];
}

/** Of the server of its own address: the same wrong credential is looked at a few times only, wherever it comes from. */
function headersOf(credential: Credential): Record<string, string> {
  count++;
  const address = `192.0.${(count >> 8) % 256}.${count % 256}`;
  return { origin: server.url, 'x-forwarded-for': address, ...credential.headers() };
}

const REFUSED = [401, 429];

describe('every route and method', () => {
  it('is decided on', () => {
    const made = [...ROUTES].flatMap(([path, { methods }]) =>
      Object.entries(methods).map(([method, { access }]) => [`${method} ${path}`, access]),
    );
    assert.deepEqual(Object.fromEntries(made), DECIDED);
  });

  const paths = [
    ...[...ROUTES.keys()].map((route) => ({ route, path: route.replace(':trace_id', 'ab'.repeat(16)) })),
    ...['/admin/', '/admin/system', '/admin/assets/x.js'].map((path) => ({ route: '/admin', path })),
    ...['/nope', '/api/metrics', '/admin2', '/api/metrics/alerts/', '/v1/traces', '//login'].map((path) => ({
      route: null,
      path,
    })),
  ];
  for (const { route, path } of paths) {
    it(`lets nobody else pass: ${path}`, async () => {
      const all = credentials(await loggedOut());
      for (const method of METHODS) {
        const offered = Object.keys(DECIDED).filter((key) => key.endsWith(` ${route}`));
        const own = DECIDED[`${method === 'HEAD' ? 'GET' : method} ${route}`];
        const anybody = offered.some((key) => DECIDED[key] === 'open');
        for (const credential of all) {
          calls = [];
          const { status } = await server.send(path, { method, headers: headersOf(credential) });
          const what = `${method} ${path} with ${credential.name}: ${status}`;
          const { role } = credential;
          if (own === 'open') assert.ok(![401, 403, 405, 429].includes(status), what);
          else if (own === undefined && anybody) assert.equal(status, 405, what);
          else if (role === null) assert.ok(REFUSED.includes(status), what);
          else if (own === undefined) assert.equal(status, route === null ? 404 : 405, what);
          else if (own === 'admin' && role === 'viewer') assert.equal(status, 403, what);
          else assert.ok(![401, 403, 405, 429].includes(status), what);
          if (role === null || (own === 'admin' && role === 'viewer')) assert.deepEqual(calls, [], what);
        }
      }
    });
  }

  it('says which role is needed', async () => {
    const answer = await server.send('/api/metrics/alerts/test', {
      method: 'POST',
      headers: { origin: server.url, ...bearer(VIEWER) },
    });
    assert.deepEqual([answer.status, answer.json()['code']], [403, 'NC_FORBIDDEN']);
    assert.match(String(answer.json()['detail']), /for the role admin, and yours is viewer/);
  });

  it('tells a dashboard whether its user may change alerts', async () => {
    for (const [token, may] of [
      [VIEWER, false],
      [ADMIN, true],
      [TOKEN, true],
    ] as const) {
      const answer = await server.send('/api/metrics/alerts', { headers: bearer(token) });
      assert.equal(answer.json()['may_change'], may);
    }
  });
});

describe('every upgrade', () => {
  for (const path of [...ROUTES.keys(), '/nope', `${STREAM_PATH}/`, '/admin/system']) {
    it(`lets nobody else pass: ${path}`, async () => {
      for (const credential of credentials(await loggedOut())) {
        const headers = { Host: `127.0.0.1:${server.port}`, ...headersOf(credential) };
        const close = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);
        const sent = Buffer.concat([Buffer.from(upgradeHead(headers, path)), close]);
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(await sendRaw(server.port, sent))?.[1]);
        const what = `${path} with ${credential.name}: ${status}`;
        if (credential.role === null) assert.ok(REFUSED.includes(status), what);
        else assert.equal(status, path === STREAM_PATH ? 101 : 404, what);
      }
    });
  }
});

describe('the listeners of OTLP', () => {
  /** Those of the dashboard are none here. */
  const wrong = () => [
    {},
    { 'x-nervecenter-key': 'wrong' },
    ...[TOKEN, ADMIN, VIEWER, REVOKED, `${KEY}x`].map(bearer),
    cookie(null),
  ];

  for (const path of ['/v1/traces', '/v1/metrics', '/v1/logs', '/', '/v1/nope', '/api/metrics/snapshot']) {
    it(`take nothing without a key: ${path}`, async () => {
      for (const method of METHODS) {
        for (const headers of wrong()) {
          const response = await fetch(`${receiver.http}${path}`, {
            method,
            headers: { ...JSON_TYPE, ...headers },
            ...(['GET', 'HEAD'].includes(method) ? {} : { body: '{}' }),
          });
          assert.ok([401, 403].includes(response.status), `${method} ${path}: ${response.status}`);
        }
      }
      const taken = await receiver.post(path, '{}', { ...JSON_TYPE, ...bearer(KEY) });
      assert.equal(taken.status, /^\/v1\/(traces|metrics|logs)$/.test(path) ? 200 : 404);
    });
  }

  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    it(`take nothing without a key over gRPC: ${signal}`, async (test) => {
      const sender = new GrpcSender(test, receiver.grpc);
      const handed = receiver.received.length;
      for (const headers of wrong()) {
        const { code } = (await sender.send(signal, Buffer.alloc(0), headers)) as ServiceError;
        assert.ok([grpcStatus.UNAUTHENTICATED, grpcStatus.PERMISSION_DENIED].includes(code), String(code));
      }
      assert.equal(receiver.received.length, handed);
      assert.ok(Buffer.isBuffer(await sender.send(signal, Buffer.alloc(0), bearer(KEY))));
    });
  }
});
