import type { Socket } from 'node:net';
import { type ConnectionInjector, type Server, ServerCredentials } from '@grpc/grpc-js';
import { SECOND_MS } from '../../../../core/units.ts';

/** Calls that go on get so long on a connection that ends. */
const ENDING_MS = 5 * SECOND_MS;

/** The connections handed to gRPC: one injector for each, because gRPC ends all of an injector's together. */
export class GrpcConnections {
  readonly #byPeer = new Map<string, ConnectionInjector>();

  take(socket: Socket, grpc: Server): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.#byPeer.set(peer, injector);
    socket.once('close', () => {
      if (this.#byPeer.get(peer) === injector) this.#byPeer.delete(peer);
      injector.destroy();
    });
    injector.injectConnection(socket);
  }

  /**
   * Takes no further call on a connection (GOAWAY); it closes with the last one that is under way.
   *
   * @param peer as a call names it.
   */
  end(peer: string): void {
    this.#byPeer.get(peer)?.drain(ENDING_MS);
  }
}
