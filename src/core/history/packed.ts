import { type Distribution, percentile } from '../histogram.ts';

/** Buckets are kept from 2^-10 to 2^50: from a microsecond in milliseconds to a petabyte in bytes. */
export const BUCKET_MIN = -80;
export const BUCKET_MAX = 400;
/** The bucket of values of zero and below. */
export const ZERO_BUCKET = -96;

/**
 * A packed histogram is a sequence of int2, big-endian. Each says that `digit * 8 ^ exponent` values are in a bucket, in 3, 4
 * and 9 bits: a count has as many as it has octal digits other than 0, so most counts of a minute are one. Any number of
 * histograms one behind the other are their sum.
 */
const TOKEN_BYTES = 2;
const DIGIT_BITS = 3;
const DIGIT_MASK = 7;
const EXPONENT_MASK = 15;
const BUCKET_SHIFT = 7;
/** In the middle of the buckets, so that all of them fit the 9 bits. */
const BUCKET_ORIGIN = 160;
/** How many values a bucket's tokens can tell. */
const COUNT_MAX = 8 ** (EXPONENT_MASK + 1) - 1;
const RADIX = 8;
/** By exponent. */
const POWERS = Array.from({ length: EXPONENT_MASK + 1 }, (_, exponent) => RADIX ** exponent);
const BUCKETS = BUCKET_MAX - ZERO_BUCKET + 1;

/** The int2 that says that one value is in a bucket. */
export function tokenOf(bucket: number, digit = 1, exponent = 0): number {
  return ((bucket - BUCKET_ORIGIN) << BUCKET_SHIFT) | (exponent << DIGIT_BITS) | digit;
}

/** A packed histogram, any number of them one behind the other, as bucket counts. */
export function unpack(bytes: Uint8Array): Pick<Distribution, 'count' | 'zeroCount' | 'offset' | 'counts'> {
  const all = countsOf(bytes);
  let count = 0;
  for (const one of all) count += one;
  const [zeroCount = 0] = all;
  return { count, zeroCount, offset: BUCKET_MIN, counts: all.slice(BUCKET_MIN - ZERO_BUCKET) };
}

/** The same histogram in the fewest bytes, its buckets in order. */
export function merged(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= TOKEN_BYTES) return bytes;
  const tokens = sortedTokens(bytes);
  const packed: number[] = [];
  let bucket = (tokens[0] ?? 0) >> BUCKET_SHIFT;
  let count = 0;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] ?? 0;
    if (token >> BUCKET_SHIFT !== bucket) {
      pack(packed, bucket, count);
      bucket = token >> BUCKET_SHIFT;
      count = 0;
    }
    count += (token & DIGIT_MASK) * (POWERS[(token >> DIGIT_BITS) & EXPONENT_MASK] ?? 0);
  }
  pack(packed, bucket, count);
  return new Uint8Array(packed);
}

/** Most histograms are of a few values, for which a call of the engine's sort would take longer than all else. */
const FEW_TOKENS = 24;

function sortedTokens(bytes: Uint8Array): Int16Array {
  const tokens = new Int16Array(bytes.length / TOKEN_BYTES);
  const few = tokens.length <= FEW_TOKENS;
  for (let at = 0; at < tokens.length; at++) {
    const token = (((bytes[at * TOKEN_BYTES] ?? 0) << 24) >> 16) | (bytes[at * TOKEN_BYTES + 1] ?? 0);
    let place = at;
    for (; few && place > 0 && (tokens[place - 1] ?? 0) > token; place--)
      tokens[place] = tokens[place - 1] ?? 0;
    tokens[place] = token;
  }
  return few ? tokens : tokens.sort();
}

/** Appends the tokens of one bucket, which is told as they tell it. */
function pack(packed: number[], bucket: number, count: number): void {
  let left = Math.min(count, COUNT_MAX);
  for (let exponent = 0; left > 0; exponent++) {
    const digit = left % RADIX;
    if (digit > 0) {
      const token = (bucket << BUCKET_SHIFT) | (exponent << DIGIT_BITS) | digit;
      packed.push((token >> 8) & 0xff, token & 0xff);
    }
    left = Math.floor(left / RADIX);
  }
}

/** By bucket, from `ZERO_BUCKET` on. */
function countsOf(bytes: Uint8Array): number[] {
  const counts = new Array<number>(BUCKETS).fill(0);
  for (let at = 1; at < bytes.length; at += TOKEN_BYTES) {
    const low = bytes[at] ?? 0;
    const bucket = (((bytes[at - 1] ?? 0) << 24) >> 23) + (low >> BUCKET_SHIFT) + BUCKET_ORIGIN - ZERO_BUCKET;
    const more = (low & DIGIT_MASK) * (POWERS[(low >> DIGIT_BITS) & EXPONENT_MASK] ?? 0);
    counts[bucket] = (counts[bucket] ?? 0) + more;
  }
  return counts;
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
