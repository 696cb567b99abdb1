import { KIB, type Milliseconds } from '../../core/units.ts';

/** So much of one body waits to be read, and one piece more. */
const HELD_CHARS_MAX = 16 * KIB;
/** A piece costs some 40 bytes besides its characters: a server may send them one by one. */
const HELD_PIECES_MAX = 256;

/**
 * Pieces of one body that came and are not read yet. Read together they cost a third of what they cost one by one, between
 * which the app's own work drives all that reading needs out of the processor's caches. At its bound everything is read.
 */
export class HeldPieces {
  #pieces: string[] = [];
  #timesMs: Milliseconds[] = [];
  #chars = 0;

  /** @returns whether there is as much as may be held: it is to be given now. */
  add(piece: string, timeMs: Milliseconds): boolean {
    this.#pieces.push(piece);
    this.#timesMs.push(timeMs);
    this.#chars += piece.length;
    return this.#chars >= HELD_CHARS_MAX || this.#pieces.length >= HELD_PIECES_MAX;
  }

  /** Gives each piece with the time it came at, in their order, and holds nothing any more. */
  give(read: (piece: string, timeMs: Milliseconds) => void): void {
    const pieces = this.#pieces;
    const timesMs = this.#timesMs;
    this.#pieces = [];
    this.#timesMs = [];
    this.#chars = 0;
    for (const [at, piece] of pieces.entries()) {
      const timeMs = timesMs[at];
      if (timeMs !== undefined) read(piece, timeMs);
    }
  }
}
