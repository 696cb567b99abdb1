import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { NervecenterError } from '../../../../core/errors.ts';
import type { Share } from './in-flight.ts';
import { BODY_BYTES_MAX } from './limits.ts';

const CHUNK_BYTES = 65_536;
/** 32 MiB, which the strongest of common settings uses; a frame may ask for much more memory than it fills. */
const ZSTD_WINDOW_LOG_MAX = 25;

const INFLATERS = {
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  'x-gzip': () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zstd: () =>
    createZstdDecompress({
      chunkSize: CHUNK_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
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

/**
 * Inflates a body, and stops where it gets too large, however small it came.
 *
 * @throws NervecenterError `NC_PAYLOAD_TOO_LARGE`, `NC_OVERLOADED`, or `NC_BAD_REQUEST` where it is damaged.
 */
export async function inflate(body: Buffer, compression: Compression, share: Share): Promise<Buffer> {
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

/** @param state how the body is. */
export function tooLarge(state: 'received' | 'inflated'): NervecenterError {
  return new NervecenterError(
    'NC_PAYLOAD_TOO_LARGE',
    `A body has at most ${BODY_BYTES_MAX} bytes, also ${state === 'inflated' ? 'when it is inflated' : 'compressed'}. Send smaller batches.`,
  );
}
