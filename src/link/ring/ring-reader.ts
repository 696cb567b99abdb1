import { MIB } from '../../core/units.ts';
import type { SharedRing } from './ring-writer.ts';
import { Segment, type SharedSegment } from './segment.ts';
import { Sleep } from './sleep.ts';

/** Claimed but not yet accepted: who accepts sets the pace. */
const UNACCEPTED_BYTES_MAX = MIB;
/** The same in pieces: a collector that does not know yet what was accepted before holds every one. */
const UNACCEPTED_MAX = 256;

/** Records that are handed over together, of one segment. */
export interface Piece {
  /** Of all bytes of the ring, how many there are up to its end: by that its acceptance is told. */
  readonly batch: number;
  /** An earlier reader had them, which may have accepted them. */
  readonly again: boolean;
  /** Of all bytes of the ring, how many there are before the segment. */
  readonly segment: number;
  /** Where in the segment its bytes begin; 0: nothing has to be known that came before. */
  readonly at: number;
  /** Of its bytes, how many were handed over before: they come again for the names in them. */
  readonly known: number;
  readonly records: Uint8Array;
}

interface Reading {
  readonly ordinal: number;
  readonly segment: Segment;
  claimed: number;
  /** Its names were handed over up to there. */
  told: number;
}

interface Handed {
  readonly batch: number;
  readonly segment: Segment;
  readonly upTo: number;
  isAccepted: boolean;
}

/** Takes records out of a ring, in its own thread or in another. What it takes stays there until it is accepted. */
export class RingReader {
  readonly sleep: Sleep;
  readonly #waiting: Reading[] = [];
  readonly #handed: Handed[] = [];
  #unaccepted = 0;
  /** There is more, and it is not taken before something is accepted: until then every event would wake for nothing. */
  #isBehind = false;

  constructor({ sleep, segments }: SharedRing) {
    this.sleep = new Sleep(sleep, () => this.#isBehind);
    for (const segment of segments) this.add(segment);
  }

  add({ ordinal, buffer }: SharedSegment): void {
    const segment = new Segment(buffer);
    this.#waiting.push({ ordinal, segment, claimed: segment.claimed, told: 0 });
  }

  /**
   * The next ones; `null` when there are none, or too many of before wait to be accepted.
   *
   * @param evenIfBehind at the end, when nothing waits for an answer any more.
   */
  next(evenIfBehind = false): Piece | null {
    for (let reading = this.#waiting[0]; reading !== undefined; reading = this.#waiting[0]) {
      const { segment, ordinal, claimed } = reading;
      const { sealed } = segment; // Asked first: nothing is written after that.
      const { written, claimedBefore } = segment;
      const isGone = segment.ordinal !== ordinal;
      const upTo = claimed < claimedBefore ? segment.cutAfter(claimed) : written;
      if (!isGone && upTo > claimed) {
        const isBehind =
          this.#handed.length >= UNACCEPTED_MAX ||
          (this.#unaccepted > 0 && this.#unaccepted + upTo - claimed > UNACCEPTED_BYTES_MAX);
        this.#isBehind = isBehind && !evenIfBehind;
        if (this.#isBehind) return null;
        if (segment.claim(claimed, upTo)) return this.#piece(reading, upTo);
      } else if (!isGone && !sealed) return null;
      this.#waiting.shift();
    }
    return null;
  }

  /** Somebody has taken responsibility for a piece. */
  accepted(batch: number): void {
    this.#isBehind = false;
    const piece = this.#handed.find((handed) => handed.batch === batch);
    if (piece !== undefined) piece.isAccepted = true;
    while (this.#handed[0]?.isAccepted === true) {
      const first = this.#handed.shift();
      if (first === undefined) break;
      this.#unaccepted -= first.upTo - first.segment.accepted;
      first.segment.accepted = first.upTo;
    }
  }

  #piece(reading: Reading, upTo: number): Piece {
    const { segment, claimed, told: at } = reading;
    reading.claimed = upTo;
    reading.told = upTo;
    this.#unaccepted += upTo - claimed;
    const batch = segment.start + upTo;
    this.#handed.push({ batch, segment, upTo, isAccepted: false });
    const records = segment.data.slice(at, upTo);
    const again = claimed < segment.claimedBefore;
    return { batch, again, segment: segment.start, at, known: claimed - at, records };
  }
}
