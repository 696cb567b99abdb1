import { KIB, MIB, type Milliseconds, milliseconds } from '../../core/units.ts';

/** So much of one body waits to be read, and so many chunks of it: a server may send its bytes one by one. */
const BLOCK_BYTES = 32 * KIB;
const BLOCK_CHUNKS = 512;
/** What a chunk takes besides its bytes: where it ends, and when it came. */
const CHUNK_NOTE_BYTES = 12;
/** What waits so over all calls. */
const ALL_HELD_BYTES_MAX = 16 * MIB;
const BLOCKS_MAX = Math.floor(ALL_HELD_BYTES_MAX / (BLOCK_BYTES + BLOCK_CHUNKS * CHUNK_NOTE_BYTES));
/** Kept for the next calls: making a block costs more than reading one. */
const SPARE_BLOCKS_MAX = 8;

/** Room for some chunks of one body, one behind the other. */
class Block {
  readonly room = new Uint8Array(BLOCK_BYTES);
  readonly bytes = Buffer.from(this.room.buffer);
  readonly ends = new Uint32Array(BLOCK_CHUNKS);
  readonly timesMs = new Float64Array(BLOCK_CHUNKS);
}

const spare: Block[] = [];
/** Blocks that some call has, over all calls of the process. */
let taken = 0;

function takeBlock(): Block | null {
  if (taken >= BLOCKS_MAX) return null;
  taken++;
  return spare.pop() ?? new Block();
}

function giveBack(block: Block, usedBytes: number): void {
  block.room.fill(0, 0, usedBytes); // Nothing of what was said stays.
  taken--;
  if (spare.length < SPARE_BLOCKS_MAX) spare.push(block);
}

/**
 * What came of one body and is not read yet, copied: the app may change or give away its chunks, and keeping one would keep
 * all that came with it. Read together, chunks cost a fraction of what they cost one by one, between which the app's own work
 * drives all that reading needs out of the processor's caches.
 */
export class HeldBody {
  #block: Block | null = null;
  #bytes = 0;
  #chunks = 0;
  /** The chunk that `timeAt` found last. */
  #at = 0;

  get isEmpty(): boolean {
    return this.#chunks === 0;
  }

  /** @returns `false`: there is no room, and nothing was taken: what is held is to be read first, or the chunk by itself. */
  add(chunk: Uint8Array, timeMs: Milliseconds): boolean {
    if (this.#bytes + chunk.length > BLOCK_BYTES || this.#chunks === BLOCK_CHUNKS) return false;
    this.#block ??= takeBlock();
    if (this.#block === null) return false;
    this.#block.room.set(chunk, this.#bytes);
    this.#bytes += chunk.length;
    this.#block.ends[this.#chunks] = this.#bytes;
    this.#block.timesMs[this.#chunks++] = timeMs;
    return true;
  }

  /** All of it, its bytes as characters (latin1): the readers look for ASCII only, and nothing has to be decoded. */
  get text(): string {
    return this.#block?.bytes.toString('latin1', 0, this.#bytes) ?? '';
  }

  /** When the chunk came that `text` up to `end` ends in; to be asked from the front to the back. */
  timeAt(end: number): Milliseconds {
    const block = this.#block;
    if (block === null) return milliseconds(0);
    while (this.#at < this.#chunks - 1 && (block.ends[this.#at] ?? 0) < end) this.#at++;
    return milliseconds(block.timesMs[this.#at] ?? 0);
  }

  /** Holds nothing any more. */
  clear(): void {
    if (this.#block !== null) giveBack(this.#block, this.#bytes);
    this.#block = null;
    this.#bytes = 0;
    this.#chunks = 0;
    this.#at = 0;
  }
}
