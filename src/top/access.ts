import type { ConnectionOptions } from 'node:tls';
import { WebSocket } from 'ws';
import type { MetricsStoreOptions, SocketLike } from '../client/environment.ts';
import { createMetricsStore, type MetricsStore } from '../client/metrics-store.ts';
import { ask as askServer, type Told } from '../platform/ask.ts';
import { type Alerts, readAlerts } from './alerts.ts';

/** How long a token that was refused is kept back: a collector locks out addresses that try ten a minute. */
const REFUSED_MS = 60_000;
const UNAUTHORIZED = 401;

interface AccessOptions {
  readonly now?: () => number;
  /** Whom the collector may be over TLS. @default whom authorities vouch for */
  readonly trust?: ConnectionOptions;
}

/** A collector as seen from here, and the token for it. */
export class Access {
  /** Where its routes are, without a slash at the end; never with the token. */
  readonly url: string;
  readonly #read: () => string | null;
  readonly trust: ConnectionOptions;
  readonly #now: () => number;
  #refused: { readonly token: string; readonly atMs: number } | null = null;

  /** @param read asked at every attempt, so that a token made meanwhile is found; `null`: there is none */
  constructor(url: string, read: () => string | null, { now = Date.now, trust = {} }: AccessOptions = {}) {
    this.url = url;
    this.trust = trust;
    this.#read = read;
    this.#now = now;
  }

  get hasToken(): boolean {
    return this.#read() !== null;
  }

  /** The token to send; `null` without one, or while it is kept back. */
  token(): string | null {
    const token = this.#read();
    const refused = this.#refused;
    const isKeptBack = refused?.token === token && this.#now() - (refused?.atMs ?? 0) < REFUSED_MS;
    return isKeptBack ? null : token;
  }

  /** The collector did not take this token. */
  refuse(token: string | null): void {
    if (token !== null) this.#refused = { token, atMs: this.#now() };
  }

  /** Somebody asks for another try. */
  forgive(): void {
    this.#refused = null;
  }
}

const ALERTS_TIMEOUT_MS = 10_000;
/** Far above the largest snapshot. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** The live store of the browsers, with the token in a header instead of a cookie. */
export function createStore(access: Access): MetricsStore {
  const options: MetricsStoreOptions = {
    baseUrl: access.url,
    createSocket: (url) => openSocket(url, access),
    fetch: (url, { headers, signal }) => ask(access, url, { headers, signal }),
  };
  return createMetricsStore(options);
}

/** Asks once for the alerts; never rejects: why they are not known is in the answer. */
export async function fetchAlerts(access: Access): Promise<Alerts> {
  const unknown = (problem: string): Alerts => ({ rules: 0, active: [], problem });
  try {
    const response = await ask(access, `${access.url}/api/metrics/alerts`, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(ALERTS_TIMEOUT_MS),
    });
    if (!response.ok) return unknown(`the collector answered HTTP ${response.status}`);
    return readAlerts(await response.json()) ?? unknown('the answer could not be read');
  } catch {
    return unknown('the collector did not answer');
  }
}

interface Question {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function ask(access: Access, url: string, { headers, signal }: Question): Promise<Told> {
  const token = access.token();
  const question = { headers: { ...headers, ...authorization(token) }, signal, trust: access.trust };
  const response = await askServer(url, question);
  if (response.status === UNAUTHORIZED) access.refuse(token);
  return response;
}

function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

function openSocket(url: string, access: Access): SocketLike {
  const token = access.token();
  const headers = authorization(token);
  const socket = new WebSocket(url, { ...access.trust, headers, maxPayload: MESSAGE_BYTES_MAX });
  const like: SocketLike = {
    onopen: null,
    onmessage: null,
    onerror: null,
    onclose: null,
    close: () => socket.close(),
  };
  socket.on('open', () => like.onopen?.());
  socket.on('message', (data, isBinary) => like.onmessage?.({ data: isBinary ? data : String(data) }));
  // `close` follows; without a listener an error would end the process.
  socket.on('error', (error) => {
    if (error.message.endsWith(` ${UNAUTHORIZED}`)) access.refuse(token);
    like.onerror?.();
  });
  socket.on('close', () => like.onclose?.());
  return like;
}
