import type { HistogramPoint } from './frame.ts';

/**
 * Base-2 exponential histograms (OpenTelemetry metrics data model) at one fixed scale, so that any two merge exactly by
 * adding buckets and one can be taken out of a sum again.
 *
 * At scale 3 the base is 2^(1/8): 8 buckets per doubling, and 160 of them span 2^20, from 1 ms to 17 min. The geometric
 * midpoint of a bucket is at most 2^(1/16) - 1 = 4.4 % away from any value in it.
 */
export const HISTOGRAM_SCALE = 3;
export const BUCKETS_PER_DOUBLING = 2 ** HISTOGRAM_SCALE;
export const HISTOGRAM_BUCKETS_MAX = 160;
/** Bound of a percentile's relative error, stated in docs/metrics.md and in the dashboard's tooltip. */
export const PERCENTILE_ERROR_BOUND = 2 ** (1 / (2 * BUCKETS_PER_DOUBLING)) - 1;

/** Index of the bucket (lower, upper] that holds a positive value. */
export function bucketIndex(value: number): number {
  return Math.ceil(Math.log2(value) * BUCKETS_PER_DOUBLING) - 1;
}

/** Geometric midpoint of a bucket, the value a percentile reports for it. */
function bucketMidpoint(index: number): number {
  return 2 ** ((index + 0.5) / BUCKETS_PER_DOUBLING);
}

/** What a merged histogram needs of its parts; a `HistogramPoint` is one. */
export type Buckets = Pick<HistogramPoint, 'zeroCount' | 'offset' | 'counts'>;

/**
 * Bucket counts of many histograms added together, at most `HISTOGRAM_BUCKETS_MAX` wide: when the values span more, the
 * lowest buckets are folded into the lowest one kept, so the high percentiles stay within the bound.
 */
export class BucketCounts implements Buckets {
  #zeroCount = 0;
  /** Index of the bucket in `#counts[0]`; meaningless while `#counts` is empty. */
  #offset = 0;
  #counts: number[] = [];
  /** Nothing that was counted before can be taken out any more. */
  #cleared = false;

  add(buckets: Buckets): void {
    this.#zeroCount += buckets.zeroCount;
    this.#apply(buckets, 1);
  }

  /** Takes out what was added before. Exact, because counts are whole numbers. */
  subtract(buckets: Buckets): void {
    this.#zeroCount -= buckets.zeroCount;
    this.#apply(buckets, -1);
  }

  /** Counts one value; 0 is counted apart. */
  record(value: number): void {
    if (value === 0) {
      this.#zeroCount++;
      return;
    }
    const index = bucketIndex(value);
    if (index < this.#offset || index >= this.#offset + this.#counts.length) this.#cover(index, index);
    const at = Math.max(0, index - this.#offset);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  get zeroCount(): number {
    return this.#zeroCount;
  }

  get offset(): number {
    return this.#offset;
  }

  /** These very counts, which change with it. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  get buckets(): Buckets {
    return { zeroCount: this.#zeroCount, offset: this.#offset, counts: this.#counts };
  }

  /** Forgets what was counted and keeps the array, because a series' next values are mostly near its last ones. */
  clear(): void {
    this.#cleared = true;
    this.#zeroCount = 0;
    this.#counts.fill(0);
  }

  #apply({ offset, counts }: Buckets, sign: 1 | -1): void {
    if (counts.length === 0) return;
    this.#cover(offset, offset + counts.length - 1);
    for (let i = 0; i < counts.length; i++) {
      const at = Math.max(0, offset + i - this.#offset);
      this.#counts[at] = (this.#counts[at] ?? 0) + sign * (counts[i] ?? 0);
    }
  }

  /** Widens the array to hold the buckets `low` to `high`, folding the lowest ones at the bound. */
  #cover(low: number, high: number): void {
    if (this.#cleared) this.#trimFor(low, high);
    if (this.#counts.length === 0) {
      this.#offset = Math.max(low, high - HISTOGRAM_BUCKETS_MAX + 1);
      this.#counts = new Array(high - this.#offset + 1).fill(0);
      return;
    }
    const top = Math.max(high, this.#offset + this.#counts.length - 1);
    while (this.#offset + this.#counts.length - 1 < top) this.#counts.push(0);
    const bottom = Math.max(Math.min(low, this.#offset), top - HISTOGRAM_BUCKETS_MAX + 1);
    if (bottom < this.#offset) {
      this.#counts.unshift(...new Array<number>(this.#offset - bottom).fill(0));
    } else if (bottom > this.#offset) {
      const folded = this.#counts.splice(0, bottom - this.#offset);
      this.#counts[0] = folded.reduce((sum, count) => sum + count, this.#counts[0] ?? 0);
    }
    this.#offset = bottom;
  }

  /** Where the bound is reached, buckets at the top that were emptied make room: values would be folded for their sake. */
  #trimFor(low: number, high: number): void {
    if (Math.max(high, this.#offset + this.#counts.length - 1) - low < HISTOGRAM_BUCKETS_MAX) return;
    while (this.#counts.at(-1) === 0) this.#counts.pop();
  }
}

/** A distribution ready to be asked: bucket counts with the exact count, sum, minimum and maximum. */
export interface Distribution extends Buckets {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** What was recorded since it was last taken, as a distribution that changes with what is recorded. */
export class HistogramDelta implements Distribution {
  #buckets = new BucketCounts();
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  /** @param value finite and not negative. */
  record(value: number): void {
    this.#buckets.record(value);
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** Takes in what another one has taken. */
  add(distribution: Distribution): void {
    this.#buckets.add(distribution);
    this.#count += distribution.count;
    this.#sum += distribution.sum;
    this.#min = Math.min(this.#min, distribution.min);
    this.#max = Math.max(this.#max, distribution.max);
  }

  /** The distribution since the last call; the next one begins empty. */
  take(): Distribution {
    const { zeroCount, offset, counts, count, sum, min, max } = this;
    const taken = { zeroCount, offset, counts, count, sum, min, max };
    this.#buckets = new BucketCounts();
    this.#begin();
    return taken;
  }

  get zeroCount(): number {
    return this.#buckets.zeroCount;
  }

  get offset(): number {
    return this.#buckets.offset;
  }

  get counts(): readonly number[] {
    return this.#buckets.counts;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /** Begins anew, as `take` without taking anything. */
  clear(): void {
    this.#buckets.clear();
    this.#begin();
  }

  #begin(): void {
    this.#count = 0;
    this.#sum = 0;
    this.#min = Number.POSITIVE_INFINITY;
    this.#max = Number.NEGATIVE_INFINITY;
  }
}

/** Exact mean; 0 without values. */
export function mean(distribution: Pick<Distribution, 'count' | 'sum'>): number {
  return distribution.count === 0 ? 0 : distribution.sum / distribution.count;
}

/**
 * Nearest-rank percentile: the value at rank ceil(quantile * count), as the midpoint of its bucket, kept within the exact
 * minimum and maximum. Relative error at most `PERCENTILE_ERROR_BOUND`; 0 without values.
 *
 * @param quantile between 0 and 1, for example 0.95.
 */
export function percentile(distribution: Distribution, quantile: number): number {
  const { count, zeroCount, offset, counts, min, max } = distribution;
  if (count <= 0) return 0;
  const rank = Math.min(count, Math.max(1, Math.ceil(quantile * count)));
  if (rank === count) return max; // Known exactly.
  let seen = zeroCount;
  if (rank <= seen) return 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] ?? 0;
    if (rank <= seen) return Math.min(max, Math.max(min, bucketMidpoint(offset + i)));
  }
  return max;
}

/**
 * Brings exponential buckets of any scale to `HISTOGRAM_SCALE`. Finer ones merge exactly; coarser ones (values spanning
 * more than the SDK's buckets) are put into the middle of the finer range.
 */
export function rescale(
  scale: number,
  offset: number,
  counts: readonly number[],
): Pick<Buckets, 'offset' | 'counts'> {
  let first = 0;
  let last = counts.length - 1;
  if (scale === HISTOGRAM_SCALE && counts[first] && counts[last]) return { offset, counts };
  while (first <= last && !counts[first]) first++;
  while (last >= first && !counts[last]) last--;
  if (first > last) return { offset: 0, counts: [] };
  const at = (i: number) => rescaleIndex(scale, offset + i);
  const low = at(first);
  const rescaled = new Array<number>(at(last) - low + 1).fill(0);
  for (let i = first; i <= last; i++) {
    const count = counts[i] ?? 0;
    if (count !== 0) rescaled[at(i) - low] = (rescaled[at(i) - low] ?? 0) + count;
  }
  return { offset: low, counts: rescaled };
}

function rescaleIndex(scale: number, index: number): number {
  if (scale >= HISTOGRAM_SCALE) return Math.floor(index / 2 ** (scale - HISTOGRAM_SCALE));
  const width = 2 ** (HISTOGRAM_SCALE - scale);
  return index * width + Math.floor(width / 2);
}
