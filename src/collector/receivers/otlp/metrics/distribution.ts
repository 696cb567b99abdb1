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
  const counts = new Map<number, number>();
  let zeroCount = zeros;
  for (const { low, high, count } of narrow(ranges, figures, zeros)) {
    const range = { low: low * factor, high: high * factor, count };
    if (range.high > 0) spreadOver(range, counts);
    else zeroCount += count;
  }
  return { zeroCount, ...dense(counts) };
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

/** Largest buckets first: their share of an evenly filled range is largest, and the rest soon is less than one value. */
function spreadOver({ low, high, count }: Range, counts: Map<number, number>): void {
  let left = count;
  for (let index = bucketIndex(high); left > 0; index--) {
    const lower = 2 ** (index / BUCKETS_PER_DOUBLING);
    const below = lower <= low || low >= high ? 0 : Math.round((count * (lower - low)) / (high - low));
    const here = Math.max(0, left - below);
    if (here > 0) counts.set(index, (counts.get(index) ?? 0) + here);
    left -= here;
  }
}

function dense(counts: ReadonlyMap<number, number>): Pick<Buckets, 'offset' | 'counts'> {
  if (counts.size === 0) return { offset: 0, counts: [] };
  const offset = Math.min(...counts.keys());
  const all = new Array<number>(Math.max(...counts.keys()) - offset + 1).fill(0);
  for (const [index, count] of counts) all[index - offset] = count;
  return { offset, counts: all };
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
