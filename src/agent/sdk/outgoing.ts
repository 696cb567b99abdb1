import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { headerReader } from '../wire/undici.ts';

/** A request that the app is about to make, before its headers are sent. */
export interface OutgoingRequest {
  /** Whether it has a header of that (lower-case) name. */
  has(name: string): boolean;
  set(name: string, value: string): void;
}

/** What undici publishes; `addHeader` is what its own instrumentation uses. */
interface UndiciRequest {
  readonly headers: unknown;
  addHeader?(name: string, value: string): unknown;
}

/**
 * Shows the requests that the app makes by `fetch`, undici, `node:http` and `node:https`. One whose headers were given as a
 * list to `node:http` is not shown: they are written at once.
 *
 * @param failed told what `see` throws; the app never hears of it.
 * @returns how to stop.
 */
export function watchOutgoing(
  see: (request: OutgoingRequest) => void,
  failed: (error: unknown) => void,
): () => void {
  const listeners: Readonly<Record<string, (request: never) => void>> = {
    'undici:request:create': (request: UndiciRequest) => {
      if (typeof request.addHeader !== 'function') return;
      const header = headerReader(request.headers);
      see({
        has: (name) => header(name) !== null,
        set: (name, value) => void request.addHeader?.(name, value),
      });
    },
    'http.client.request.created': (request: ClientRequest) => {
      if (request.headersSent) return;
      see({
        has: (name) => request.hasHeader(name),
        set: (name, value) => void request.setHeader(name, value),
      });
    },
  };
  const undos = Object.entries(listeners).map(([channel, listener]) => {
    const guarded = (message: unknown) => {
      try {
        listener((message as { readonly request: never }).request);
      } catch (error) {
        failed(error);
      }
    };
    subscribe(channel, guarded);
    return () => unsubscribe(channel, guarded);
  });
  return () => {
    for (const undo of undos) undo();
  };
}
