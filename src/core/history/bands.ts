import { BUCKETS_PER_DOUBLING } from '../histogram.ts';
import { BUCKET_MAX, BUCKET_MIN, unpack } from './packed.ts';

/** How many values fell between `bounds[i]` (not included) and `bounds[i + 1]`, per bucket of time. */
export interface Bands {
  /** Growing, each the same multiple of the one before; one more than bands. Empty without values. */
  readonly bounds: readonly number[];
  /** By bucket of time, then by band. */
  readonly counts: readonly (readonly number[])[];
}

/**
 * Packed histograms, one per bucket of time, as at most `bandsMax` bands of equal ratio. Exact: a band is a whole number of
 * histogram buckets. Values of zero and below are in the lowest band.
 */
export function bandsOf(histograms: readonly (Uint8Array | null)[], bandsMax: number): Bands {
  const columns = histograms.map((packed) => (packed === null ? null : unpack(packed)));
  const reach = reachOf(columns.map((column) => column?.counts ?? []));
  if (columns.every((column) => column === null || column.count === 0)) return { bounds: [], counts: [] };
  const { low, high } = reach ?? { low: BUCKET_MIN, high: BUCKET_MIN };
  let width = 1;
  while (bandAt(high, width) - bandAt(low, width) >= bandsMax) width *= 2;
  const first = bandAt(low, width);
  const bands = bandAt(high, width) - first + 1;
  return {
    bounds: Array.from(
      { length: bands + 1 },
      (_, at) => 2 ** (((first + at) * width) / BUCKETS_PER_DOUBLING),
    ),
    counts: columns.map((column) => {
      const counts = new Array<number>(bands).fill(0);
      counts[0] = column?.zeroCount ?? 0;
      for (let index = low; index <= high; index++) {
        const band = bandAt(index, width) - first;
        counts[band] = (counts[band] ?? 0) + (column?.counts[index - BUCKET_MIN] ?? 0);
      }
      return counts;
    }),
  };
}

/** The lowest and the highest histogram bucket that holds anything; `null` when all values are zero. */
function reachOf(columns: readonly (readonly number[])[]): { low: number; high: number } | null {
  let low = BUCKET_MAX + 1;
  let high = BUCKET_MIN - 1;
  for (const counts of columns) {
    counts.forEach((count, at) => {
      if (count <= 0) return;
      low = Math.min(low, at + BUCKET_MIN);
      high = Math.max(high, at + BUCKET_MIN);
    });
  }
  return low > high ? null : { low, high };
}

function bandAt(index: number, width: number): number {
  return Math.floor(index / width);
}
