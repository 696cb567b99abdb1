import { HISTOGRAM_SCALE } from '../../../../core/histogram.ts';
import type { OtlpBuckets, OtlpExponentialPoint, OtlpHistogramPoint } from '../model.ts';

/** A histogram with the boundaries of its sender: `counts` has one more than `bounds`, or none. */
export interface ExplicitFigures extends Moments {
  readonly kind: 'explicit';
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

/** A base-2 exponential histogram at the scale of its sender. */
export interface ExponentialFigures extends Moments, OtlpBuckets {
  readonly kind: 'exponential';
  readonly scale: number;
  readonly zeroCount: number;
}

interface Moments {
  readonly count: number;
  readonly sum: number;
  readonly min: Edge;
  readonly max: Edge;
}

/** The smallest or the largest value, where it is known; else what none of the values is beyond, infinite where none is. */
export interface Edge {
  readonly value: number;
  readonly exact: boolean;
}

export interface NumberFigures {
  readonly kind: 'number';
  readonly value: number;
}

/** What one point of a series says. */
export type Figures = NumberFigures | ExplicitFigures | ExponentialFigures;

const UNKNOWN_MIN: Edge = { value: 0, exact: false };
const UNKNOWN_MAX: Edge = { value: Number.POSITIVE_INFINITY, exact: false };
/** Those of the data model are -10 to 20. */
const SCALE_MAX = 20;
const SCALE_MIN = -10;
/** No number is beyond 2 to the power of these. */
const DOUBLINGS_MIN = -1074;
const DOUBLINGS_MAX = 1024;

/** Buckets of one point. SDKs have 160 at most, and finer ones than ours say nothing more. */
const BUCKETS_MAX = 500;

/** Why a point cannot be used. */
export const UNUSABLE = {
  negative: 'of negative values, which histograms here do not hold',
  noSum: 'without a sum',
  inconsistent: 'whose counts, boundaries and sum do not agree',
  noNumber: 'that are no finite number',
  tooManyBuckets: `with more than ${BUCKETS_MAX} buckets`,
} as const;

export type Read<F> = F | { readonly unusable: string };

export function isUnusable<F extends object>(read: Read<F>): read is { readonly unusable: string } {
  return 'unusable' in read;
}

export function explicitFigures(point: OtlpHistogramPoint): Read<ExplicitFigures> {
  const { explicitBounds: bounds, bucketCounts: counts, count } = point;
  if (counts.length > BUCKETS_MAX) return { unusable: UNUSABLE.tooManyBuckets };
  const negative = counts.some((one, i) => one > 0 && (bounds[i] ?? 1) < 0);
  const reason = momentsUnusable(point, negative);
  if (reason !== null) return { unusable: reason };
  const agrees =
    counts.length === 0
      ? bounds.length === 0
      : counts.length === bounds.length + 1 && counts.every(isCount) && sumOf(counts) === count;
  const ascending = bounds.every(
    (bound, i) => Number.isFinite(bound) && bound > (bounds[i - 1] ?? Number.NEGATIVE_INFINITY),
  );
  if (!agrees || !ascending) return { unusable: UNUSABLE.inconsistent };
  return { kind: 'explicit', ...momentsOf(point), bounds, counts };
}

export function exponentialFigures(point: OtlpExponentialPoint): Read<ExponentialFigures> {
  const { positive, negative, scale, zeroCount, count } = point;
  const reason = momentsUnusable(point, sumOf(negative.counts) > 0);
  if (reason !== null) return { unusable: reason };
  const doublings = (index: number) => index * 2 ** -scale;
  const agrees =
    Number.isInteger(scale) &&
    scale >= SCALE_MIN &&
    scale <= SCALE_MAX &&
    Number.isInteger(positive.offset) &&
    doublings(positive.offset) >= DOUBLINGS_MIN &&
    doublings(positive.offset + positive.counts.length - 1) < DOUBLINGS_MAX &&
    [zeroCount, ...positive.counts].every(isCount) &&
    zeroCount + sumOf(positive.counts) === count;
  if (!agrees) return { unusable: UNUSABLE.inconsistent };
  const fitting = fittingBuckets(scale, trimmed(positive));
  if (fitting === null) return { unusable: UNUSABLE.tooManyBuckets };
  return { kind: 'exponential', ...momentsOf(point), zeroCount, ...fitting };
}

/** Without the empty ones at both ends. */
function trimmed({ offset, counts }: OtlpBuckets): OtlpBuckets {
  const first = counts.findIndex((count) => count > 0);
  if (first === -1) return { offset: 0, counts: [] };
  const last = counts.findLastIndex((count) => count > 0);
  return { offset: offset + first, counts: counts.slice(first, last + 1) };
}

/** As many as are followed, coarser where they are finer than ours; `null` where they are still more. */
function fittingBuckets(
  scale: number,
  buckets: OtlpBuckets,
): (OtlpBuckets & { readonly scale: number }) | null {
  let fitting = { scale, ...buckets };
  while (fitting.counts.length > BUCKETS_MAX) {
    if (fitting.scale <= HISTOGRAM_SCALE) return null;
    fitting = { scale: fitting.scale - 1, ...coarser(fitting, 1) };
  }
  return fitting;
}

type MomentsPoint = Pick<OtlpHistogramPoint, 'count' | 'sum' | 'min' | 'max'>;

function momentsUnusable({ count, sum, min }: MomentsPoint, negativeBuckets: boolean): string | null {
  if (!isCount(count)) return UNUSABLE.inconsistent;
  if (negativeBuckets || (sum ?? 0) < 0 || (min ?? 0) < 0) return UNUSABLE.negative;
  if (sum === null && count > 0) return UNUSABLE.noSum;
  return Number.isFinite(sum ?? 0) ? null : UNUSABLE.noNumber;
}

function momentsOf({ count, sum, min, max }: MomentsPoint): Moments {
  const known = min !== null && max !== null && Number.isFinite(max) && min <= max;
  return {
    count,
    sum: sum ?? 0,
    min: known ? { value: min, exact: true } : UNKNOWN_MIN,
    max: known ? { value: max, exact: true } : UNKNOWN_MAX,
  };
}

/**
 * What a cumulative series gained from one point to the next.
 *
 * @returns `fell` where it has less than before: it began anew. `changed` where the two cannot be compared.
 */
export function gained(before: Figures, after: Figures): Figures | 'fell' | 'changed' {
  if (before.kind === 'number' && after.kind === 'number') {
    return after.value < before.value ? 'fell' : { kind: 'number', value: after.value - before.value };
  }
  if (before.kind === 'explicit' && after.kind === 'explicit') return gainedExplicit(before, after);
  if (before.kind === 'exponential' && after.kind === 'exponential') return gainedExponential(before, after);
  return 'changed';
}

function gainedExplicit(before: ExplicitFigures, after: ExplicitFigures): Figures | 'fell' | 'changed' {
  if (after.count < before.count) return 'fell';
  const same = after.bounds.length === before.bounds.length && after.counts.length === before.counts.length;
  if (!same || after.bounds.some((bound, i) => bound !== before.bounds[i])) return 'changed';
  const counts = after.counts.map((count, i) => count - (before.counts[i] ?? 0));
  if (counts.some((count) => count < 0)) return 'fell';
  return { kind: 'explicit', ...gainedMoments(before, after), bounds: after.bounds, counts };
}

/** At the coarser scale of the two: a series becomes coarser as its values spread. */
function gainedExponential(before: ExponentialFigures, after: ExponentialFigures): Figures | 'fell' {
  if (after.count < before.count || after.zeroCount < before.zeroCount) return 'fell';
  const scale = Math.min(before.scale, after.scale);
  const taken = coarser(before, before.scale - scale);
  const { offset, counts } = coarser(after, after.scale - scale);
  const rest = [...counts];
  for (const [i, count] of taken.counts.entries()) {
    if (count === 0) continue;
    const at = taken.offset + i - offset;
    const left = (rest[at] ?? 0) - count;
    if (left < 0) return 'fell';
    rest[at] = left;
  }
  const zeroCount = after.zeroCount - before.zeroCount;
  return { kind: 'exponential', ...gainedMoments(before, after), scale, zeroCount, offset, counts: rest };
}

/** Smallest and largest of all so far say what the new ones are not beyond; a new extreme is one of theirs. */
function gainedMoments(before: Moments, after: Moments): Moments {
  const count = after.count - before.count;
  const sum = count === 0 ? 0 : Math.max(0, after.sum - before.sum);
  const isNew = count > 0 && before.min.exact && before.max.exact;
  const edge = (of: Edge, was: Edge): Edge => ({
    value: of.value,
    exact: of.exact && (before.count === 0 || (isNew && of.value !== was.value)),
  });
  return { count, sum, min: edge(after.min, before.min), max: edge(after.max, before.max) };
}

/** Buckets of so many scales coarser; exact, because each of them holds whole ones. */
function coarser({ offset, counts }: OtlpBuckets, scales: number): OtlpBuckets {
  if (scales === 0 || counts.length === 0) return { offset, counts };
  const low = Math.floor(offset / 2 ** scales);
  const merged: number[] = [];
  for (const [i, count] of counts.entries()) {
    const at = Math.floor((offset + i) / 2 ** scales) - low;
    merged[at] = (merged[at] ?? 0) + count;
  }
  return { offset: low, counts: merged };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
