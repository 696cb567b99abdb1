import type { Socket } from 'node:net';

/** What one connection holds. */
export interface ConnectionHolding {
  /** Now; of a socket that is gone, what of it is still there. */
  bytes(): number;
  /** Lets it go. */
  drop(): void;
}

interface Held {
  readonly socket: Socket;
  readonly holding: ConnectionHolding;
  /** When it was last looked at. */
  seen: number;
}

/**
 * What connections hold together. Past the bound the one goes that holds most, so that many who take their time cost no more
 * memory than few, and none of them keeps others out.
 */
export class ConnectionMemory {
  readonly #bytesMax: number;
  readonly #held = new Map<Socket, Held>();
  #seen = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(socket: Socket, holding: ConnectionHolding): void {
    this.#held.set(socket, { socket, holding, seen: 0 });
    socket.once('close', () => this.look(socket));
  }

  /** To be called when a connection may hold more than before. */
  look(socket: Socket): void {
    const held = this.#held.get(socket);
    if (held === undefined) return;
    this.#see(held);
    if (socket.destroyed && held.seen === 0) this.#forget(socket);
    if (this.#seen > this.#bytesMax) this.#makeRoom();
  }

  #makeRoom(): void {
    // Some have been given their answers since.
    for (const held of this.#held.values()) this.#see(held);
    while (this.#seen > this.#bytesMax) {
      const largest = [...this.#held.values()].reduce((most, held) => (held.seen > most.seen ? held : most));
      this.#forget(largest.socket);
      largest.holding.drop();
    }
  }

  #see(held: Held): void {
    const bytes = held.holding.bytes();
    this.#seen += bytes - held.seen;
    held.seen = bytes;
  }

  #forget(socket: Socket): void {
    this.#seen -= this.#held.get(socket)?.seen ?? 0;
    this.#held.delete(socket);
  }
}
