import { constants, createGunzip, createZstdDecompress, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { NervecenterError } from '../../../../core/errors.ts';
import { KIB, MIB } from '../../../../core/units.ts';
import type { Share } from './in-flight.ts';
import { BODY_BYTES_MAX } from './limits.ts';

const CHUNK_BYTES = 65_536;
/** 32 MiB, which the strongest of common settings uses; a frame may ask for much more memory than it fills. */
const ZSTD_PARAMS = { [constants.ZSTD_d_windowLogMax]: 25 };

const INFLATERS = {
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  'x-gzip': () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zstd: () =>
    createZstdDecompress({
      chunkSize: CHUNK_BYTES,
      params: ZSTD_PARAMS,
    }),
} as const;

export type Compression = keyof typeof INFLATERS;

/** What a `Content-Encoding` says; `null`: none. @throws NervecenterError `NC_MEDIA_TYPE` for one that is not known. */
export function compressionOf(header: string | undefined): Compression | null {
  const name = header?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return null;
  if (Object.hasOwn(INFLATERS, name)) return name as Compression;
  throw new NervecenterError(
    'NC_MEDIA_TYPE',
    `Content-Encoding: expected gzip, zstd or none, got ${JSON.stringify(name.slice(0, 40))}.`,
  );
}

/** Of a body that is inflated at once. Streaming costs some 0.3 ms a body, which is more than inflating what an SDK sends. */
const AT_ONCE_BYTES_MAX = 64 * KIB;
const GZIP_SIZE_BYTES = 4;
const GZIP_CHUNK_MIN = 256;
/** What it may become: this takes about a millisecond, in which nothing else is done. */
const AT_ONCE_INFLATED_MAX = MIB;

/**
 * Inflates a body, and stops where it gets too large, however small it came.
 *
 * @throws NervecenterError `NC_PAYLOAD_TOO_LARGE`, `NC_OVERLOADED`, or `NC_BAD_REQUEST` where it is damaged.
 */
export async function inflate(body: Buffer, compression: Compression, share: Share): Promise<Buffer> {
  const atOnce = inflatedAtOnce(body, compression);
  if (atOnce !== null) {
    share.add(atOnce.length);
    return atOnce;
  }
  const inflater = INFLATERS[compression]();
  inflater.end(body);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) throw tooLarge('inflated');
      share.add(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof NervecenterError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new NervecenterError('NC_BAD_REQUEST', `expected ${compression} data (${reason})`, {
      cause: error,
    });
  } finally {
    inflater.destroy();
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes);
}

/** `null`: it is not small, or cannot be inflated, which streaming finds out again and tells. */
function inflatedAtOnce(body: Buffer, compression: Compression): Buffer | null {
  if (body.length > AT_ONCE_BYTES_MAX) return null;
  const maxOutputLength = AT_ONCE_INFLATED_MAX;
  try {
    return compression === 'zstd'
      ? zstdDecompressSync(body, { chunkSize: CHUNK_BYTES, maxOutputLength, params: ZSTD_PARAMS })
      : gunzipSync(body, { chunkSize: toldSize(body), maxOutputLength });
  } catch {
    return null;
  }
}

/**
 * Memory for all of it in one piece, and no more than that: gzip data end with the size they have. It may be a lie, so it is
 * only where memory begins; with one byte more the end is found without another look.
 */
function toldSize(body: Buffer): number {
  const told = body.length < GZIP_SIZE_BYTES ? 0 : body.readUInt32LE(body.length - GZIP_SIZE_BYTES);
  return 1 + Math.min(AT_ONCE_INFLATED_MAX, Math.max(GZIP_CHUNK_MIN, told));
}

/** @param state how the body is. */
export function tooLarge(state: 'received' | 'inflated'): NervecenterError {
  return new NervecenterError(
    'NC_PAYLOAD_TOO_LARGE',
    `A body has at most ${BODY_BYTES_MAX} bytes, also ${state === 'inflated' ? 'when it is inflated' : 'compressed'}. Send smaller batches.`,
  );
}
