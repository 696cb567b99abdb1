import { WebSocket } from 'ws';
import type { MetricsStoreOptions, SocketLike } from '../client/environment.ts';
import { createMetricsStore, type MetricsStore } from '../client/metrics-store.ts';
import { type Alerts, readAlerts } from './alerts.ts';

/** A collector as seen from here. */
export interface Access {
  /** Where its routes are, without a slash at the end; never with the token. */
  readonly url: string;
  /** Asked at every attempt, so that a token made meanwhile is found. `null`: there is none. */
  readonly token: () => string | null;
}

const ALERTS_TIMEOUT_MS = 10_000;
/** Far above the largest snapshot. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** The live store of the browsers, with the token in a header instead of a cookie. */
export function createStore(access: Access): MetricsStore {
  const options: MetricsStoreOptions = {
    baseUrl: access.url,
    createSocket: (url) => openSocket(url, authorization(access)),
    fetch: (url, { headers, signal }) =>
      fetch(url, { headers: { ...headers, ...authorization(access) }, signal }),
  };
  return createMetricsStore(options);
}

/** Asks once for the alerts; never rejects: why they are not known is in the answer. */
export async function fetchAlerts(access: Access): Promise<Alerts> {
  const unknown = (problem: string): Alerts => ({ rules: 0, active: [], problem });
  try {
    const response = await fetch(`${access.url}/api/metrics/alerts`, {
      headers: { accept: 'application/json', ...authorization(access) },
      signal: AbortSignal.timeout(ALERTS_TIMEOUT_MS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return unknown(`the collector answered HTTP ${response.status}`);
    }
    return readAlerts(await response.json()) ?? unknown('the answer could not be read');
  } catch {
    return unknown('the collector did not answer');
  }
}

function authorization({ token }: Access): Record<string, string> {
  const value = token();
  return value === null ? {} : { authorization: `Bearer ${value}` };
}

function openSocket(url: string, headers: Record<string, string>): SocketLike {
  const socket = new WebSocket(url, { headers, maxPayload: MESSAGE_BYTES_MAX });
  const like: SocketLike = {
    onopen: null,
    onmessage: null,
    onerror: null,
    onclose: null,
    close: () => socket.close(),
  };
  const event = undefined as never;
  socket.on('open', () => like.onopen?.(event));
  socket.on('message', (data, isBinary) => like.onmessage?.({ data: isBinary ? data : String(data) }));
  // `close` follows; without a listener an error would end the process.
  socket.on('error', () => like.onerror?.(event));
  socket.on('close', () => like.onclose?.(event));
  return like;
}
