import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { fixtureAlerts } from '../../../dashboards/web/src/fixtures/alerts.ts';
import { fixtureEvents } from '../../../dashboards/web/src/fixtures/events.ts';
import { fixtureHistory } from '../../../dashboards/web/src/fixtures/history.ts';
import { fixtureTrace } from '../../../dashboards/web/src/fixtures/traces.ts';
import { LOGIN_HTML, LOGIN_SCRIPT, LOGIN_STYLE } from '../../../src/collector/server/login/login-page.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

const LOGIN: Readonly<Record<string, readonly [string, string]>> = {
  '/login': ['html', LOGIN_HTML],
  '/login.js': ['js', LOGIN_SCRIPT],
  '/login.css': ['css', LOGIN_STYLE],
};

const TRACES = '/api/metrics/traces/';

/** The collector as a browser sees it: the built dashboard, the routes of snapshot and history, and the stream. */
export class FakeCollector {
  snapshot: Snapshot;
  refuseUpgrades = false;
  unauthorized = false;
  /** History answers 503 with problem details. */
  historyIsDown = false;
  /** Measures of which history has no value. */
  silentMeasures: readonly string[] = [];
  /** The fixture that answers the routes of alerts; without one they are not there. */
  alerts: string | null = null;
  /** Whether whoever looks is an admin, who may change alerts. */
  mayChange = true;
  /** What of a snapshot is different when only a service is asked for. */
  services: Readonly<Record<string, Partial<Snapshot>>> = {};
  upgrades = 0;
  /** Answers that were the dashboard's page, and files that were asked for in vain. */
  pagesServed = 0;
  notFound = 0;
  /** The searches of `/api/metrics/history`, oldest first. */
  readonly asked: URLSearchParams[] = [];
  /** The built dashboard; another one is a redeployment. */
  assets: string;
  #server: Server | null = null;
  #sockets = new Map<WebSocket, URLSearchParams>();

  constructor(assets: string, snapshot: Snapshot) {
    this.assets = assets;
    this.snapshot = snapshot;
  }

  /** Listens and returns the port; a restart passes the port of before. */
  async start(port = 0): Promise<number> {
    const server = createServer((request, response) => void this.#answer(request, response));
    const websockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      this.upgrades++;
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      if (this.refuseUpgrades || this.unauthorized || pathname !== '/api/metrics/stream') {
        socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      websockets.handleUpgrade(request, socket, head, (websocket) => this.#attach(websocket, searchParams));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.#server = server;
    return (server.address() as AddressInfo).port;
  }

  /** As a killed process would: every connection is cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    for (const socket of this.#sockets.keys()) socket.terminate();
    this.#sockets.clear();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** The next snapshot of the stream, with `changes` made to it. */
  push(changes: Partial<Snapshot> = {}): void {
    const next = { ...this.snapshot, ...changes };
    this.snapshot = { ...next, seq: next.seq + 1, timestamp: new Date().toISOString() };
    for (const [socket, search] of this.#sockets) socket.send(this.#message(search));
  }

  sendRaw(text: string): void {
    for (const socket of this.#sockets.keys()) socket.send(text);
  }

  get viewers(): number {
    return this.#sockets.size;
  }

  #message(search: URLSearchParams): string {
    return JSON.stringify({ type: 'metrics_snapshot', data: this.#shownTo(search) });
  }

  #attach(socket: WebSocket, search: URLSearchParams): void {
    this.#sockets.set(socket, search);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.send(this.#message(search));
  }

  /** The snapshot with the changes of a service, if one is asked for. */
  #shownTo(search: URLSearchParams): Snapshot {
    const [service, instance] = [search.get('service'), search.get('instance')];
    if (service === null && instance === null) return this.snapshot;
    const senders = this.snapshot.instances;
    const filter = { service, instance, senders, folded: { services: 0, instances: 0 } };
    const instances = senders.filter((sender) => sender.service === service);
    return {
      ...this.snapshot,
      instances,
      filter,
      service: service ?? this.snapshot.service,
      ...this.services[service ?? ''],
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (path === '/api/metrics/history') return this.#answerHistory(searchParams, response);
    if (path.startsWith('/api/metrics/alerts') && this.alerts !== null) {
      response.writeHead(200, { 'content-type': 'application/json' });
      const answer = fixtureAlerts(this.alerts, path, Date.now());
      response.end(JSON.stringify({ ...answer, may_change: this.mayChange }));
      return;
    }
    if (path === '/api/metrics/events') return this.#answerEvents(searchParams, response);
    if (path.startsWith(TRACES)) return this.#answerTrace(path.slice(TRACES.length), response);
    if (path.startsWith('/api/metrics/alerts')) return this.#answerAlerts(path, response);
    if (path === '/api/metrics/snapshot') {
      response.writeHead(this.unauthorized ? 401 : 200, { 'content-type': 'application/json' });
      response.end(this.unauthorized ? '{}' : JSON.stringify(this.#shownTo(searchParams)));
      return;
    }
    const login = LOGIN[path];
    if (login !== undefined) {
      response.writeHead(200, {
        'content-type': TYPES[login[0]],
        'content-security-policy': CONTENT_SECURITY_POLICY,
      });
      response.end(login[1]);
      return;
    }
    const isFile = /^\/admin\/(assets\/|[^/]+\.)/.test(path);
    if (this.unauthorized && !isFile && !(request.headers.accept ?? '').includes('text/html'))
      return void response.writeHead(401).end();
    const file = isFile ? normalize(path).replace(/^\/admin\//, '') : 'index.html';
    try {
      const body = await readFile(join(this.assets, file));
      if (!isFile) this.pagesServed++;
      response.writeHead(200, {
        'content-type': TYPES[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
        'content-security-policy': CONTENT_SECURITY_POLICY,
      });
      response.end(body);
    } catch {
      this.notFound++;
      response.writeHead(404).end();
    }
  }

  #answerAlerts(path: string, response: ServerResponse): void {
    const fixture = this.snapshot.rag.total_queries === 0 ? 'empty' : 'busy';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(fixtureAlerts(fixture, path, Date.now())));
  }

  #answerTrace(traceId: string, response: ServerResponse): void {
    const trace = fixtureTrace(this.snapshot, traceId, Date.now());
    response.writeHead(trace === null ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(trace ?? { status: 404, detail: 'Nothing of this trace is stored.' }));
  }

  #answerEvents(search: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(fixtureEvents(this.snapshot, search, Date.now())));
  }

  #answerHistory(search: URLSearchParams, response: ServerResponse): void {
    this.asked.push(search);
    if (this.historyIsDown) {
      response.writeHead(503, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ status: 503, detail: 'The database is away.' }));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    const answer = fixtureHistory(this.snapshot, search, Date.now());
    const isSilent = this.silentMeasures.includes(answer.measure);
    response.end(JSON.stringify(isSilent ? { ...answer, series: [] } : answer));
  }
}
