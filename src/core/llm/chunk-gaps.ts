import { HistogramDelta, percentile } from '../histogram.ts';
import { type Milliseconds, milliseconds } from '../units.ts';

/** The times between a stream's chunks with content, in a histogram of bounded size (error at most 4.4 %). */
export class ChunkGaps {
  readonly #gaps = new HistogramDelta();
  #count = 0;
  #lastMs: Milliseconds | null = null;

  /** @param chunks with content that arrived together at `nowMs`: between them no time passed. */
  arrived(chunks: number, nowMs: Milliseconds): void {
    if (chunks === 0) return;
    if (this.#lastMs !== null) this.#add(nowMs - this.#lastMs);
    for (let together = 1; together < chunks; together++) this.#add(0);
    this.#lastMs = nowMs;
  }

  /** The 95th percentile; `null` with fewer than two chunks. To be asked once, at the stream's end. */
  takeP95(): Milliseconds | null {
    return this.#count === 0 ? null : milliseconds(percentile(this.#gaps.take(), 0.95));
  }

  #add(gapMs: number): void {
    this.#count++;
    this.#gaps.record(Math.max(0, gapMs));
  }
}
