import type { Attributes, Point } from '../frame.ts';
import { isLasting, seriesOf } from '../measured.ts';
import { OVERFLOW } from './label-bounds.ts';
import { SeriesNames } from './series-names.ts';

export interface BoundedSeriesOptions<S> {
  /** Series at once, of all metrics together. */
  readonly max: number;
  /** @param again whether series of before have given up their places: it may be one that comes back. */
  readonly make: (point: Point, attributes: Attributes, again: boolean) => S;
  /** Adds what a series that ends has counted to the one that it goes on as; gauges are not asked. */
  readonly absorb: (into: S, from: S) => void;
}

interface Entry<S> {
  readonly point: Point;
  readonly attributes: Attributes;
  readonly series: S;
  usedMs: number;
}

/** So many make room at once, so that looking for them costs little of each. */
const ROOM_SHARE = 0.1;

/**
 * Series that add up for a reader outside, by metric and attributes. Those of names and sets of attributes that give up
 * their places end, and what they counted goes on in a series that stands for all of them.
 */
export class BoundedSeries<S> {
  readonly #options: BoundedSeriesOptions<S>;
  readonly #names = new SeriesNames();
  readonly #entries = new Map<string, Entry<S>>();
  #folded = false;

  constructor(options: BoundedSeriesOptions<S>) {
    this.#options = options;
    this.#names.join((attribute, name) => this.#foldName(attribute, name));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** To be told of points that came together before any of them is asked for. */
  meet(points: readonly Point[], nowMs: number): void {
    this.#names.meet(points, nowMs);
  }

  /** The series that a point belongs to. */
  of(point: Point, nowMs: number): S {
    const own = sorted(point.attributes);
    const entry = this.#entryOf(point, isLasting(point) ? this.#names.of(own) : own, nowMs);
    entry.usedMs = Math.max(entry.usedMs, nowMs);
    return entry.series;
  }

  values(): IterableIterator<S> {
    return [...this.#entries.values()].map(({ series }) => series).values();
  }

  clear(): void {
    this.#entries.clear();
  }

  #entryOf(point: Point, attributes: Attributes, nowMs: number): Entry<S> {
    const key = seriesOf({ name: point.name, attributes });
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#entries.size >= this.#options.max) this.#makeRoom();
    const series = this.#options.make(point, attributes, this.#folded);
    const entry = { point, attributes, series, usedMs: nowMs };
    this.#entries.set(key, entry);
    return entry;
  }

  #foldName(attribute: string, name: string): void {
    for (const [key, entry] of this.#entries)
      if (entry.attributes[attribute] === name && isLasting(entry.point))
        this.#fold(key, entry, this.#names.without(entry.attributes, attribute));
  }

  #makeRoom(): void {
    const oldest = [...this.#entries].sort(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [key, entry] of oldest.slice(0, Math.ceil(this.#options.max * ROOM_SHARE))) {
      const into = isLasting(entry.point) ? this.#names.withoutAny(entry.attributes) : OVERFLOW;
      this.#fold(key, entry, into);
    }
  }

  #fold(key: string, { point, series, usedMs }: Entry<S>, attributes: Attributes): void {
    if (key === seriesOf({ name: point.name, attributes })) return; // It stands for others.
    this.#folded = true;
    this.#entries.delete(key);
    if (point.kind === 'gauge') return;
    this.#options.absorb(this.#into(point, attributes, usedMs).series, series);
  }

  /** Room for it was made just now. */
  #into(point: Point, attributes: Attributes, usedMs: number): Entry<S> {
    const key = seriesOf({ name: point.name, attributes });
    const into = this.#entries.get(key) ?? {
      point,
      attributes,
      series: this.#options.make(point, attributes, true),
      usedMs,
    };
    this.#entries.set(key, into);
    return into;
  }
}

/** In one order, by which a series is told apart. */
function sorted(attributes: Attributes): Attributes {
  const names = Object.keys(attributes);
  if (names.length < 2) return attributes;
  return Object.fromEntries(names.sort().map((name) => [name, attributes[name] ?? '']));
}
