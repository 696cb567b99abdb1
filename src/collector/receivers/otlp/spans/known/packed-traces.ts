import { KIB, MIB } from '../../../../../core/units.ts';
import { HashIndex } from './hash-index.ts';
import type { Lexicon } from './lexicon.ts';
import { Unpacker } from './packing.ts';

/** What is added goes into pieces of memory of this size; one that does not fit has a piece of its own. */
const PIECE_BYTES = 128 * KIB;
/** Of all pieces: what was taken out leaves a gap until all of its piece is gone. */
const BYTES_MAX = 64 * MIB;
/** In front of each: its hash, its spans, the bytes behind, and since when it is there. */
const HASH_AT = 0;
const SPANS_AT = 4;
const LENGTH_AT = 8;
const SINCE_AT = 12;
const HEAD_BYTES = 20;
/** As the number of spans: it was taken out. */
const GONE = 0xffff_ffff;

interface Piece {
  readonly number: number;
  readonly memory: Buffer;
  /** By which what is in it is to be read. */
  readonly lexicon: Lexicon;
  /** Where it begins that was not passed over, as gone or forgotten. */
  begin: number;
  end: number;
  /** How many are in it. */
  held: number;
}

interface Packed {
  /** Begins with the trace's id. They are to be copied before another is added. */
  readonly bytes: Buffer;
  readonly lexicon: Lexicon;
  readonly spans: number;
  readonly sinceMs: number;
}

/**
 * Packed traces by their id, in the order in which they were added, outside of V8's heap: there may be a hundred thousand, and
 * each as an object of its own would be moved and marked by the garbage collector for as long as it is there.
 */
export class PackedTraces {
  readonly #index = new HashIndex();
  /** The oldest first. */
  #pieces: Piece[] = [];
  /** The same by their number; those without one are free. */
  readonly #byNumber: (Piece | undefined)[] = [];
  #spare: Buffer | null = null;
  #bytes = 0;
  #spans = 0;

  get spans(): number {
    return this.#spans;
  }

  add(id: string, { bytes, lexicon, spans, sinceMs }: Packed): void {
    const piece = this.#pieceFor(HEAD_BYTES + bytes.length, lexicon);
    const { memory, number, end } = piece;
    const hash = hashOf(id);
    memory.writeUInt32LE(hash, end + HASH_AT);
    memory.writeUInt32LE(spans, end + SPANS_AT);
    memory.writeUInt32LE(bytes.length, end + LENGTH_AT);
    memory.writeDoubleLE(sinceMs, end + SINCE_AT);
    bytes.copy(memory, end + HEAD_BYTES);
    piece.end += HEAD_BYTES + bytes.length;
    piece.held++;
    this.#spans += spans;
    this.#index.add(hash, number * PIECE_BYTES + end);
    while (this.#bytes > BYTES_MAX && this.#pieces.length > 1) this.forgetOldest();
  }

  /** What reads it, behind its id; it is known no longer. To be read before another is added. */
  take(id: string): Unpacker | null {
    const hash = hashOf(id);
    if (!this.#index.has(hash)) return null;
    for (const place of this.#index.of(hash)) {
      const at = place % PIECE_BYTES;
      const piece = this.#byNumber[(place - at) / PIECE_BYTES];
      if (piece === undefined) continue;
      const packed = new Unpacker(piece.memory, piece.lexicon, at + HEAD_BYTES);
      if (packed.value() !== id) continue;
      this.#remove(piece, at);
      return packed;
    }
    return null;
  }

  /** Since when the oldest is there; `null`: there is none. */
  get oldestSinceMs(): number | null {
    const oldest = this.#oldest();
    return oldest === null ? null : oldest.memory.readDoubleLE(oldest.begin + SINCE_AT);
  }

  forgetOldest(): void {
    const oldest = this.#oldest();
    if (oldest !== null) this.#remove(oldest, oldest.begin);
  }

  /** The piece that begins with the oldest. */
  #oldest(): Piece | null {
    const [piece] = this.#pieces;
    if (piece === undefined) return null;
    const { memory } = piece;
    while (memory.readUInt32LE(piece.begin + SPANS_AT) === GONE)
      piece.begin += HEAD_BYTES + memory.readUInt32LE(piece.begin + LENGTH_AT);
    return piece;
  }

  #remove(piece: Piece, at: number): void {
    const { memory, number } = piece;
    this.#spans -= memory.readUInt32LE(at + SPANS_AT);
    this.#index.remove(memory.readUInt32LE(at + HASH_AT), number * PIECE_BYTES + at);
    memory.writeUInt32LE(GONE, at + SPANS_AT);
    if (--piece.held > 0) return;
    this.#pieces = this.#pieces.filter((other) => other !== piece);
    this.#byNumber[number] = undefined;
    this.#bytes -= memory.length;
    if (memory.length === PIECE_BYTES) this.#spare = memory;
  }

  #pieceFor(bytes: number, lexicon: Lexicon): Piece {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.lexicon === lexicon && last.end + bytes <= last.memory.length) return last;
    const memory = bytes > PIECE_BYTES ? Buffer.allocUnsafeSlow(bytes) : this.#emptyPiece();
    const free = this.#byNumber.indexOf(undefined);
    const number = free === -1 ? this.#byNumber.length : free;
    const piece: Piece = { number, memory, lexicon, begin: 0, end: 0, held: 0 };
    this.#byNumber[number] = piece;
    this.#pieces.push(piece);
    this.#bytes += memory.length;
    return piece;
  }

  #emptyPiece(): Buffer {
    const memory = this.#spare ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    this.#spare = null;
    return memory;
  }
}

/** FNV-1a, mixed, because not every sender's ids are random. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d);
  return (hash ^ (hash >>> 15)) >>> 0;
}
