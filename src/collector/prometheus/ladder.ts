import type { Exemplar } from '../../core/frame.ts';
import { BUCKETS_PER_DOUBLING, bucketIndex } from '../../core/histogram.ts';
import type { HistogramSeries } from '../metric-family.ts';

/**
 * A classic bucket is a series of its own to whoever scrapes it, of some kB of memory and a hundred bytes of text: so many a
 * family may have before its buckets get coarser.
 */
export const CLASSIC_BUCKETS_MAX = 10_000;
/** Boundaries a doubling, from the finest there are. */
const RESOLUTIONS = [8, 4, 2, 1] as const;

/** The boundaries of a family's classic buckets, which all its series have: the ends of buckets `step` apart. */
export interface Ladder {
  /** Index of the bucket that ends at the lowest boundary. */
  readonly first: number;
  readonly step: number;
  readonly boundaries: readonly number[];
}

const EMPTY: Ladder = { first: 0, step: 1, boundaries: [] };

/**
 * Every series of a family shows the same boundaries, from below its lowest occupied doubling to above its highest: sums over
 * series (`sum by (le)`) are wrong where one of them lacks a boundary, and a lowest bucket that begins at 0 tells little.
 *
 * As fine as `CLASSIC_BUCKETS_MAX` allows. Series and occupied doublings only ever get more, so that boundaries come in whole
 * doublings and go at most three times in a collector's life, when every second one goes.
 */
export function ladderOf(series: readonly HistogramSeries[]): Ladder {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { buckets } of series) {
    if (buckets.counts.length === 0) continue;
    lowest = Math.min(lowest, buckets.offset);
    highest = Math.max(highest, buckets.offset + buckets.counts.length - 1);
  }
  if (lowest > highest) return EMPTY;
  const from = Math.floor(lowest / BUCKETS_PER_DOUBLING);
  const doublings = Math.floor(highest / BUCKETS_PER_DOUBLING) + 1 - from;
  const fits = (resolution: number) => series.length * (doublings * resolution + 1) <= CLASSIC_BUCKETS_MAX;
  const resolution = RESOLUTIONS.find(fits) ?? 1;
  const step = BUCKETS_PER_DOUBLING / resolution;
  const boundaries = Array.from(
    { length: doublings * resolution + 1 },
    (_, i) => 2 ** (from + i / resolution),
  );
  return { first: from * BUCKETS_PER_DOUBLING - 1, step, boundaries };
}

/** For each boundary how many values are at or below it. */
export function cumulativeCounts({ zeroCount, buckets }: HistogramSeries, ladder: Ladder): number[] {
  const { offset, counts } = buckets;
  const cumulative: number[] = [];
  let below = zeroCount;
  let next = 0;
  for (let rung = 0; rung < ladder.boundaries.length; rung++) {
    const end = Math.min(counts.length, ladder.first + rung * ladder.step - offset + 1);
    for (; next < end; next++) below += counts[next] ?? 0;
    cumulative.push(below);
  }
  return cumulative;
}

/** Exemplars by the boundary they belong to, one past the last for what is above all; of several the newest, which comes last. */
export function exemplarsByRung(
  exemplars: Iterable<Exemplar>,
  { first, step, boundaries }: Ladder,
): ReadonlyMap<number, Exemplar> {
  const byRung = new Map<number, Exemplar>();
  for (const exemplar of exemplars) {
    const rung = Math.ceil((bucketIndex(exemplar.value) - first) / step);
    byRung.set(Math.min(boundaries.length, Math.max(0, rung)), exemplar);
  }
  return byRung;
}
