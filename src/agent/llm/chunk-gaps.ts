import { type Distribution, HistogramDelta, percentile } from '../../core/histogram.ts';
import { type Milliseconds, milliseconds, SECOND_MS, toSeconds } from '../../core/units.ts';

/** The times between a stream's chunks with content, in a histogram of bounded size (error at most 4.4 %). */
export class ChunkGaps {
  readonly #gaps = new HistogramDelta();
  #lastMs: Milliseconds | null = null;

  /** @param chunks with content that arrived together at `nowMs`: between them no time passed. */
  arrived(chunks: number, nowMs: Milliseconds): void {
    if (chunks === 0) return;
    if (this.#lastMs !== null) this.#add(nowMs - this.#lastMs);
    for (let together = 1; together < chunks; together++) this.#add(0);
    this.#lastMs = nowMs;
  }

  /** The gaps in seconds, `null` with fewer than two chunks. To be asked once, at the stream's end. */
  take(): Distribution | null {
    const gaps = this.#gaps.take();
    return gaps.count === 0 ? null : gaps;
  }

  #add(gapMs: number): void {
    this.#gaps.record(toSeconds(milliseconds(Math.max(0, gapMs))));
  }
}

/** The 95th percentile of gaps in seconds. */
export function gapP95(gaps: Distribution | null): Milliseconds | null {
  return gaps === null ? null : milliseconds(percentile(gaps, 0.95) * SECOND_MS);
}
