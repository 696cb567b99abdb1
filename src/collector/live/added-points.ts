import type { Point } from '../../core/frame.ts';
import type { Milliseconds } from '../../core/units.ts';
import { slotAt } from './sliding.ts';

/** More that wait would be more memory, and none the cheaper. */
const POINTS_MAX = 1000;

/** What was measured and nobody has looked at yet: to merge all of it at once costs less than each piece as it comes. */
export class AddedPoints {
  readonly #windowMs: Milliseconds;
  readonly #merge: (points: readonly Point[], nowMs: number) => void;
  #points: Point[] = [];
  #addedMs = 0;

  /** @param merge of what was added in one slot of the window, as of when the first of it was. */
  constructor(windowMs: Milliseconds, merge: (points: readonly Point[], nowMs: number) => void) {
    this.#windowMs = windowMs;
    this.#merge = merge;
  }

  add(points: readonly Point[], nowMs: number): void {
    this.endSlots(nowMs);
    if (this.#points.length === 0) this.#addedMs = nowMs;
    for (const point of points) this.#points.push(point);
    if (this.#points.length >= POINTS_MAX) this.merge();
  }

  /** To be called before anything else goes into the window: what was added in an earlier slot is part of that. */
  endSlots(nowMs: number): void {
    if (slotAt(nowMs, this.#windowMs) !== slotAt(this.#addedMs, this.#windowMs)) this.merge();
  }

  /** To be called before anybody looks. */
  merge(): void {
    const points = this.#points;
    if (points.length === 0) return;
    this.#points = [];
    this.#merge(points, this.#addedMs);
  }
}
