import type { Attributes, Point } from '../frame.ts';
import { isLasting } from '../measured.ts';
import { BoundedNames } from './bounded-names.ts';
import { LABEL_BOUNDS, SERIES } from './label-bounds.ts';

/** How names are met: in use, or in what was counted before everything else. */
export type Meeting = 'used' | 'recalled';

/** Takes in the series that bear the name in that attribute, by the name they have without it. */
type Fold = (attribute: string, name: string, nowMs: number) => void;

/**
 * The names that series of our metrics are told apart by, of all stores whose series are shown together: a name that gives
 * up its place gives it up in all of them at once, and its series go on as those of `other`.
 */
export class SeriesNames {
  readonly #labels: ReadonlyMap<string, BoundedNames>;
  readonly #others: ReadonlyMap<string, string>;
  readonly #folds: Fold[] = [];
  readonly #folded = new Map<string, number>();
  #nowMs = 0;

  constructor() {
    this.#labels = new Map(
      LABEL_BOUNDS.map(({ attribute, ...bound }) => [
        attribute,
        new BoundedNames({
          ...bound,
          onDisplaced: (name) => {
            for (const fold of this.#folds) fold(attribute, name, this.#nowMs);
          },
          onFolded: () => this.count(attribute),
        }),
      ]),
    );
    this.#others = new Map(LABEL_BOUNDS.map(({ attribute, other }) => [attribute, other]));
  }

  /** Makes a store one of those whose series are shown by these names. */
  join(fold: Fold): void {
    this.#folds.push(fold);
  }

  /**
   * Takes note of the names that points bear which came together, before any of them is shown: one event is points of several
   * metrics, and shown by one name in all of them.
   */
  meet(points: readonly Point[], nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const met = new Map<string, Map<string, number>>();
    for (const point of points) if (isLasting(point)) this.#note(point, met);
    for (const [attribute, together] of met) this.#labels.get(attribute)?.meet(together, nowMs);
  }

  #note(point: Point, met: Map<string, Map<string, number>>): void {
    const uses = usesIn(point);
    if (uses <= 0) return;
    for (const attribute in point.attributes) {
      const name = point.attributes[attribute];
      if (typeof name !== 'string' || !this.#labels.has(attribute)) continue;
      let together = met.get(attribute);
      if (together === undefined) {
        together = new Map();
        met.set(attribute, together);
      }
      together.set(name, Math.max(uses, together.get(name) ?? 0));
    }
  }

  /** The attributes by which a series is shown; those given where every name in them has its place. */
  of(attributes: Attributes, meeting: Meeting = 'used'): Attributes {
    let shown: Record<string, Attributes[string]> | null = null;
    for (const attribute in attributes) {
      const names = this.#labels.get(attribute);
      const name = attributes[attribute];
      if (names === undefined || typeof name !== 'string') continue;
      const as = meeting === 'used' ? names.known(name) : names.recall(name);
      if (as === name) continue;
      shown ??= { ...attributes };
      shown[attribute] = as;
    }
    return shown ?? attributes;
  }

  /** The attributes without that name. */
  without(attributes: Attributes, attribute: string): Attributes {
    return { ...attributes, [attribute]: this.#others.get(attribute) ?? '' };
  }

  /** The attributes without any of the names. */
  withoutAny(attributes: Attributes): Attributes {
    const entries = Object.entries(attributes).map(([attribute, value]) => [
      attribute,
      this.#others.get(attribute) ?? value,
    ]);
    return Object.fromEntries(entries);
  }

  /** Takes the place of the name that was not used for longest, of the label of which a metric has most. False: there is none. */
  makeRoom(series: Iterable<{ readonly attributes: Attributes }>, nowMs: number): boolean {
    const values = new Map<string, Set<unknown>>();
    for (const { attributes } of series) {
      for (const attribute of this.#labels.keys()) {
        if (attribute in attributes)
          values.set(attribute, (values.get(attribute) ?? new Set()).add(attributes[attribute]));
      }
    }
    const [most] = [...values].sort(([, a], [, b]) => b.size - a.size);
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    return most !== undefined && (this.#labels.get(most[0])?.displace(nowMs) ?? false);
  }

  /** Counts a name, or with no attribute a series, that became another one. */
  count(attribute: string = SERIES): void {
    this.#folded.set(attribute, (this.#folded.get(attribute) ?? 0) + 1);
  }

  /** By attribute, since the last call. */
  takeFolded(): [attribute: string, count: number][] {
    const folded = [...this.#folded];
    this.#folded.clear();
    return folded;
  }
}

/** How many events a point tells of at least; none by which something is taken back. */
function usesIn(point: Point): number {
  if (point.kind === 'histogram') return point.count;
  return point.value < 0 ? 0 : 1;
}
