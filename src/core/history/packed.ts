import { type Distribution, percentile } from '../histogram.ts';

/** One pair: int2 bucket, int4 count, big-endian. */
const PAIR_BYTES = 6;
/** The bucket of values of zero and below. */
export const ZERO_BUCKET = -32_768;
/** Buckets are kept from 2^-10 to 2^50: from a microsecond in milliseconds to a petabyte in bytes. */
export const BUCKET_MIN = -80;
export const BUCKET_MAX = 400;

/** A packed histogram (see migration 011), any number of them one behind the other, as bucket counts. */
export function unpack(bytes: Uint8Array): Pick<Distribution, 'count' | 'zeroCount' | 'offset' | 'counts'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counts = new Array<number>(BUCKET_MAX - BUCKET_MIN + 1).fill(0);
  let zeroCount = 0;
  let count = 0;
  for (let at = 0; at + PAIR_BYTES <= bytes.byteLength; at += PAIR_BYTES) {
    const bucket = view.getInt16(at);
    const more = view.getInt32(at + 2);
    count += more;
    if (bucket === ZERO_BUCKET) zeroCount += more;
    else counts[bucket - BUCKET_MIN] = (counts[bucket - BUCKET_MIN] ?? 0) + more;
  }
  return { count, zeroCount, offset: BUCKET_MIN, counts };
}

/** The percentile of packed histograms, kept within the exact minimum and maximum; `null` without values. */
export function packedPercentile(
  bytes: Uint8Array,
  range: { readonly min: number; readonly max: number },
  quantile: number,
): number | null {
  const distribution = unpack(bytes);
  return distribution.count === 0 ? null : percentile({ ...distribution, sum: 0, ...range }, quantile);
}
