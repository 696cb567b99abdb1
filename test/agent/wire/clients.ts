import * as http from 'node:http';
import * as http2 from 'node:http2';
import { pipeline, Readable } from 'node:stream';
import { sha256 } from './recording-wire.ts';

/** What an app asks for, and how it leaves early. */
export interface Ask {
  readonly url: string;
  readonly method?: string;
  readonly body?: string | Buffer;
  /** The body comes in pieces from a stream. */
  readonly piped?: boolean;
  readonly signal?: AbortSignal;
  /** Lets go of the response after its first chunk. */
  readonly leaves?: boolean;
  /** Aborts the request after the response's first chunk. */
  readonly aborts?: boolean;
}

/** All an app can see of one call. */
export interface Seen {
  status?: number;
  headers?: unknown;
  trailers?: unknown;
  hash?: string;
  bytes?: number;
  error?: unknown;
  /** Names of the events of request and response, and how many listened to each. */
  events?: readonly string[];
  listeners?: unknown;
}

export interface Client {
  readonly protocol: 'http1' | 'http2';
  call(ask: Ask): Promise<Seen>;
  /** Gives the response's stream unread, and how to drop it. */
  open(url: string): Promise<{ first(): Promise<void>; drop(): void }>;
  close(): void;
}

/** A clock's time and ports differ from call to call. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, code, cause } = error as Error & { code?: unknown };
  return { name, message, code, cause: describe(cause) };
}

function headersOf(headers: object): unknown {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'date'));
}

export function fetchClient(): Client {
  return {
    protocol: 'http1',
    async call({ url, method = 'POST', body = '{}', piped, signal, leaves, aborts }) {
      const seen: Seen = {};
      const controller = new AbortController();
      const signals = signal === undefined ? [controller.signal] : [controller.signal, signal];
      const stream = Readable.toWeb(Readable.from(pieces(body))) as ReadableStream;
      try {
        const response = await fetch(url, {
          method,
          body: piped ? stream : (body as never),
          signal: AbortSignal.any(signals),
          ...(piped ? { duplex: 'half' } : {}),
        } as RequestInit);
        seen.status = response.status;
        seen.headers = headersOf(Object.fromEntries(response.headers));
        const chunks: Uint8Array[] = [];
        for await (const chunk of response.body ?? []) {
          chunks.push(chunk);
          if (aborts) controller.abort();
          if (leaves) break;
        }
        if (!leaves) seen.hash = sha256(Buffer.concat(chunks));
      } catch (error) {
        seen.error = describe(error);
      }
      return seen;
    },
    async open(url) {
      const controller = new AbortController();
      const response = await fetch(url, { method: 'POST', body: '{}', signal: controller.signal });
      const reader = response.body?.getReader();
      return {
        first: async () => void (await reader?.read()),
        drop: () => controller.abort(),
      };
    },
    close() {},
  };
}

export function httpClient(): Client {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return {
    protocol: 'http1',
    call(ask) {
      const { url, method = 'POST', signal } = ask;
      const request = http.request(url, {
        method,
        agent,
        headers: { 'x-test': '1' },
        ...(signal === undefined ? {} : { signal }),
      });
      return seeing(request, ask, (response: http.IncomingMessage) => ({
        status: response.statusCode ?? 0,
        headers: headersOf(response.headers),
      }));
    },
    open: (url) =>
      new Promise((resolve) => {
        const request = http.request(url, { method: 'POST', agent }, (response) => {
          response.on('error', () => {});
          resolve({
            first: () => new Promise((read) => response.once('readable', () => read(void response.read(1)))),
            drop: () => request.destroy(),
          });
        });
        request.on('error', () => {});
        request.end('{}');
      }),
    close: () => agent.destroy(),
  };
}

export function http2Client(origin: string): Client {
  const sessions: http2.ClientHttp2Session[] = [];
  const connect = () => {
    const session = http2.connect(origin).on('error', () => {});
    sessions.push(session);
    return session;
  };
  const streamTo = (url: string, method: string, signal?: AbortSignal) => {
    const { origin: to, pathname, search } = new URL(url);
    const session = to === origin ? connect() : http2.connect(to).on('error', () => {});
    const headers = { ':path': pathname + search, ':method': method, 'x-test': '1' };
    return session.request(headers, signal === undefined ? {} : { signal });
  };
  return {
    protocol: 'http2',
    call(ask) {
      const stream = streamTo(ask.url, ask.method ?? 'POST', ask.signal);
      return seeing(stream, ask, (headers: http2.IncomingHttpHeaders) => ({
        status: Number(headers[':status']),
        headers: headersOf(headers),
      }));
    },
    open: (url) =>
      new Promise((resolve) => {
        const stream = streamTo(url, 'POST').on('error', () => {});
        stream.on('response', () =>
          resolve({
            first: () => new Promise((read) => stream.once('readable', () => read(void stream.read(1)))),
            drop: () => stream.close(),
          }),
        );
        stream.end('{}');
      }),
    close() {
      for (const session of sessions) session.destroy();
    },
  };
}

const PIECE = 50_000;

function* pieces(body: string | Buffer): Generator<Buffer> {
  const bytes = Buffer.from(body as string);
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** Follows one call of a client of Node's own, whose request and response are streams. */
function seeing<H extends object>(
  request: http.ClientRequest | http2.ClientHttp2Stream,
  { body = '{}', piped, leaves, aborts }: Ask,
  read: (head: H) => { status: number; headers: unknown },
): Promise<Seen> {
  const seen: Seen = {};
  const events: string[] = [];
  const chunks: Buffer[] = [];
  noteEvents(request, 'request', events);
  return new Promise((resolve) => {
    request.on('error', (error) => {
      seen.error ??= describe(error);
    });
    request.on('close', () => {
      if (chunks.length > 0 && !leaves && !aborts) seen.hash = sha256(Buffer.concat(chunks));
      // How data is cut into chunks is up to the network.
      seen.events = events.filter((event, i) => event !== events[i - 1]);
      setImmediate(() => resolve(seen));
    });
    request.on('response', (head: H) => {
      Object.assign(seen, read(head));
      const response = head instanceof http.IncomingMessage ? head : (request as http2.ClientHttp2Stream);
      if (response !== request) noteEvents(response, 'response', events);
      seen.listeners = [listenersOf(request), listenersOf(response)];
      response.on('error', (error: unknown) => {
        seen.error ??= describe(error);
      });
      response.on('trailers', (trailers: object) => {
        seen.trailers = headersOf(trailers);
      });
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (aborts) request.destroy();
        else if (leaves) response.destroy();
      });
      response.on('end', () => {
        if (response instanceof http.IncomingMessage) seen.trailers = response.trailers;
      });
    });
    if (piped) pipeline(Readable.from(pieces(body)), request, () => {});
    else request.end(body);
  });
}

function noteEvents(emitter: NodeJS.EventEmitter, who: string, events: string[]): void {
  for (const name of ['response', 'finish', 'end', 'aborted', 'error', 'close', 'timeout', 'trailers']) {
    emitter.on(name, () => events.push(`${who} ${name}`));
  }
}

function listenersOf(emitter: NodeJS.EventEmitter): unknown {
  return emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]);
}
