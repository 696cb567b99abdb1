import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { SECOND_MS } from '../../core/units.ts';
import type { TlsIdentity } from './identity.ts';

/** As long as a request's headers may take. */
const HANDSHAKE_TIMEOUT_MS = 10 * SECOND_MS;

/** A server for HTTP, over TLS where there is something to prove itself with. It does not listen yet. */
export function createHttpServer(
  tls: TlsIdentity | null,
  options: ServerOptions,
  answer: RequestListener,
): Server {
  if (tls === null) return createServer(options, answer);
  const secured = { ...options, ...tls.context, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const server = createHttpsServer(secured, answer);
  tls.join(server);
  const sockets = socketsOf(server);
  const closeRequests = server.closeAllConnections.bind(server);
  // Node counts connections from their first request on: one still in its handshake would keep the server open.
  server.closeAllConnections = () => {
    closeRequests();
    for (const socket of sockets) socket.destroy();
  };
  return server;
}

/** A server for connections of one protocol, which over TLS both sides have to name. It does not listen yet. */
export function createSocketServer(
  tls: TlsIdentity | null,
  protocol: string,
  accept: (socket: Socket) => void,
): { readonly server: NetServer; readonly sockets: ReadonlySet<Socket> } {
  if (tls === null) {
    const server = createNetServer(accept);
    return { server, sockets: socketsOf(server) };
  }
  const secured = { ...tls.context, ALPNProtocols: [protocol], handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const server = createTlsServer(secured, (socket) => {
    if (socket.alpnProtocol === protocol) accept(socket);
    else socket.destroy();
  });
  tls.join(server);
  return { server, sockets: socketsOf(server) };
}

/** What is connected, below TLS. */
function socketsOf(server: NetServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
