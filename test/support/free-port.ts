import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below where systems take ports from for port 0 and for connections (Linux from 32,768, others from 49,152): a port of there
 * may be another process's before its user listens.
 */
const [FIRST, COUNT] = [12_000, 20_000];
const ATTEMPTS = 50;
const given = new Set<number>();

/** A port nobody listens on at the moment; only for what must know its port before it listens. Never the same twice. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`${ATTEMPTS} ports between ${FIRST} and ${FIRST + COUNT} are all taken`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** Settings of a collector alone that takes no OTLP: the default ports would be shared with the collectors of other tests. */
export const WITHOUT_OTLP = { NERVECENTER_OTLP_PORT: 'off', NERVECENTER_OTLP_GRPC_PORT: 'off' } as const;
