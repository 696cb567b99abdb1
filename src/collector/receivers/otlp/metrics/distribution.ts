import {
  BUCKETS_PER_DOUBLING,
  type Buckets,
  bucketIndex,
  type Distribution,
  HISTOGRAM_BUCKETS_MAX,
  HISTOGRAM_SCALE,
  rescale,
} from '../../../../core/histogram.ts';
import type { ExplicitFigures, ExponentialFigures } from './figures.ts';

/** Of the smallest number there is, and how many there are to the largest. */
const LOWEST = -1075 * BUCKETS_PER_DOUBLING;
const BUCKETS = (1075 + 1024) * BUCKETS_PER_DOUBLING;
const LOWER = Float64Array.from(
  { length: BUCKETS },
  (_, place) => 2 ** ((place + LOWEST) / BUCKETS_PER_DOUBLING),
);
/** Where a histogram is spread: all zeros before and after. */
const COUNTS = new Float64Array(BUCKETS);

/** Values in (low, high], or all at `high` where both are equal. */
interface Range {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/**
 * A sender's histogram as one of ours: count and sum are exact. Finer exponential buckets merge exactly; the values of any
 * other bucket are spread evenly over it, as `histogram_quantile` assumes as well, so a percentile is in the right bucket of
 * its sender. Smallest, largest and mean value narrow the outermost buckets, and a bucket that holds all values.
 *
 * @param factor what a value is multiplied with, for it to be in our unit.
 */
export function distributionOf(figures: ExplicitFigures | ExponentialFigures, factor: number): Distribution {
  const { count, sum } = figures;
  const exact = figures.kind === 'exponential' && figures.scale >= HISTOGRAM_SCALE && factor === 1;
  const all = exact
    ? { zeroCount: figures.zeroCount, ...rescale(figures.scale, figures.offset, figures.counts) }
    : spread(figures, factor);
  return { count, sum: sum * factor, ...bounded(all), ...edgesOf(figures, factor, all) };
}

function spread(figures: ExplicitFigures | ExponentialFigures, factor: number): Buckets {
  const ranges = figures.kind === 'explicit' ? explicitRanges(figures) : exponentialRanges(figures);
  const zeros = figures.kind === 'explicit' ? zerosOf(figures) : figures.zeroCount;
  let zeroCount = zeros;
  let [first, last] = [BUCKETS, -1];
  for (const { low, high, count } of narrow(ranges, figures, zeros)) {
    const range = { low: low * factor, high: high * factor, count };
    if (range.high > 0) {
      last = Math.max(last, placeOf(range.high));
      first = Math.min(first, spreadOver(range));
    } else zeroCount += count;
  }
  if (last === -1) return { zeroCount, offset: 0, counts: [] };
  const counts = Array.from(COUNTS.subarray(first, last + 1));
  COUNTS.fill(0, first, last + 1);
  return { zeroCount, offset: first + LOWEST, counts };
}

/** What is at or below zero is zero: senders with a boundary there count it apart. */
function zerosOf({ bounds, counts }: ExplicitFigures): number {
  return counts.reduce((zeros, count, i) => ((bounds[i] ?? 1) <= 0 ? zeros + count : zeros), 0);
}

function explicitRanges({ bounds, counts, count }: ExplicitFigures): Range[] {
  if (counts.length === 0) return count === 0 ? [] : [{ low: 0, high: Number.POSITIVE_INFINITY, count }];
  return counts.flatMap((count, i) => {
    const high = bounds[i] ?? Number.POSITIVE_INFINITY;
    return count === 0 || high <= 0 ? [] : [{ low: Math.max(0, bounds[i - 1] ?? 0), high, count }];
  });
}

function exponentialRanges({ scale, offset, counts }: ExponentialFigures): Range[] {
  const bound = (index: number) => 2 ** (index * 2 ** -scale);
  return counts.flatMap((count, i) =>
    count === 0
      ? []
      : [{ low: bound(offset + i), high: Math.max(Number.MIN_VALUE, bound(offset + i + 1)), count }],
  );
}

/** Ranges within what is known of the values besides. */
function narrow(
  ranges: readonly Range[],
  { min, max, sum }: ExplicitFigures | ExponentialFigures,
  zeros: number,
): Range[] {
  const within = ranges.map(({ low, high, count }) => {
    const bounds = { low: Math.max(low, min.value), high: Math.min(high, max.value), count };
    return bounds.low <= bounds.high ? bounds : { low, high, count };
  });
  const [only] = within;
  if (within.length === 1 && only !== undefined && zeros === 0) return [aroundMean(only, sum / only.count)];
  const last = within.at(-1);
  if (last === undefined || last.high !== Number.POSITIVE_INFINITY) return within;
  const others = within.slice(0, -1);
  const rest = sum - others.reduce((all, { low, high, count }) => all + (count * (low + high)) / 2, 0);
  return [...others, aroundMean(last, rest / last.count)];
}

/** The widest range within one that has this mean; a value alone is the mean. */
function aroundMean({ low, high, count }: Range, mean: number): Range {
  const middle = Math.min(Math.max(mean, low), high);
  const reach = count === 1 ? 0 : Math.min(middle - low, high - middle);
  return { low: middle - reach, high: middle + reach, count };
}

/**
 * Largest buckets first: their share of an evenly filled range is largest, and the rest soon is less than one value.
 *
 * @returns the place of the smallest one.
 */
function spreadOver({ low, high, count }: Range): number {
  const perValue = low >= high ? 0 : count / (high - low);
  let place = placeOf(high);
  for (let left = count; ; place--) {
    const lower = LOWER[place] ?? 0;
    const below = lower <= low ? 0 : Math.min(left, Math.round((lower - low) * perValue));
    COUNTS[place] = (COUNTS[place] ?? 0) + left - below;
    left = below;
    if (left === 0) return place;
  }
}

function placeOf(value: number): number {
  return Math.min(BUCKETS - 1, Math.max(0, bucketIndex(value) - LOWEST));
}

/** The highest buckets, and the others in the lowest of them, as everywhere. */
function bounded({ zeroCount, offset, counts }: Buckets): Buckets {
  const excess = counts.length - HISTOGRAM_BUCKETS_MAX;
  if (excess <= 0) return { zeroCount, offset, counts };
  const kept = counts.slice(excess);
  kept[0] = counts.slice(0, excess + 1).reduce((sum, count) => sum + count, 0);
  return { zeroCount, offset: offset + excess, counts: kept };
}

/** Smallest and largest value: as the sender says, else the middle of the outermost bucket. */
function edgesOf(
  figures: ExplicitFigures | ExponentialFigures,
  factor: number,
  { zeroCount, offset, counts }: Buckets,
): Pick<Distribution, 'min' | 'max'> {
  const { min, max, sum, count } = figures;
  const mean = count === 0 ? 0 : (sum / count) * factor;
  const middle = (index: number) => 2 ** ((offset + index + 0.5) / BUCKETS_PER_DOUBLING);
  const first = counts.findIndex((one) => one > 0);
  const low = zeroCount > 0 || first === -1 ? 0 : Math.max(min.value * factor, middle(first));
  const high =
    first === -1 ? 0 : Math.min(max.value * factor, middle(counts.findLastIndex((one) => one > 0)));
  return {
    min: min.exact ? min.value * factor : Math.min(low, mean),
    max: max.exact ? max.value * factor : Math.max(high, mean),
  };
}
