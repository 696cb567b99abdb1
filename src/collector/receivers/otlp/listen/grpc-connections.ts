import type { Socket } from 'node:net';
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js';
import { SECOND_MS } from '../../../../core/units.ts';

/** Calls that go on get so long on a connection that ends. */
const ENDING_MS = 5 * SECOND_MS;

/** The connections handed to gRPC: one injector for each, because gRPC ends all of an injector's together. */
export class GrpcConnections {
  readonly #byPeer = new Map<string, { readonly socket: Socket; readonly injector: ConnectionInjector }>();

  take(socket: Socket, grpc: Server): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.#byPeer.set(peer, { socket, injector });
    socket.once('close', () => {
      if (this.#byPeer.get(peer)?.socket === socket) this.#byPeer.delete(peer);
      injector.destroy();
    });
    injector.injectConnection(socket);
  }

  /** What a call came by; absent: it is gone. @param peer as the call names it. */
  socketOf(peer: string): Socket | undefined {
    return this.#byPeer.get(peer)?.socket;
  }

  /**
   * Takes no further call on a connection (GOAWAY); it closes with the last one that is under way.
   *
   * @param peer as a call names it.
   */
  end(peer: string): void {
    this.#byPeer.get(peer)?.injector.drain(ENDING_MS);
  }
}
