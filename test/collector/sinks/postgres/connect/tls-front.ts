import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';

/** Length and code of the message with which a client asks for TLS. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
/** FATAL, 28000: what Postgres answers where `pg_hba.conf` has `hostssl` only. */
const NO_ENCRYPTION = errorMessage('SFATAL', 'C28000', 'Mno pg_hba.conf entry, no encryption');

export const pemPath = (name: string) => join(import.meta.dirname, '..', 'fixtures', 'tls', `${name}.pem`);

export interface TlsFront {
  readonly port: number;
  /** Connections that were served, the oldest first. */
  readonly served: ('tls' | 'plain')[];
  stop(): Promise<void>;
}

/**
 * Postgres as it is with and without `ssl = on`, in front of a server on a Unix socket, which itself has no TLS.
 *
 * @param accepts which connections get through.
 * @param clientMustProve asks for a certificate of the client.
 */
export async function startTlsFront(
  socketPath: string,
  accepts: readonly ('tls' | 'plain')[],
  clientMustProve = false,
): Promise<TlsFront> {
  const served: ('tls' | 'plain')[] = [];
  const sockets = new Set<Socket>();
  const serve = (client: Socket, how: 'tls' | 'plain', first?: Buffer) => {
    served.push(how);
    const upstream = track(sockets, connect(socketPath));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    if (first !== undefined) upstream.write(first);
    client.pipe(upstream).pipe(client);
  };
  const secured = (socket: Socket) => {
    const tls = new TLSSocket(socket, {
      isServer: true,
      key: readFileSync(pemPath('server-key')),
      cert: readFileSync(pemPath('server')),
      ca: readFileSync(pemPath('authority')),
      requestCert: clientMustProve,
      rejectUnauthorized: clientMustProve,
    });
    tls.on('error', () => socket.destroy());
    tls.once('secure', () => serve(tls, 'tls'));
  };
  const server = createServer((socket) => {
    track(sockets, socket).once('data', (first) => {
      if (first.equals(SSL_REQUEST)) {
        socket.write(accepts.includes('tls') ? 'S' : 'N');
        if (accepts.includes('tls')) secured(socket);
      } else if (accepts.includes('plain')) serve(socket, 'plain', first);
      else socket.end(NO_ENCRYPTION);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    served,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function track(sockets: Set<Socket>, socket: Socket): Socket {
  sockets.add(socket);
  socket.on('error', () => {});
  return socket.once('close', () => sockets.delete(socket));
}

function errorMessage(...fields: string[]): Buffer {
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
