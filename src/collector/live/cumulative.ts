/** What `/metrics` shows of a histogram beside its totals: its buckets since the start, and exemplars of them. */
import type { Exemplar } from '../../core/frame.ts';
import { BUCKETS_PER_DOUBLING, type Buckets, bucketIndex } from '../../core/histogram.ts';

/**
 * Buckets outside 2^-30 (1 ns) to 2^100 (more than any quantity that is accepted) are counted in the first and the last one,
 * which bounds a series at 1,040 of them.
 */
const INDEX_MIN = -30 * BUCKETS_PER_DOUBLING;
const INDEX_MAX = 100 * BUCKETS_PER_DOUBLING - 1;
/** From 1 ms to a minute there are 16 doublings. */
const EXEMPLARS_MAX = 16;

/** Bucket counts since the start: unlike those of the window none is folded into another, which would make one fall. */
export class CumulativeBuckets {
  offset = 0;
  counts: number[] = [];

  add({ offset, counts }: Pick<Buckets, 'offset' | 'counts'>): void {
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i] ?? 0;
      if (count === 0) continue;
      const at = this.#cover(Math.min(INDEX_MAX, Math.max(INDEX_MIN, offset + i)));
      this.counts[at] = (this.counts[at] ?? 0) + count;
    }
  }

  /** What is in a bucket. */
  at(index: number): number {
    return this.counts[index - this.offset] ?? 0;
  }

  /** Where a bucket stands in `counts`, which is made wide enough. */
  #cover(index: number): number {
    if (this.counts.length === 0) this.offset = index;
    if (index < this.offset) {
      this.counts.unshift(...new Array<number>(this.offset - index).fill(0));
      this.offset = index;
    }
    while (this.offset + this.counts.length <= index) this.counts.push(0);
    return index - this.offset;
  }
}

interface Totals {
  readonly count: number;
  readonly sum: number;
  readonly zeroCount: number;
  readonly buckets: CumulativeBuckets;
}

/**
 * A histogram as `/metrics` shows it once values were taken back: no bucket of it falls, and it counts as many values as there
 * were at most. A value that turned out to be another one stays in its bucket until more come than were taken back.
 */
export class ShownHistogram {
  readonly buckets = new CumulativeBuckets();
  count: number;
  sum: number;
  zeroCount: number;

  constructor({ count, sum, zeroCount, buckets }: Totals) {
    this.count = Math.max(0, count);
    this.sum = Math.max(0, sum);
    this.zeroCount = Math.max(0, zeroCount);
    this.buckets.add(buckets);
  }

  /** Takes in another one, which is shown no more. */
  add({ count, sum, zeroCount, buckets }: Totals): void {
    this.count += Math.max(0, count);
    this.sum += Math.max(0, sum);
    this.zeroCount += Math.max(0, zeroCount);
    this.buckets.add(buckets);
  }

  follow({ count, sum, zeroCount, buckets }: Totals): void {
    let room = count - this.count;
    this.sum = Math.max(this.sum, sum);
    if (room <= 0) return;
    this.count = count;
    const zeros = Math.min(room, Math.max(0, zeroCount - this.zeroCount));
    this.zeroCount += zeros;
    room -= zeros;
    for (const [i, actual] of buckets.counts.entries()) {
      const index = buckets.offset + i;
      const more = Math.min(room, Math.max(0, actual - this.buckets.at(index)));
      if (more > 0) this.buckets.add({ offset: index, counts: [more] });
      room -= more;
    }
  }
}

/** The newest exemplar of each doubling; past the bound the one that was replaced longest ago goes. */
export class Exemplars {
  readonly #byDoubling = new Map<number, Exemplar>();

  /** @param nowMs no exemplar is from the future, whatever its sender's clock says: it would never be replaced. */
  add(exemplar: Exemplar, nowMs: number): void {
    const doubling = Math.floor(bucketIndex(exemplar.value) / BUCKETS_PER_DOUBLING);
    const timeMs = Math.min(exemplar.timeMs, nowMs);
    if ((this.#byDoubling.get(doubling)?.timeMs ?? 0) > timeMs) return;
    this.#byDoubling.delete(doubling);
    this.#byDoubling.set(doubling, { ...exemplar, timeMs });
    if (this.#byDoubling.size <= EXEMPLARS_MAX) return;
    for (const oldest of this.#byDoubling.keys()) {
      this.#byDoubling.delete(oldest);
      return;
    }
  }

  /** In the order of time. */
  [Symbol.iterator](): Iterator<Exemplar> {
    return [...this.#byDoubling.values()].sort((a, b) => a.timeMs - b.timeMs).values();
  }
}
