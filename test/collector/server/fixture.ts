import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { LiveStore } from '../../../src/collector/live/store.ts';
import type { MetricFamily } from '../../../src/collector/metric-family.ts';
import {
  type CollectorServer,
  createCollectorServer,
  type ServerSources,
} from '../../../src/collector/server/server.ts';
import type { TlsIdentity } from '../../../src/collector/tls/identity.ts';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { AccessRegister } from '../../../src/core/access/register.ts';
import type { Health, Snapshot } from '../../../src/core/snapshot.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';

export const TOKEN = 'a-token-of-sufficient-length';
export const OLD_TOKEN = 'the-token-before+rotation/100%';

export const SNAPSHOT = {
  schema_version: 1,
  seq: 7,
  service: 'test',
  system: { cpu_percent: 12.5 },
  rag: { total_queries: 3 },
  cache: { rag_hits: 2 },
  llm: { total_requests: 4 },
} as unknown as Snapshot;

const WINDOW_MS = 300_000;

export const HEALTH: Health = {
  status: 'healthy',
  issues: [],
  uptime_seconds: 10,
  ws_connections: 0,
  timestamp: '2026-11-22T10:00:00.000Z',
};

export interface TestServer {
  readonly server: CollectorServer;
  readonly url: string;
  readonly port: number;
  readonly logs: string[];
  readonly send: (path: string, options?: RequestOptions) => Promise<Answer>;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: () => Record<string, unknown>;
}

export interface ServerSetup {
  readonly env?: Readonly<Record<string, string>>;
  readonly sources?: Partial<ServerSources>;
  /** @default [TOKEN, OLD_TOKEN] */
  readonly adminTokens?: readonly string[];
  /** @default one that nobody keeps */
  readonly register?: AccessRegister;
  /** File contents by path below the assets directory; none: the directory does not exist. */
  readonly assets?: Readonly<Record<string, string | Buffer>>;
  readonly tls?: TlsIdentity;
}

export const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

/** Sources over a fixed snapshot, for the parts a test does not care about. */
export function sourcesOver(overrides: Partial<ServerSources> = {}): ServerSources {
  return {
    snapshot: () => SNAPSHOT,
    latestSnapshotJson: () => JSON.stringify(SNAPSHOT),
    health: () => HEALTH,
    metricFamilies: () => [],
    ...overrides,
  };
}

export function configOf(env: Readonly<Record<string, string>> = {}): Config {
  return readConfig({ NERVECENTER_PORT: '0', ...env }, tmpdir());
}

/** What the server's own instruments say, as the collector's live view gives it to `/metrics`. */
function familiesOf(own: DeltaMeterProvider): Iterable<MetricFamily> {
  const store = new LiveStore(milliseconds(WINDOW_MS));
  store.merge('', { points: new SnapshotReader([own]).collectNow() }, Date.now());
  return store.families();
}

/** A running server on a free port; it stops with the test. */
export async function startServer(
  test: Pick<TestContext, 'onTestFinished'>,
  setup: ServerSetup = {},
): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'nervecenter-server-'));
  const assetsDir = join(directory, 'dashboard');
  for (const [path, content] of Object.entries(setup.assets ?? {})) {
    mkdirSync(join(assetsDir, path, '..'), { recursive: true });
    writeFileSync(join(assetsDir, path), content);
  }
  const logs: string[] = [];
  const own = new DeltaMeterProvider();
  const meter = own.getMeter();
  const server = createCollectorServer({
    config: configOf(setup.env),
    adminTokens: setup.adminTokens ?? [TOKEN, OLD_TOKEN],
    register: setup.register ?? new AccessRegister(),
    sources: sourcesOver({ metricFamilies: () => familiesOf(own), ...setup.sources }),
    meter,
    assetsDir,
    tls: setup.tls ?? null,
    log: (component, message) => logs.push(`${component}: ${message}`),
  });
  test.onTestFinished(async () => {
    await server.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });
  const { url, port } = await server.start();
  const send = (path: string, options: RequestOptions = {}) => sendRequest(port, path, options);
  return { server, url, port, logs, send };
}

/** One request exactly as given: unlike `fetch`, this sends any Host and Origin. */
export function sendRequest(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          resolve({ status, headers: response.headers, text, json: () => JSON.parse(text) });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Sends bytes over a bare socket and gives everything that comes back until the server closes. */
export function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    // A reset is a way to be refused, too.
    socket.on('error', () => resolve(received));
    socket.on('close', () => resolve(received));
  });
}

/** The head of an upgrade request to the stream. */
export function upgradeHead(headers: Readonly<Record<string, string>>, path = '/api/metrics/stream'): string {
  const lines = Object.entries({
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Logs in as a browser does and gives the cookie to send from then on. */
export async function logIn({ port, send }: TestServer, token = TOKEN): Promise<string> {
  const headers = { origin: `http://127.0.0.1:${port}`, 'content-type': 'application/json' };
  const answer = await send('/login', { method: 'POST', headers, body: JSON.stringify({ token }) });
  return answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}
