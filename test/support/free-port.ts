import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port nobody listens on at the moment; only for what must know its port before it listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Settings of a collector alone that takes no OTLP: the default ports would be shared with the collectors of other tests. */
export const WITHOUT_OTLP = { NERVECENTER_OTLP_PORT: 'off', NERVECENTER_OTLP_GRPC_PORT: 'off' } as const;
