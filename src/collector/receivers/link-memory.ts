import type { Socket } from 'node:net';
import { MIB } from '../../core/units.ts';

/** What all links may hold together. An honest one holds some hundred KiB, for moments. */
export const LINKS_BYTES_MAX = 64 * MIB;

interface Held {
  readonly socket: Socket;
  /** Now. */
  readonly bytes: () => number;
  /** When it was last looked at. */
  seen: number;
}

/**
 * What links hold: messages that have not come to their end, and answers that nobody takes. Past the bound the link goes that
 * holds most, so that many who take their time cost no more memory than few, and none of them keeps others out.
 */
export class LinkMemory {
  readonly #held = new Map<Socket, Held>();
  #seen = 0;

  add(socket: Socket, bytes: () => number): void {
    this.#held.set(socket, { socket, bytes, seen: 0 });
    socket.once('close', () => this.#forget(socket));
  }

  /** To be called when a link may hold more than before. */
  look(socket: Socket): void {
    const held = this.#held.get(socket);
    if (held === undefined) return;
    this.#see(held);
    if (this.#seen > LINKS_BYTES_MAX) this.#makeRoom();
  }

  #makeRoom(): void {
    // Some have been given their answers since.
    for (const held of this.#held.values()) this.#see(held);
    while (this.#seen > LINKS_BYTES_MAX) {
      const largest = [...this.#held.values()].reduce((most, held) => (held.seen > most.seen ? held : most));
      largest.socket.destroy();
      this.#forget(largest.socket);
    }
  }

  #see(held: Held): void {
    const bytes = held.bytes();
    this.#seen += bytes - held.seen;
    held.seen = bytes;
  }

  #forget(socket: Socket): void {
    this.#seen -= this.#held.get(socket)?.seen ?? 0;
    this.#held.delete(socket);
  }
}
