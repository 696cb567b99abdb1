/** The series of the live view, and what adds to them. */
import type { Attributes, HistogramPoint, Point } from '../../core/frame.ts';
import { CumulativeBuckets, Exemplars, ShownHistogram } from './cumulative.ts';
import { SlidingHistogram, SlidingSum } from './sliding.ts';

/** A million values a second for 140 years. Up to twice as many, sums and differences of counts are exact. */
const COUNT_MAX = 2 ** 52;

/** One counter with its attributes: the total since the collector started, and the window. */
export interface CounterSeries {
  readonly attributes: Attributes;
  /** When something was last added. */
  usedMs: number;
  total: number;
  /** The most that `/metrics` has shown. */
  shown: number;
  /** When it was first counted. */
  readonly createdMs: number;
  readonly window: SlidingSum;
}

/** One histogram with its attributes: totals since the collector started, and the window. */
export interface HistogramSeries {
  readonly attributes: Attributes;
  /** When something was last added. */
  usedMs: number;
  count: number;
  sum: number;
  zeroCount: number;
  readonly buckets: CumulativeBuckets;
  /** What `/metrics` shows instead, since something was taken back; `null`: nothing was. */
  shown: ShownHistogram | null;
  readonly exemplars: Exemplars;
  /** When it was first measured. */
  readonly createdMs: number;
  readonly window: SlidingHistogram;
}

/** One gauge with its attributes: each instance's latest value. */
export interface GaugeSeries {
  readonly attributes: Attributes;
  /** When something was last added. */
  usedMs: number;
  readonly values: Map<string, number>;
}

export type AnySeries = CounterSeries | HistogramSeries | GaugeSeries;
/** What a series is of, and what it is told apart by. */
export type SeriesName = Pick<Point, 'name' | 'kind' | 'unit' | 'description' | 'attributes'>;

/** The moment of a merge, and the part of the window that it is in. */
export interface Now {
  readonly nowMs: number;
  readonly slot: number;
  /** Of what is taken back: the part it was counted in, `null` where that has left the window. */
  readonly countedIn?: number | null;
}

export function newSeries(
  { kind, attributes }: Pick<SeriesName, 'kind' | 'attributes'>,
  createdMs: number,
): AnySeries {
  const usedMs = createdMs;
  if (kind === 'counter')
    return { attributes, usedMs, total: 0, shown: 0, createdMs, window: new SlidingSum() };
  if (kind === 'gauge') return { attributes, usedMs, values: new Map() };
  const totals = { count: 0, sum: 0, zeroCount: 0, buckets: new CumulativeBuckets(), shown: null };
  return {
    attributes,
    usedMs,
    ...totals,
    exemplars: new Exemplars(),
    createdMs,
    window: new SlidingHistogram(),
  };
}

export function addToCounter(series: CounterSeries, value: number, { slot, countedIn }: Now): void {
  if (value < 0) {
    if (countedIn === undefined) return; // A total falls by what the collector takes back, and by nothing else.
    series.shown = Math.max(series.shown, series.total);
  }
  series.total += value;
  const into = countedIn === undefined ? slot : countedIn;
  if (into !== null) series.window.add(value, into);
}

/** What its buckets hold is what counts: a histogram whose count is another one is refused by who scrapes it. */
export function addToHistogram(
  series: HistogramSeries,
  point: HistogramPoint,
  { slot, nowMs, countedIn }: Now,
): void {
  const count = point.counts.reduce((sum, inBucket) => sum + inBucket, point.zeroCount);
  if (series.count + count > COUNT_MAX) return;
  if (count < 0) series.shown ??= new ShownHistogram(series);
  series.count += count;
  series.buckets.add(point);
  series.sum += point.sum;
  series.zeroCount += point.zeroCount;
  if (point.exemplar !== undefined) series.exemplars.add(point.exemplar, nowMs);
  const into = countedIn === undefined ? slot : countedIn;
  if (into !== null) series.window.add(point, into);
}

/** Takes in another one, which ends by that: its totals, and of its window what is left of it at `slot`. */
function absorbCounter(series: CounterSeries, other: CounterSeries, slot: number): void {
  // More than there is, where something was taken back: what was shown of both stays shown.
  series.shown = Math.max(series.shown, series.total) + Math.max(other.shown, other.total);
  series.total += other.total;
  series.window.absorb(other.window, slot);
}

/** The same, with its exemplars. */
function absorbHistogram(series: HistogramSeries, other: HistogramSeries, { slot, nowMs }: Now): void {
  if (series.shown !== null || other.shown !== null) {
    series.shown ??= new ShownHistogram(series);
    series.shown.add(other.shown ?? other);
  }
  series.count += other.count;
  series.sum += other.sum;
  series.zeroCount += other.zeroCount;
  series.buckets.add(other.buckets);
  series.window.absorb(other.window, slot);
  for (const exemplar of other.exemplars) series.exemplars.add(exemplar, nowMs);
}

/** Either; the values of gauges are no sum. */
export function absorbSeries(kind: Point['kind'], series: AnySeries, other: AnySeries, now: Now): void {
  if (kind === 'counter') absorbCounter(series as CounterSeries, other as CounterSeries, now.slot);
  if (kind === 'histogram') absorbHistogram(series as HistogramSeries, other as HistogramSeries, now);
}

/** One text per set of attributes, whatever their order. */
export function seriesKey(attributes: Attributes): string {
  const names = Object.keys(attributes);
  if (names.length > 1) names.sort();
  let key = '';
  for (const name of names) key += `${name}\u0001${String(attributes[name])}\u0002`;
  return key;
}
