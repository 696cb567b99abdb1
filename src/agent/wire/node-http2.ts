import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from 'node:http2';
import { createRequire } from 'node:module';
import { Duplex } from 'node:stream';
import { watchReceived, watchSent } from './bodies.ts';
import { listen } from './channels.ts';
import { endingOf, givenUp } from './ending.ts';
import type { WireRequest } from './exchange.ts';
import type { FollowedExchange, WireHub } from './hub.ts';
import { isUndiciSocket } from './undici.ts';
import { watchMethod } from './watch-method.ts';

interface StreamMessage {
  readonly stream: ClientHttp2Stream;
  readonly headers: IncomingHttpHeaders;
}

/** What `stream.rstCode` is when the server has not refused, broken off or cancelled the stream. */
const NO_ERROR = 0;
/** Code of the error Node destroys waiting streams with when there will be no connection; its cause says why. */
const CANCELLED = 'ERR_HTTP2_STREAM_CANCEL';
/** Code of the error that Node makes of a stream the other side has reset. */
const RESET = 'ERR_HTTP2_STREAM_ERROR';
const PORT = /:(\d+)$/;

/**
 * Source: requests by `node:http2`, which Amazon's SDK uses for Bedrock. As with `node:http`, only streams that somebody is
 * interested in get a function in front of a few of their methods.
 */
export function watchNodeHttp2(hub: WireHub): () => void {
  return publishesStreams(process.versions.node) ? watchChannels(hub) : watchSessions(hub);
}

/** Whether `node:http2` publishes its client's streams on diagnostics channels. */
export function publishesStreams(nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  if (major === 22) return minor >= 18;
  if (major === 24) return minor >= 3;
  return major >= 25;
}

function watchChannels(hub: WireHub): () => void {
  const exchanges = new WeakMap<ClientHttp2Stream, FollowedExchange>();
  return listen<StreamMessage>(hub, {
    'http2.client.stream.created': ({ stream }) => {
      const exchange = follow(hub, stream);
      if (exchange !== undefined) exchanges.set(stream, exchange);
    },
    // Published when the final headers came, before the app hears of them.
    'http2.client.stream.finish': ({ stream, headers }) => {
      const exchange = exchanges.get(stream);
      if (exchange !== undefined) tellHeaders(exchange, headers);
    },
  });
}

/** The way of older versions of Node: their sessions' one method that opens streams. Exported for tests. */
export function watchSessions(hub: WireHub): () => void {
  const prototype = sessionPrototype();
  const { request } = prototype;
  const observed: ClientHttp2Session['request'] = function observed(this: ClientHttp2Session, ...args) {
    const stream = request.apply(this, args);
    try {
      const exchange = follow(hub, stream);
      if (exchange !== undefined) stream.once('response', (headers) => tellHeaders(exchange, headers));
    } catch (error) {
      hub.unreadable(error);
    }
    return stream;
  };
  prototype.request = observed;
  return () => {
    if (prototype.request === observed) prototype.request = request;
  };
}

/** The class is not exported; a session over a stream that leads nowhere has it. */
function sessionPrototype(): ClientHttp2Session {
  const http2 = createRequire(import.meta.url)('node:http2') as typeof import('node:http2');
  const session = http2.connect('http://localhost', {
    createConnection: () => new Duplex({ read() {}, write() {} }),
  });
  session.on('error', () => {});
  session.destroy();
  return Object.getPrototypeOf(session);
}

function tellHeaders(exchange: FollowedExchange, headers: IncomingHttpHeaders): void {
  exchange.headers(Number(headers[':status'] ?? 0), (name) => text(headers[name]));
}

function follow(hub: WireHub, stream: ClientHttp2Stream): FollowedExchange | undefined {
  if (isUndicis(stream)) return undefined;
  const exchange = hub.open(new WireHttp2Request(stream));
  if (exchange === undefined) return undefined;
  watchSent(stream, exchange);
  watchEnd(stream, exchange);
  // A signal that was aborted before has destroyed the stream while it was made.
  if (stream.destroyed) exchange.failed(givenUp(undefined));
  return exchange;
}

/** undici's requests over HTTP/2 are seen as undici's. */
function isUndicis(stream: ClientHttp2Stream): boolean {
  try {
    return stream.session !== undefined && isUndiciSocket(stream.session.socket);
  } catch {
    return false; // A session without a socket: it is being taken down.
  }
}

function watchEnd(stream: ClientHttp2Stream, exchange: FollowedExchange): void {
  watchMethod(exchange, stream, 'close', () => {
    // Node itself closes the streams of a connection it has lost, and those are destroyed next.
    if (isConnected(stream)) exchange.failed(givenUp(undefined));
  });
  watchReceived(stream, exchange, () => {
    if (!stream.destroyed && (stream.rstCode ?? NO_ERROR) === NO_ERROR) exchange.completed();
  });
  watchMethod(exchange, stream, '_destroy', (error: unknown) =>
    exchange.failed(endingOf(reasonOf(stream, error))),
  );
}

function isConnected({ session }: ClientHttp2Stream): boolean {
  try {
    return session?.destroyed === false && !session.socket.destroyed;
  } catch {
    return false;
  }
}

/** Why a stream is destroyed: for a connection that never came about, why it did not. */
function reasonOf(stream: ClientHttp2Stream, error: unknown): unknown {
  if (error instanceof Error) return 'code' in error && error.code === CANCELLED ? error.cause : error;
  return (stream.rstCode ?? NO_ERROR) === NO_ERROR ? error : { code: RESET };
}

class WireHttp2Request implements WireRequest {
  readonly #headers: OutgoingHttpHeaders;
  readonly method: string;
  readonly path: string;

  constructor(stream: ClientHttp2Stream) {
    this.#headers = stream.sentHeaders;
    this.method = this.header(':method') ?? 'GET';
    this.path = this.header(':path') ?? '/';
  }

  get host(): string {
    return this.#authority.replace(PORT, '').toLowerCase();
  }

  get port(): number | undefined {
    const port = PORT.exec(this.#authority)?.[1];
    return port === undefined ? undefined : Number(port);
  }

  get #authority(): string {
    return this.header(':authority') ?? this.header('host') ?? '';
  }

  header(name: string): string | null {
    return text(this.#headers[name]);
  }
}

function text(value: unknown): string | null {
  return value === undefined ? null : String(value);
}
