import type { GivenUpReason } from '../../core/unfinished-observations.ts';
import { KIB, MIB } from '../../core/units.ts';
import { nodeZlib } from '../../platform/builtins.ts';

/**
 * Bodies are handed to the readers in pieces of at most this size, however large the chunks are: whatever a reader cuts out
 * of a piece keeps all of it alive.
 */
const PIECE_BYTES_MAX = 8 * KIB;
/** A body that inflates further than this is not read on: it would cost more than its tokens are worth knowing. */
const INFLATED_BYTES_MAX = 64 * MIB;
/**
 * Compressed bytes of one call that may wait for zlib's threads: several chunks of a socket, which come faster than they are
 * inflated only for a moment. A body that runs further ahead is given up.
 */
const CALL_WAITING_BYTES_MAX = MIB;
/** A body that is no longer than this, compressed, is kept until it is inflated: a process that ends waits for no thread. */
const KEPT_BYTES_MAX = 64 * KIB;
/** Compressed bytes that may be kept so over all calls; of a body beyond that nothing is kept. */
const ALL_KEPT_BYTES_MAX = 16 * MIB;
/** Compressed bytes that may wait for zlib's threads, over all calls. */
const WAITING_BYTES_MAX = 16 * MIB;
/** What a chunk takes besides its bytes, and is counted with: a server may send them one by one. */
const CHUNK_NOTE_BYTES = 256;

type Zlib = ReturnType<typeof nodeZlib>;
type Decompressor = ReturnType<
  Zlib['createGunzip'] | Zlib['createBrotliDecompress'] | Zlib['createZstdDecompress']
>;

/** Takes a body's chunks as they pass by and gives its bytes, inflated. */
export interface BodyDecoder {
  write(chunk: Buffer): void;
  /** The rest is not wanted: nothing is given any more. */
  stop(): void;
  /** No more chunks; `done` is called once all was given, maybe before `end` returns. Nothing may follow. */
  end(done: () => void): void;
}

/** Where a body goes. `unreadable` says, once, why the rest of it cannot be read, and explains it. */
export interface BodySink {
  /** The piece may be changed by the app afterwards. */
  bytes(piece: Buffer): void;
  unreadable(reason: GivenUpReason, explanation: string): void;
}

/** The decoder for a `content-encoding`. Inflating happens on zlib's threads, so that it costs the app's thread little. */
export function bodyDecoder(encoding: string, sink: BodySink): BodyDecoder {
  if (encoding === '' || encoding === 'identity') return new PlainBody(sink);
  const known = ENCODINGS.get(encoding);
  if (known !== undefined) return new CompressedBody({ name: encoding, ...known }, sink);
  const explanation = `content encoding ${JSON.stringify(encoding.slice(0, 40))} is not supported`;
  sink.unreadable('body_encoding', explanation);
  return new UnreadableBody();
}

// Flushing at the end makes zlib give what it has of a body that was cut off, instead of an error.
function flushed() {
  const { Z_SYNC_FLUSH } = nodeZlib().constants;
  return { finishFlush: Z_SYNC_FLUSH, flush: Z_SYNC_FLUSH };
}
function brotliFlushed() {
  const { BROTLI_OPERATION_FLUSH } = nodeZlib().constants;
  return { finishFlush: BROTLI_OPERATION_FLUSH, flush: BROTLI_OPERATION_FLUSH };
}
function zstdFlushed() {
  const { ZSTD_e_flush } = nodeZlib().constants;
  return { finishFlush: ZSTD_e_flush, flush: ZSTD_e_flush };
}
const atOnce = { maxOutputLength: INFLATED_BYTES_MAX };

interface Encoding {
  readonly open: (firstByte: number) => Decompressor;
  readonly inflate: (body: Buffer) => Buffer;
}

const GZIP: Encoding = {
  open: () => nodeZlib().createGunzip(flushed()),
  inflate: (body) => nodeZlib().gunzipSync(body, { ...flushed(), ...atOnce }),
};
/** Some servers send deflate without its header, as browsers have always accepted. */
const DEFLATE: Encoding = {
  open: (firstByte) => {
    const { createInflate, createInflateRaw } = nodeZlib();
    return (hasHeader(firstByte) ? createInflate : createInflateRaw)(flushed());
  },
  inflate: (body) => {
    const { inflateSync, inflateRawSync } = nodeZlib();
    return (hasHeader(body[0]) ? inflateSync : inflateRawSync)(body, { ...flushed(), ...atOnce });
  },
};
const BROTLI: Encoding = {
  open: () => nodeZlib().createBrotliDecompress(brotliFlushed()),
  inflate: (body) => nodeZlib().brotliDecompressSync(body, { ...brotliFlushed(), ...atOnce }),
};
const ZSTD: Encoding = {
  open: () => nodeZlib().createZstdDecompress(zstdFlushed()),
  inflate: (body) => nodeZlib().zstdDecompressSync(body, { ...zstdFlushed(), ...atOnce }),
};
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['deflate', DEFLATE],
  ['br', BROTLI],
  ['zstd', ZSTD],
]);

function hasHeader(firstByte = 0): boolean {
  return (firstByte & 0x0f) === 8;
}

/** Gives bytes as characters (latin1): the readers look for ASCII only, and nothing has to be decoded. */
export function giveText(bytes: Buffer, text: (piece: string) => void): void {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) {
    text(bytes.toString('latin1', at, Math.min(at + PIECE_BYTES_MAX, bytes.length)));
  }
}

class PlainBody implements BodyDecoder {
  readonly #sink: BodySink;

  constructor(sink: BodySink) {
    this.#sink = sink;
  }

  write(chunk: Buffer): void {
    this.#sink.bytes(chunk);
  }

  stop(): void {
    // Nothing of it waits, and whoever wants no more does not listen.
  }

  end(done: () => void): void {
    done();
  }
}

class UnreadableBody implements BodyDecoder {
  write(): void {
    // Its encoding is not known: there is nothing to look at.
  }

  stop(): void {
    // It never began.
  }

  end(done: () => void): void {
    done();
  }
}

/** Compressed bytes waiting for zlib, over all calls of the process. */
let waitingBytes = 0;
/** Compressed bytes that are kept until their body is inflated, over all calls of the process. */
let allKeptBytes = 0;
/** Bodies at whose end somebody waits for zlib's threads; bounded by what may wait for them. */
const ending = new Set<CompressedBody>();

/** Gives what is left of all bodies that have ended, on the app's own thread: a process that ends waits for no other. */
export function finishBodies(): void {
  for (const body of [...ending]) body.finishNow();
}

class CompressedBody implements BodyDecoder {
  readonly #encoding: Encoding & { readonly name: string };
  readonly #sink: BodySink;
  /** The body so far; `null` once it is too long to keep. */
  #kept: Buffer[] | null = [];
  #keptBytes = 0;
  #stream: Decompressor | null = null;
  #inflatedBytes = 0;
  #given = false;
  /** Waits for what is being inflated: given to zlib together, each chunk alone would be a way to another thread and back. */
  #gathered: Buffer[] = [];
  #isInflating = false;
  #waitingBytes = 0;
  #done: (() => void) | null = null;

  constructor(encoding: Encoding & { readonly name: string }, sink: BodySink) {
    this.#encoding = encoding;
    this.#sink = sink;
  }

  write(chunk: Buffer): void {
    if (this.#given || chunk.length === 0) return;
    const costBytes = chunk.length + CHUNK_NOTE_BYTES;
    const most = Math.min(CALL_WAITING_BYTES_MAX - this.#waitingBytes, WAITING_BYTES_MAX - waitingBytes);
    if (costBytes > most) {
      this.#giveUp('body_ahead', 'too many compressed bytes wait to be inflated');
      return;
    }
    // A copy, and of its own memory: the chunk is the app's, and with it, or with a part of Node's pool, more would stay.
    const own = Buffer.allocUnsafeSlow(chunk.length);
    chunk.copy(own);
    this.#stream ??= this.#open(own[0] ?? 0);
    this.#keep(own);
    this.#wait(costBytes);
    this.#gathered.push(own);
    if (!this.#isInflating) this.#inflateGathered();
  }

  stop(): void {
    if (this.#given) return;
    this.#stream?.destroy();
    this.#finish();
  }

  end(done: () => void): void {
    if (this.#given || this.#stream === null) {
      done();
      return;
    }
    this.#done = done;
    ending.add(this);
    if (!this.#isInflating) this.#stream.end();
  }

  /** Gives the rest at once; then `end` is done. */
  finishNow(): void {
    if (this.#given) return;
    const kept = this.#kept;
    this.#guarded(() => {
      if (kept === null) {
        this.#giveUp('body_ahead', 'the process ended before a long body was inflated, or one of many');
        return;
      }
      const body = this.#encoding.inflate(Buffer.concat(kept));
      this.#sink.bytes(body.subarray(this.#inflatedBytes));
      this.#stream?.destroy();
      this.#finish();
    });
  }

  #inflateGathered(): void {
    const chunks = this.#gathered;
    const [first] = chunks;
    if (first === undefined || this.#stream === null) return;
    this.#gathered = [];
    this.#isInflating = true;
    const bytes = chunks.length === 1 ? first : Buffer.concat(chunks);
    const costBytes = bytes.length + chunks.length * CHUNK_NOTE_BYTES;
    this.#stream.write(bytes, () => this.#guarded(() => this.#inflatedAll(costBytes)));
  }

  #inflatedAll(costBytes: number): void {
    if (this.#given) return;
    this.#wait(-costBytes);
    this.#isInflating = false;
    if (this.#gathered.length > 0) this.#inflateGathered();
    else if (this.#done !== null) this.#stream?.end();
  }

  /** Nobody of ours stands between zlib, or the end of the process, and the app: nothing may be thrown. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch {
      this.#abandon();
    }
  }

  #abandon(): void {
    try {
      if (this.#given) this.#sink.unreadable('body_damaged', this.#damaged);
      else this.#giveUp('body_damaged', this.#damaged);
    } catch {
      // Not even that can be said; the call ends by its age.
    }
  }

  get #damaged(): string {
    return `the ${this.#encoding.name} body is damaged`;
  }

  #keep(chunk: Buffer): void {
    if (this.#kept === null) return;
    this.#kept.push(chunk);
    const costBytes = chunk.length + CHUNK_NOTE_BYTES;
    this.#keptBytes += costBytes;
    allKeptBytes += costBytes;
    if (this.#keptBytes > KEPT_BYTES_MAX || allKeptBytes > ALL_KEPT_BYTES_MAX) this.#forget();
  }

  #forget(): void {
    if (this.#kept === null) return;
    this.#kept = null;
    allKeptBytes -= this.#keptBytes;
  }

  #open(firstByte: number): Decompressor {
    const stream = this.#encoding.open(firstByte);
    stream.on('data', (bytes: Buffer) => this.#guarded(() => this.#inflated(bytes)));
    stream.on('end', () => this.#guarded(() => this.#finish()));
    stream.on('error', () => this.#guarded(() => this.#giveUp('body_damaged', this.#damaged)));
    return stream;
  }

  #inflated(bytes: Buffer): void {
    if (this.#given) return;
    this.#inflatedBytes += bytes.length;
    if (this.#inflatedBytes > INFLATED_BYTES_MAX)
      this.#giveUp('body_too_large', 'the body inflates beyond the bound');
    else this.#sink.bytes(bytes);
  }

  #giveUp(reason: GivenUpReason, explanation: string): void {
    if (this.#given) return;
    this.#sink.unreadable(reason, explanation);
    this.stop();
  }

  #wait(bytes: number): void {
    if (this.#given) return;
    this.#waitingBytes += bytes;
    waitingBytes += bytes;
  }

  #finish(): void {
    if (!this.#given) waitingBytes -= this.#waitingBytes;
    this.#given = true;
    this.#gathered = [];
    this.#stream = null; // It keeps the last of the text.
    this.#forget();
    ending.delete(this);
    const done = this.#done;
    this.#done = null;
    done?.();
  }
}
