import type { Socket } from 'node:net';
import { MIB } from '../../core/units.ts';

/** What all links may hold together. An honest one holds some hundred KiB, for moments. */
export const LINKS_BYTES_MAX = 64 * MIB;

/** What one link holds. */
export interface LinkHolding {
  /** Now; of a socket that is gone, what its messages still hold. */
  bytes(): number;
  /** Lets it go. */
  drop(): void;
}

interface Held {
  readonly socket: Socket;
  readonly holding: LinkHolding;
  /** When it was last looked at. */
  seen: number;
}

/**
 * What links hold: messages that have not come to their end, or wait until it is known whether they came before, and answers
 * that nobody takes. Past the bound the link goes that holds most, so that many who take their time cost no more memory than
 * few, and none of them keeps others out.
 */
export class LinkMemory {
  readonly #held = new Map<Socket, Held>();
  #seen = 0;

  add(socket: Socket, holding: LinkHolding): void {
    this.#held.set(socket, { socket, holding, seen: 0 });
    socket.once('close', () => this.look(socket));
  }

  /** To be called when a link may hold more than before. */
  look(socket: Socket): void {
    const held = this.#held.get(socket);
    if (held === undefined) return;
    this.#see(held);
    if (socket.destroyed && held.seen === 0) this.#forget(socket);
    if (this.#seen > LINKS_BYTES_MAX) this.#makeRoom();
  }

  #makeRoom(): void {
    // Some have been given their answers since.
    for (const held of this.#held.values()) this.#see(held);
    while (this.#seen > LINKS_BYTES_MAX) {
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
