import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { CLIENT_CLOSED_REQUEST, knownMethod, type RouteBound, STATIC_ROUTE } from '../../core/http/served.ts';
import { UNFINISHED } from '../../core/signals/request.ts';
import { type Milliseconds, milliseconds } from '../../core/units.ts';
import { currentContext, enterContext, runInContext, WorkContext } from '../context/context.ts';
import type { Identity } from '../context/identity.ts';
import { isOwnTraffic } from '../context/own-traffic.ts';
import { callerIn } from '../context/traceparent.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { listening, undoable } from '../modules/undoable.ts';
import { informedBytes, watchInformed } from './informed.ts';
import { routesOf } from './routes.ts';

/** What Node publishes on `http.server.request.start` and `http.server.response.finish`. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
}

/** Finds the template of the route that served a request, where the framework leaves a trace of it on the request. */
export type RouteResolver = (request: IncomingMessage) => string | undefined;

/** Replaced, never changed: one may go while it is asked. */
let resolvers: readonly RouteResolver[] = [];

/**
 * Adds a way to find routes; asked once per request, at its end, when no framework has set `WorkContext.route`. Costs every
 * request of every app, so it is to be added when its framework is loaded; of several copies of that it is asked once.
 */
export function addRouteResolver(resolver: RouteResolver): () => void {
  resolvers = [...new Set([...resolvers, resolver])];
  return undoable(() => {
    resolvers = resolvers.filter((other) => other !== resolver);
  });
}

/** One request being served. */
class ServedRequest {
  readonly work: WorkContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly startedMs: Milliseconds;
  /** Bytes the connection had sent before; -1 when an earlier response was still being sent. */
  readonly bytesBefore: number;

  constructor(exchange: Exchange, startedMs: Milliseconds, bytesBefore: number) {
    const { headers } = exchange.request;
    this.work = WorkContext.ofRequest(callerIn(headers), headers);
    this.request = exchange.request;
    this.response = exchange.response;
    this.startedMs = startedMs;
    this.bytesBefore = bytesBefore;
  }
}

/** What is going on on one connection: more than one request only when the client pipelines. */
interface Connection {
  readonly observer: HttpObserver;
  readonly socket: Socket;
  readonly open: ServedRequest[];
  /** Bytes sent, as the sizes of its responses say; -1 when one of them does not. Asking the socket costs several times more. */
  sentBytes: number;
}

/** What Node answers by itself, without a response, who is too slow or speaks no HTTP (`socketOnError` of `_http_server`); 400 to all else. */
const ANSWERED_BY_NODE: ReadonlyMap<string, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['HPE_HEADER_OVERFLOW', 431],
]);
const PARSE_ERROR = 'HPE_';
/** The client has left, or says no more. */
const ENDED_WITHIN_BODY = 'HPE_INVALID_EOF_STATE';

/** Connections whose requests are known when the process ends; at the bound the oldest is forgotten. */
const CONNECTIONS_MAX = 20_000;

const CONNECTION = Symbol('nervecenter.connection');
type ObservedSocket = Socket & { [CONNECTION]?: Connection };

/**
 * Makes one event of every request. Its state hangs on the socket: one `close` listener per connection sees every abort,
 * where a listener per response would cost on every request.
 */
class HttpObserver {
  readonly #agent: Agent;
  readonly #identity: Identity;
  readonly #routes: RouteBound;
  /** Those of the servers; each leaves with its `close`. */
  readonly #connections = new Set<Connection>();
  /** Runs something as part of no work, neither ours nor the app's. */
  readonly #outside = AsyncLocalStorage.snapshot();
  /** There once there is a request: `node:http` is loaded by then. */
  #unwatchInformed: (() => void) | null = null;
  #stopped = false;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#routes = routesOf(agent);
    this.#identity = agent.identity;
  }

  stop(): void {
    this.#stopped = true;
    this.#unwatchInformed?.();
  }

  started(exchange: Exchange): void {
    this.#unwatchInformed ??= watchInformed();
    const { request, socket } = exchange;
    const connection = this.#connectionOf(socket);
    const bytesBefore = connection.open.length === 0 ? sentBefore(connection) : -1;
    const served = new ServedRequest(exchange, this.#agent.clock.monotonicMs(), bytesBefore);
    connection.open.push(served);
    enterContext(served.work);
    if (this.#identity.isKnown) identifyUser(this.#identity, request, served.work);
    if (hasBody(request)) bindEvents(request, served.work);
  }

  finished({ response, socket }: Exchange): void {
    const connection = (socket as ObservedSocket)[CONNECTION];
    if (connection === undefined) return;
    const { open } = connection;
    const at = open[0]?.response === response ? 0 : open.findIndex((served) => served.response === response);
    const served = open[at];
    if (served === undefined) return;
    if (open.length === 1) open.pop();
    else open.splice(at, 1);
    connection.sentBytes = sentAfter(served);
    this.#emit(served, response.statusCode, responseBytes(served, socket));
  }

  /** The process ends: what is still open has no other end to wait for. */
  ended(): void {
    // What ends the process may do so in a span of the app's. It is that of its own request alone.
    void currentContext()?.event?.traceId;
    this.#outside(() => {
      for (const connection of this.#connections) {
        for (const served of connection.open.splice(0))
          guarded(this.#agent, () => this.#unfinished(served, connection.socket));
      }
    });
  }

  #unfinished(served: ServedRequest, socket: Socket): void {
    const { headersSent, statusCode, writableEnded } = served.response;
    // The app has ended it and the system has all of it, only Node has not said so yet.
    if (writableEnded && socket.writableLength === 0)
      this.#emit(served, statusCode, responseBytes(served, socket));
    else
      this.#emit(
        served,
        headersSent ? statusCode : 0,
        headersSent ? sentBytes(served, socket) : 0,
        UNFINISHED,
      );
  }

  #aborted(connection: Connection, socket: Socket): void {
    this.#connections.delete(connection);
    for (const served of connection.open.splice(0)) {
      const { headersSent, statusCode } = served.response;
      const bytes = headersSent ? sentBytes(served, socket) : 0;
      this.#emit(served, headersSent ? statusCode : closedStatus(socket), bytes);
    }
  }

  #connectionOf(socket: ObservedSocket): Connection {
    const known = socket[CONNECTION];
    if (known !== undefined && known.observer === this) return known;
    const connection: Connection = { observer: this, socket, open: [], sentBytes: -1 };
    socket[CONNECTION] = connection;
    this.#remember(connection);
    socket.once('close', () => {
      guarded(this.#agent, () => this.#aborted(connection, socket));
    });
    return connection;
  }

  #remember(connection: Connection): void {
    if (this.#connections.size >= CONNECTIONS_MAX) {
      const [oldest] = this.#connections;
      if (oldest !== undefined) this.#connections.delete(oldest);
      this.#agent.gaveUp('connections_full');
    }
    this.#connections.add(connection);
  }

  #emit(served: ServedRequest, statusCode: number, bytes: number | null, outcome?: typeof UNFINISHED): void {
    if (this.#stopped || isOwnTraffic(served.request)) return;
    const { work, request } = served;
    const { clock } = this.#agent;
    const user = work.user;
    const timeMs = clock.epochMs();
    const { knownEventId: id, knownTraceId: traceId } = work;
    this.#agent.emitRequest({
      id,
      timeMs,
      traceId,
      seed: id === undefined || traceId === undefined ? work.seedOf(timeMs) : undefined,
      userEmail: user?.email ?? null,
      department: user?.department ?? null,
      parentSpanId: work.parentSpanId,
      sampled: work.sampled,
      route: this.#routes.bound(work.route ?? resolveRoute(served)),
      method: knownMethod(request.method),
      statusCode,
      durationMs: milliseconds(clock.monotonicMs() - served.startedMs),
      requestBytes: requestBytes(request),
      responseBytes: bytes,
      scheme: isEncrypted(request) ? 'https' : undefined,
      outcome,
    });
  }
}

/** Of a request without a response whose connection is closed: what Node has answered itself, or that the client has left. */
function closedStatus({ errored }: Socket): number {
  const { code = '' } = (errored ?? {}) as NodeJS.ErrnoException;
  if (code === ENDED_WITHIN_BODY) return CLIENT_CLOSED_REQUEST;
  return ANSWERED_BY_NODE.get(code) ?? (code.startsWith(PARSE_ERROR) ? 400 : CLIENT_CLOSED_REQUEST);
}

/** Whether the client spoke TLS: to this server, or to the proxy in front of it that says so. */
function isEncrypted({ headers, socket }: IncomingMessage): boolean {
  if ((socket as Partial<TLSSocket>).encrypted === true) return true;
  const forwarded = headers['x-forwarded-proto'];
  // The client's own comes first, then those between proxies.
  return typeof forwarded === 'string' && forwarded.startsWith('https');
}

function identifyUser(identity: Identity, request: IncomingMessage, work: WorkContext): void {
  const user = identity.userOf(request);
  if (user !== undefined) work.setUser(user);
}

function resolveRoute({ request, response }: ServedRequest): string | undefined {
  for (const resolve of resolvers) {
    const route = resolve(request);
    if (route !== undefined) return route;
  }
  return isFile(request, response) ? STATIC_ROUTE : undefined;
}

const FILE_STATUSES: ReadonlySet<number> = new Set([200, 206, 304]);

/** What Node writes itself is shorter, and with a file's type longer: to read a header costs more than all else that is asked here. */
const FILE_HEADER_LENGTH_MIN = 130;

/** What servers of files say of one, those of Express, Next.js, React Router and SvelteKit among them. */
const OF_FILE = /^accept-ranges: *bytes\r$/im;

function isFile({ method }: IncomingMessage, response: ServerResponse): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || !FILE_STATUSES.has(response.statusCode)) return false;
  const { _header } = response as ResponseInternals;
  // Looked for in full only where a part of it is there: most responses have none.
  return (
    typeof _header === 'string' &&
    _header.length >= FILE_HEADER_LENGTH_MIN &&
    (_header.includes('ept-R') || _header.includes('ept-r')) &&
    OF_FILE.test(_header)
  );
}

function hasBody(request: IncomingMessage): boolean {
  const { headers } = request;
  const length = headers['content-length'];
  return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined;
}

/**
 * A body that arrives after the headers is announced from the connection's own asynchronous context: without this,
 * `request.on('end', handler)` would run as part of no request (Node 24).
 */
function bindEvents(request: IncomingMessage, work: WorkContext): void {
  const emit = request.emit;
  request.emit = function emitInContext(this: IncomingMessage, ...args: Parameters<typeof emit>): boolean {
    if (currentContext()?.root === work) return emit.apply(this, args);
    return runInContext(work, () => emit.apply(this, args));
  } as typeof emit;
}

/** Size of the request's body as announced; `null` when it comes in chunks. */
function requestBytes({ headers }: IncomingMessage): number | null {
  const length = headers['content-length'];
  if (length !== undefined) return /^\d{1,15}$/.test(length) ? Number(length) : null;
  return headers['transfer-encoding'] === undefined ? 0 : null;
}

/** Fields Node keeps on every response: whether it may have a body, its size once known, its header as sent. */
interface ResponseInternals {
  readonly _hasBody?: unknown;
  readonly _contentLength?: unknown;
  readonly _header?: unknown;
}

/** Bytes that a connection has sent whose responses are all complete. */
function sentBefore({ sentBytes, socket }: Connection): number {
  return sentBytes < 0 ? socket.bytesWritten : sentBytes;
}

/** The same once a response is complete; -1 when that has to be asked. */
function sentAfter({ response, bytesBefore }: ServedRequest): number {
  const { _hasBody, _contentLength, _header } = response as ResponseInternals;
  const length = _hasBody === false ? 0 : _contentLength;
  if (bytesBefore < 0 || typeof _header !== 'string' || typeof length !== 'number') return -1;
  return bytesBefore + informedBytes(response) + _header.length + length;
}

/** Size of a complete response's body. */
function responseBytes(served: ServedRequest, socket: Socket): number | null {
  const { _hasBody, _contentLength } = served.response as ResponseInternals;
  if (_hasBody === false) return 0;
  return typeof _contentLength === 'number' ? _contentLength : sentBytes(served, socket);
}

/** What went out for this response besides its header; a chunked body includes some bytes of framing per chunk. */
function sentBytes(served: ServedRequest, socket: Socket): number | null {
  const { _header } = served.response as ResponseInternals;
  const sent = socket.bytesWritten - served.bytesBefore;
  if (served.bytesBefore < 0 || typeof _header !== 'string' || !Number.isFinite(sent)) return null;
  return Math.max(0, sent - informedBytes(served.response) - _header.length);
}

/** What a channel's subscriber throws becomes an uncaught exception of the app: it must never. */
function guarded(agent: Agent, observe: () => void): void {
  try {
    observe();
  } catch (error) {
    agent.failed('http', 'a request could not be observed', error);
  }
}

/** Requests served by `node:http` and `node:https`, and by every framework on top of them. */
export const http: Instrumentation = {
  name: 'http',
  start(agent) {
    const observer = new HttpObserver(agent);
    const forget = agent.beforeEnd(() => observer.ended());
    const started = (message: unknown) => guarded(agent, () => observer.started(message as Exchange));
    const finished = (message: unknown) => guarded(agent, () => observer.finished(message as Exchange));
    const undos = [
      listening('http.server.request.start', started),
      listening('http.server.response.finish', finished),
    ];
    return () => {
      for (const undo of undos) undo();
      forget();
      observer.stop();
    };
  },
};
