/** The part of a browser's `WebSocket` the client uses. */
export interface SocketLike {
  onopen: ((...event: never[]) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((...event: never[]) => void) | null;
  onclose: ((...event: never[]) => void) | null;
  close(): void;
}

/** The part of a `Response` the client uses. */
export interface ResponseLike {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<unknown>;
}

export interface FetchInit {
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: 'same-origin';
  readonly signal: AbortSignal;
}

/** Timers as parameters, so that tests need not wait. `set` returns what `clear` takes. */
export interface Timers {
  set(run: () => void, delayMs: number): unknown;
  clear(timer: unknown): void;
}

export interface MetricsStoreOptions {
  /**
   * Where the collector is, for example `https://app.example.com`. Routes are below it.
   * @default the origin of the page
   */
  readonly baseUrl?: string;
  /** Only the figures of this service. @default all services */
  readonly service?: string;
  /** Only the figures of this process, by its `instance_id`. @default all processes */
  readonly instance?: string;
  /**
   * The collector's stream interval in milliseconds, as a first guess; the store learns the real one from the stream.
   * @default 5000
   */
  readonly intervalMs?: number;
  /** @default the global `WebSocket`; without one the store polls. */
  readonly createSocket?: (url: string) => SocketLike;
  /** @default the global `fetch` */
  readonly fetch?: (url: string, init: FetchInit) => Promise<ResponseLike>;
  /** @default `setTimeout` and `clearTimeout` */
  readonly timers?: Timers;
  /** Milliseconds since 1970. @default `Date.now` */
  readonly now?: () => number;
  /** From 0 to below 1. @default `Math.random` */
  readonly random?: () => number;
}

export interface Environment {
  streamUrl(): string;
  snapshotUrl(): string;
  readonly createSocket: (url: string) => SocketLike;
  readonly fetch: (url: string, init: FetchInit) => Promise<ResponseLike>;
  readonly timers: Timers;
  readonly now: () => number;
  readonly random: () => number;
}

interface PageGlobals {
  readonly location?: { readonly origin: string };
  readonly WebSocket?: new (url: string) => SocketLike;
}

function pageGlobals(): PageGlobals {
  return globalThis as PageGlobals;
}

function createGlobalSocket(url: string): SocketLike {
  const { WebSocket } = pageGlobals();
  if (WebSocket === undefined) throw new Error('WebSocket is not available here');
  return new WebSocket(url);
}

const GLOBAL_TIMERS: Timers = {
  set: (run, delayMs) => setTimeout(run, delayMs),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

function routeUrl({ baseUrl, service = '', instance = '' }: MetricsStoreOptions, route: string): URL {
  // Read when it connects, not when the module loads: rendering on a server has no location.
  const base = baseUrl ?? pageGlobals().location?.origin;
  if (base === undefined) throw new Error('createMetricsStore needs options.baseUrl where there is no page');
  const url = new URL(`${base.replace(/\/+$/, '')}${route}`);
  if (service !== '') url.searchParams.set('service', service);
  if (instance !== '') url.searchParams.set('instance', instance);
  return url;
}

export function environmentOf(options: MetricsStoreOptions): Environment {
  return {
    streamUrl() {
      const url = routeUrl(options, '/api/metrics/stream');
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
      return url.href;
    },
    snapshotUrl: () => routeUrl(options, '/api/metrics/snapshot').href,
    createSocket: options.createSocket ?? createGlobalSocket,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    timers: options.timers ?? GLOBAL_TIMERS,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
  };
}
