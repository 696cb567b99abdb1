import type { Agent } from '../instrumentation.ts';
import { undoable } from '../modules/undoable.ts';
import { listen } from './channels.ts';
import { endingOf } from './ending.ts';
import type { WireRequest } from './exchange.ts';
import type { FollowedExchange, WireHub } from './hub.ts';
import { provideBodyChannels } from './undici-dispatcher.ts';

/** What undici tells of a request; `headers` are pairs in version 7 and lines of text in version 6. */
interface UndiciRequest {
  readonly origin: string | URL | null | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers: unknown;
}

interface UndiciMessage {
  readonly request: UndiciRequest;
  readonly chunk: Uint8Array | string;
  readonly response: { readonly statusCode: number; readonly headers: unknown };
  readonly error: unknown;
  readonly socket: { readonly alpnProtocol?: unknown };
}

/** On a socket: what goes through it is seen here, and must not be seen again as a stream of HTTP/2. */
const UNDICI_SOCKET = Symbol('nervecenter.undici-socket');

/** Whether undici uses this socket. */
export function isUndiciSocket(socket: object): boolean {
  return Reflect.get(socket, UNDICI_SOCKET) === true;
}

/**
 * Source: `fetch` and everything else that goes through undici publishes its requests and responses on diagnostics channels.
 * Nothing is patched and nothing of the app's streams is touched. Each attempt of an SDK that retries is an exchange of its
 * own.
 */
export function watchUndici(hub: WireHub, agent: Agent): () => void {
  const restoreDispatcher = undoable(provideBodyChannels(agent));
  const exchanges = new Exchanges();
  const stopListening = listen<UndiciMessage>(hub, {
    'undici:request:create': ({ request }) => {
      const exchange = hub.open(new WireUndiciRequest(request));
      if (exchange !== undefined) exchanges.add(request, exchange);
    },
    'undici:request:bodyChunkSent': ({ request, chunk }) => exchanges.of(request)?.sent(asBuffer(chunk)),
    'undici:request:headers': ({ request, response }) => {
      if (response.statusCode < 200) return; // Informational; the answer is still to come.
      exchanges.of(request)?.headers(response.statusCode, headerReader(response.headers));
    },
    'undici:request:bodyChunkReceived': ({ request, chunk }) =>
      exchanges.of(request)?.received(asBuffer(chunk)),
    'undici:request:trailers': ({ request }) => exchanges.over(request)?.completed(),
    'undici:request:error': ({ request, error }) => exchanges.over(request)?.failed(endingOf(error)),
    'undici:client:connected': ({ socket }) => {
      if (socket.alpnProtocol === 'h2') Object.defineProperty(socket, UNDICI_SOCKET, { value: true });
    },
  });
  return () => {
    stopListening();
    restoreDispatcher();
  };
}

/** The followed requests. The chunks of a stream mostly come in a row: whose the last one was is known without a search. */
class Exchanges {
  readonly #byRequest = new WeakMap<UndiciRequest, FollowedExchange>();
  #lastRequest: UndiciRequest | null = null;
  #last: FollowedExchange | undefined;

  add(request: UndiciRequest, exchange: FollowedExchange): void {
    this.#byRequest.set(request, exchange);
    if (this.#lastRequest === request) this.#last = exchange;
  }

  of(request: UndiciRequest): FollowedExchange | undefined {
    if (request !== this.#lastRequest) {
      this.#last = this.#byRequest.get(request);
      this.#lastRequest = request;
    }
    return this.#last;
  }

  /** The request is over, and is not kept for having been the last. */
  over(request: UndiciRequest): FollowedExchange | undefined {
    const exchange = this.of(request);
    this.#lastRequest = null;
    this.#last = undefined;
    return exchange;
  }
}

class WireUndiciRequest implements WireRequest {
  readonly #request: UndiciRequest;
  readonly method: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;

  constructor(request: UndiciRequest) {
    this.#request = request;
    this.method = request.method;
    // To a proxy the path is the whole URL.
    const url = request.path.startsWith('http') ? URL.parse(request.path) : null;
    const { host, port } = url === null ? originOf(String(request.origin ?? '')) : targetOf(url);
    this.host = host;
    this.port = port;
    this.path = url === null ? request.path : url.pathname + url.search;
  }

  header(name: string): string | null {
    return headerIn(this.#request.headers, name);
  }
}

interface Target {
  readonly host: string;
  readonly port: number | undefined;
}

let lastOrigin = '';
let lastTarget: Target = { host: '', port: undefined };

/** Apps mostly ask the same few origins, and reading a URL is the larger part of looking at a request nobody wants. */
function originOf(origin: string): Target {
  if (origin !== lastOrigin) {
    lastTarget = targetOf(URL.parse(origin));
    lastOrigin = origin;
  }
  return lastTarget;
}

function targetOf(url: URL | null): Target {
  return { host: url?.hostname ?? '', port: url === null || url.port === '' ? undefined : Number(url.port) };
}

function asBuffer(chunk: Uint8Array | string): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Looks headers up by their lower-case name in each of the shapes that undici's versions and protocols use. */
export function headerReader(headers: unknown): (name: string) => string | null {
  return (name) => headerIn(headers, name);
}

function headerIn(headers: unknown, name: string): string | null {
  if (Array.isArray(headers)) return headerInPairs(headers, name);
  if (typeof headers === 'string') return headerInText(headers, name);
  const value: unknown = typeof headers === 'object' && headers !== null ? Reflect.get(headers, name) : null;
  return value === undefined || value === null ? null : String(value);
}

function headerInPairs(pairs: readonly unknown[], name: string): string | null {
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const candidate = pairs[i];
    // Bytes as often as text: only what may be it is made into text.
    if (isOfLength(candidate, name.length) && String(candidate).toLowerCase() === name)
      return String(pairs[i + 1]);
  }
  return null;
}

function isOfLength(name: unknown, length: number): boolean {
  if (typeof name === 'string') return name.length === length;
  return name instanceof Uint8Array && name.length === length;
}

function headerInText(text: string, name: string): string | null {
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return null;
}
