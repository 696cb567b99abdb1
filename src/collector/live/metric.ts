import type { Attributes, Point } from '../../core/frame.ts';
import { isLasting } from '../../core/measured.ts';
import { OVERFLOW } from '../../core/names/label-bounds.ts';
import {
  type AnySeries,
  absorbSeries,
  type GaugeSeries,
  type HistogramSeries,
  type Now,
  newSeries,
  type SeriesName,
  seriesKey,
} from './series.ts';

/** How many more series the stores that share it may begin. */
export interface SeriesBudget {
  left: number;
}

/** Past so many series of one metric those make room that were not used for longest. */
const SERIES_MAX = 2000;
const OVERFLOW_KEY = seriesKey(OVERFLOW);

/** One metric with its series. */
export class Metric {
  readonly kind: Point['kind'];
  readonly unit: string;
  readonly description: string;
  /** Of our signals: its labels are bounded by name. */
  readonly isOurs: boolean;
  readonly #budget: SeriesBudget;
  readonly #series = new Map<string, AnySeries>();

  constructor({ name, kind, unit, description }: SeriesName, budget: SeriesBudget) {
    this.kind = kind;
    this.unit = unit;
    this.description = description;
    this.isOurs = isLasting({ name, kind });
    this.#budget = budget;
  }

  get isFull(): boolean {
    return this.#series.size >= SERIES_MAX;
  }

  get series(): AnySeries[] {
    return [...this.#series.values()];
  }

  find(attributes: Attributes): AnySeries | undefined {
    return this.#series.get(seriesKey(attributes));
  }

  /** The series of these attributes, whether there is room for it or not. */
  of(attributes: Attributes, nowMs: number): AnySeries {
    const key = seriesKey(attributes);
    const known = this.#series.get(key);
    const series = known ?? newSeries({ kind: this.kind, attributes }, nowMs);
    if (known === undefined) {
      this.#series.set(key, series);
      this.#budget.left--;
    }
    series.usedMs = Math.max(series.usedMs, nowMs);
    return series;
  }

  /** The series that bear a name go on as those of the attributes without it. */
  fold(
    bears: (attributes: Attributes) => boolean,
    without: (attributes: Attributes) => Attributes,
    now: Now,
  ): void {
    for (const [key, series] of this.#series)
      if (bears(series.attributes)) this.#end(key, series, without(series.attributes), now);
  }

  /** The series that was not used for longest goes on in the overflow; the value of a gauge that nobody sets any more is gone. */
  overflow(now: Now): void {
    let oldest: [string, AnySeries] | null = null;
    for (const entry of this.#series)
      if (entry[0] !== OVERFLOW_KEY && (oldest === null || entry[1].usedMs < oldest[1].usedMs))
        oldest = entry;
    if (oldest !== null) this.#end(...oldest, OVERFLOW, now);
  }

  /** Forgets the value that a gauge has of an instance; @param attributes of the one. @default all of them */
  forget(instanceId: string, attributes?: Attributes): void {
    if (this.kind !== 'gauge') return;
    const wanted = attributes === undefined ? null : seriesKey(attributes);
    for (const [key, series] of this.#series) {
      if (wanted !== null && key !== wanted) continue;
      const { values } = series as GaugeSeries;
      values.delete(instanceId);
      if (values.size === 0) this.#remove(key);
    }
  }

  /** Gives back the memory of what has left the window. */
  forgetPast(slot: number): void {
    if (this.kind !== 'histogram') return;
    for (const series of this.#series.values()) (series as HistogramSeries).window.distribution(slot);
  }

  clear(): void {
    for (const key of this.#series.keys()) this.#remove(key);
  }

  #end(key: string, series: AnySeries, as: Attributes, now: Now): void {
    this.#remove(key);
    if (this.kind !== 'gauge') absorbSeries(this.kind, this.of(as, series.usedMs), series, now);
  }

  #remove(key: string): void {
    if (this.#series.delete(key)) this.#budget.left++;
  }
}
