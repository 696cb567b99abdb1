import { type Distribution, HistogramDelta } from '../../core/histogram.ts';
import { type Milliseconds, milliseconds, toSeconds } from '../../core/units.ts';
import { giveText } from './body.ts';
import type { Dialect } from './dialects/dialect.ts';
import { HeldBody } from './held-body.ts';
import { ResponseReader } from './reader/response-reader.ts';

/** The answer to one call as it comes in: held until enough of it is there, then read, each chunk with the time it came at. */
export class ReceivedAnswer {
  readonly reader: ResponseReader;
  readonly #gaveUp: () => void;
  readonly #held = new HeldBody();
  /** When that came which is read without being held. */
  #readMs: Milliseconds = milliseconds(0);
  /** Of streams only. */
  #gaps: ChunkGaps | null = null;
  /** When the first chunk with content came. */
  firstContentMs: Milliseconds | null = null;

  /**
   * @param contentType of the response, `''` when it has none.
   * @param gaveUp told once when reading on costs more than it is worth.
   */
  constructor(dialect: Dialect, contentType: string, gaveUp: () => void) {
    this.#gaveUp = gaveUp;
    this.reader = new ResponseReader(dialect, contentType, (end) => this.#hasContent(end));
  }

  /** Takes a piece of the body, inflated; what does not fit is read at once. */
  add(piece: Buffer, timeMs: Milliseconds): void {
    if (this.reader.gaveUp) return;
    if (this.#held.add(piece, timeMs)) return;
    this.#readHeld();
    if (this.reader.gaveUp) return; // Nothing gives back what is held after the end.
    if (this.#held.add(piece, timeMs)) return;
    this.#readMs = timeMs;
    giveText(piece, (text) => this.#read(text));
  }

  /** Reads what is held, as if each piece were read when it came. */
  #readHeld(): void {
    if (this.#held.isEmpty) return;
    try {
      this.#read(this.#held.text);
    } finally {
      this.#held.clear();
    }
  }

  /** No more comes: everything is read, and nothing of the text is held. */
  finish(): void {
    this.#readHeld();
    this.reader.finish();
  }

  /** The times between chunks with content, in seconds; `null` with fewer than two. To be asked once, at the stream's end. */
  takeGaps(): Distribution | null {
    return this.#gaps?.take() ?? null;
  }

  #read(text: string): void {
    if (this.reader.gaveUp) return;
    this.reader.write(text);
    if (this.reader.gaveUp) this.#gaveUp();
  }

  #hasContent(end: number): void {
    const timeMs = this.#held.isEmpty ? this.#readMs : this.#held.timeAt(end);
    this.firstContentMs ??= timeMs;
    this.#gaps ??= new ChunkGaps();
    this.#gaps.arrived(timeMs);
  }
}

/** The times between a stream's chunks with content, in a histogram of bounded size (error at most 4.4 %). */
export class ChunkGaps {
  readonly #gaps = new HistogramDelta();
  #lastMs: Milliseconds | null = null;

  /** A chunk with content arrived at `nowMs`; between those that arrived together no time passed. */
  arrived(nowMs: Milliseconds): void {
    if (this.#lastMs !== null) this.#gaps.record(toSeconds(milliseconds(Math.max(0, nowMs - this.#lastMs))));
    this.#lastMs = nowMs;
  }

  /** The gaps in seconds, `null` with fewer than two chunks. To be asked once, at the stream's end. */
  take(): Distribution | null {
    const gaps = this.#gaps.take();
    return gaps.count === 0 ? null : gaps;
  }
}
