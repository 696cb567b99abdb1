import { BucketCounts, type Distribution } from '../../core/histogram.ts';

/** A window is kept in so many slots: it moves on by a sixtieth at a time. */
export const WINDOW_SLOTS = 60;

/** Which slot of time an instant falls into. */
export function slotAt(nowMs: number, windowMs: number): number {
  return Math.floor(nowMs / (windowMs / WINDOW_SLOTS));
}

interface HistogramSlot {
  readonly slot: number;
  readonly buckets: BucketCounts;
  count: number;
  sum: number;
  min: number;
  max: number;
}

/**
 * The distribution of the last window: frames are added as they come and taken out again exactly when their slot has left
 * the window. Bucket counts are kept running, so asking costs one pass over 60 slots and no merging.
 */
export class SlidingHistogram {
  readonly #slots: (HistogramSlot | undefined)[] = new Array(WINDOW_SLOTS).fill(undefined);
  readonly #running = new BucketCounts();

  /** @param slot from `slotAt`; never smaller than in an earlier call. */
  add(point: Distribution, slot: number): void {
    const at = slot % WINDOW_SLOTS;
    let current = this.#slots[at];
    if (current === undefined || current.slot !== slot) {
      if (current !== undefined) this.#running.subtract(current.buckets.buckets);
      current = { slot, buckets: new BucketCounts(), count: 0, sum: 0, min: point.min, max: point.max };
      this.#slots[at] = current;
    }
    current.count += point.count;
    current.sum += point.sum;
    current.min = Math.min(current.min, point.min);
    current.max = Math.max(current.max, point.max);
    current.buckets.add(point);
    this.#running.add(point);
  }

  /** Takes in another one, of the window that ends with `slot`, moment by moment. */
  absorb(other: SlidingHistogram, slot: number): void {
    for (const entry of other.#slots) {
      if (entry === undefined || entry.slot <= slot - WINDOW_SLOTS) continue;
      const { count, sum, min, max, buckets } = entry;
      this.add({ ...buckets.buckets, count, sum, min, max }, entry.slot);
    }
  }

  /** The distribution of the window that ends with `slot`. */
  distribution(slot: number): Distribution {
    let count = 0;
    let sum = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < WINDOW_SLOTS; at++) {
      const entry = this.#slots[at];
      if (entry === undefined) continue;
      if (entry.slot <= slot - WINDOW_SLOTS) {
        this.#running.subtract(entry.buckets.buckets);
        this.#slots[at] = undefined;
        continue;
      }
      count += entry.count;
      sum += entry.sum;
      min = Math.min(min, entry.min);
      max = Math.max(max, entry.max);
    }
    return { ...this.#running.buckets, count, sum, min, max };
  }
}

/** What was added to a counter during the last window. */
export class SlidingSum {
  readonly #slots: ({ readonly slot: number; sum: number } | undefined)[] = new Array(WINDOW_SLOTS).fill(
    undefined,
  );

  add(value: number, slot: number): void {
    const at = slot % WINDOW_SLOTS;
    const current = this.#slots[at];
    if (current?.slot === slot) current.sum += value;
    else this.#slots[at] = { slot, sum: value };
  }

  /** Takes in another one, of the window that ends with `slot`, moment by moment. */
  absorb(other: SlidingSum, slot: number): void {
    for (const entry of other.#slots)
      if (entry !== undefined && entry.slot > slot - WINDOW_SLOTS) this.add(entry.sum, entry.slot);
  }

  sum(slot: number): number {
    let sum = 0;
    for (const entry of this.#slots) {
      if (entry !== undefined && entry.slot > slot - WINDOW_SLOTS) sum += entry.sum;
    }
    return sum;
  }
}

/** Several distributions as one. */
export function mergeDistributions(parts: Iterable<Distribution>): Distribution {
  const buckets = new BucketCounts();
  let count = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const part of parts) {
    if (part.count === 0) continue;
    buckets.add(part);
    count += part.count;
    sum += part.sum;
    min = Math.min(min, part.min);
    max = Math.max(max, part.max);
  }
  return { ...buckets.buckets, count, sum, min, max };
}
