import type { ClientRequest, IncomingMessage } from 'node:http';
import { watchReceived, watchSent } from './bodies.ts';
import { listen } from './channels.ts';
import { brokenBy, givenUp } from './ending.ts';
import type { WireEnding, WireRequest } from './exchange.ts';
import type { FollowedExchange, WireHub } from './hub.ts';
import { watchMethod } from './watch-method.ts';

interface HttpMessage {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  readonly error: unknown;
}

/** A request that is followed, and whether the app has given it up. */
interface Attempt {
  readonly exchange: FollowedExchange;
  givenUp: WireEnding | undefined;
}

/**
 * Source: requests by `node:http` and `node:https`. Diagnostics channels tell of all requests; only of those that somebody
 * is interested in, the request and its response get a function in front of a few methods, each on the object itself.
 */
export function watchNodeHttp(hub: WireHub): () => void {
  const attempts = new WeakMap<ClientRequest, Attempt>();
  return listen<HttpMessage>(hub, {
    'http.client.request.created': ({ request }) => {
      const exchange = hub.open(new WireHttpRequest(request));
      if (exchange !== undefined) attempts.set(request, follow(request, exchange));
    },
    // Published when the final headers came, before the app sees the response.
    'http.client.response.finish': ({ request, response }) => {
      const attempt = attempts.get(request);
      if (attempt !== undefined && !attempt.exchange.closed) receive(response, attempt);
    },
    'http.client.request.error': ({ request, error }) => {
      const attempt = attempts.get(request);
      attempt?.exchange.failed(attempt.givenUp ?? brokenBy(error));
    },
  });
}

function follow(request: ClientRequest, exchange: FollowedExchange): Attempt {
  // A signal that was aborted before has destroyed the request in its constructor.
  const attempt: Attempt = { exchange, givenUp: request.destroyed ? givenUp(undefined) : undefined };
  watchSent(request, exchange);
  // Node itself ends requests by their socket; only the app calls this.
  watchMethod(exchange, request, 'destroy', (reason: unknown) => {
    attempt.givenUp ??= givenUp(reason);
  });
  return attempt;
}

function receive(response: IncomingMessage, attempt: Attempt): void {
  const { exchange } = attempt;
  exchange.headers(response.statusCode ?? 0, (name) => headerOf(response, name));
  watchReceived(response, exchange, () => {
    if (response.complete) exchange.completed();
  });
  watchMethod(exchange, response, '_destroy', (error: unknown) => {
    if (response.complete) return;
    // Where the connection is still there, the app let go of the response.
    const ending = attempt.givenUp ?? (response.socket?.destroyed ? brokenBy(error) : givenUp(error));
    exchange.failed(ending);
  });
}

function headerOf(response: IncomingMessage, name: string): string | null {
  const value = response.headers[name];
  return value === undefined ? null : String(value);
}

class WireHttpRequest implements WireRequest {
  readonly #request: ClientRequest;
  /** To a proxy the path is the whole URL. */
  readonly #url: URL | null;
  readonly method: string;
  readonly host: string;
  readonly path: string;

  constructor(request: ClientRequest) {
    const url = request.path.startsWith('http') ? URL.parse(request.path) : null;
    this.#request = request;
    this.#url = url;
    this.method = request.method;
    this.host = url?.hostname ?? request.host.toLowerCase();
    this.path = url === null ? request.path : url.pathname + url.search;
  }

  /** Node keeps the port only in the `host` header. */
  get port(): number | undefined {
    const port = this.#url?.port ?? /:(\d+)$/.exec(this.header('host') ?? '')?.[1] ?? '';
    return port === '' ? undefined : Number(port);
  }

  header(name: string): string | null {
    const value = this.#request.getHeader(name);
    return value === undefined ? null : String(value);
  }
}
