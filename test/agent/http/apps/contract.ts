import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { currentContext } from '../../../../src/agent/context/context.ts';

/**
 * Every app of the suite serves:
 *
 * - `GET /` and `GET /users/:id`: text
 * - `GET /who/:id`: after a tick, the user of the request is `<id>@example.com`
 * - `POST /users/:id`: reads the body, then sets the user likewise
 * - `GET /orgs/:org/users/:id` and a failing `GET /orgs/:org/fail`, in a router mounted at `/orgs/:org`
 * - `GET /stream`: two chunks, `STREAM_MS` apart
 * - `GET /hang`: nothing, ever; `GET /half`: headers and a chunk, then nothing
 */
export interface App {
  readonly server: Server;
  /** Routes are never known to plain `node:http`. */
  readonly routes: boolean;
}

export const STREAM_MS = 60;

export function setUser(id: string): void {
  currentContext()?.root.setUser({ email: `${id}@example.com` });
}

export const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

export async function listening(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** What the apps do with Node's own response where their framework leaves it to them. */
export function stream(write: (chunk: string) => unknown, end: (chunk: string) => unknown): void {
  write('first');
  setTimeout(() => end('second'), STREAM_MS);
}
