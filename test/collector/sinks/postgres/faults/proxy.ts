import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import type { TestPostgres } from '../../../../support/postgres.ts';

/** Stands between a storage and its server and cuts connections. */
export interface Proxy {
  readonly database: PostgresConfig;
  readonly cuts: number;
  stop(): Promise<void>;
}

/**
 * @param bytesUntilCut how many bytes a new connection may still send; asked once per connection.
 */
export async function startProxy(
  server: TestPostgres,
  database: PostgresConfig,
  bytesUntilCut: () => number,
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const port = database.env['PGPORT'] ?? '5432';
  const listener = createServer((downstream) => {
    const upstream = connect(join(server.clusterDir, `.s.PGSQL.${port}`));
    let left = bytesUntilCut();
    for (const socket of [downstream, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        downstream.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    upstream.pipe(downstream);
    downstream.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      upstream.write(left < 0 ? chunk.subarray(0, chunk.length + left) : chunk);
      if (left >= 0) return;
      cuts++;
      downstream.destroy();
      upstream.end();
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const proxyPort = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    database: {
      connectionString: null,
      env: { ...database.env, PGHOST: '127.0.0.1', PGPORT: String(proxyPort) },
    },
    get cuts() {
      return cuts;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
