const WRITTEN = 0;
const CLAIMED = 1;
const ACCEPTED = 2;
const SEALED = 3;
const ORDINAL = 4;
const CLAIMED_BEFORE = 5;
const CUTS = 6;
/** As many as there are events, where each is claimed alone. */
const CUTS_MAX = 1024;
const FIRST_CUT = 8;
const WORDS = FIRST_CUT + CUTS_MAX;
const START_AT = WORDS * Int32Array.BYTES_PER_ELEMENT;
const HEADER_BYTES = START_AT + Float64Array.BYTES_PER_ELEMENT;

/** Instead of the bytes that are claimed: the writer took them back. */
const TAKEN_BACK = -1;

/** A segment as the other thread gets it. */
export interface SharedSegment {
  /** Which of the ring's segments it is now; the same memory may be another one later. */
  readonly ordinal: number;
  readonly buffer: SharedArrayBuffer;
}

/**
 * A stretch of shared memory with whole records: one side writes to its end, the other claims and accepts from its
 * beginning. Each word has one writer, but for `CLAIMED`, for which both compete.
 */
export class Segment {
  readonly buffer: SharedArrayBuffer;
  readonly data: Uint8Array;
  readonly #words: Int32Array;
  readonly #start: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.data = new Uint8Array(buffer, HEADER_BYTES);
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#start = new Float64Array(buffer, START_AT, 1);
  }

  static ofSize(bytes: number): Segment {
    return new Segment(new SharedArrayBuffer(HEADER_BYTES + bytes));
  }

  /** @param start how many bytes were written to the ring before. */
  begin(ordinal: number, start: number): void {
    Atomics.store(this.#words, ORDINAL, ordinal);
    this.#start[0] = start;
    for (const word of [WRITTEN, CLAIMED, ACCEPTED, SEALED, CLAIMED_BEFORE, CUTS])
      Atomics.store(this.#words, word, 0);
  }

  get ordinal(): number {
    return Atomics.load(this.#words, ORDINAL);
  }

  /** Of all bytes of the ring, how many were written before this segment's. */
  get start(): number {
    return this.#start[0] ?? 0;
  }

  get written(): number {
    return Atomics.load(this.#words, WRITTEN);
  }

  set written(bytes: number) {
    Atomics.store(this.#words, WRITTEN, bytes);
  }

  /** Nothing more is written to it. */
  get sealed(): boolean {
    return Atomics.load(this.#words, SEALED) === 1;
  }

  seal(): void {
    Atomics.store(this.#words, SEALED, 1);
  }

  /** What the reader has. */
  get claimed(): number {
    return Math.max(0, Atomics.load(this.#words, CLAIMED));
  }

  /**
   * For the reader. Where one claim ends is kept, so that the next reader claims the same pieces.
   *
   * @returns whether they are the reader's now.
   */
  claim(from: number, upTo: number): boolean {
    if (!this.#replaceClaim(from, upTo)) return false;
    if (from >= this.claimedBefore) this.#cut(upTo);
    return true;
  }

  #cut(upTo: number): void {
    const cuts = Atomics.load(this.#words, CUTS);
    if (cuts >= CUTS_MAX) return;
    Atomics.store(this.#words, FIRST_CUT + cuts, upTo);
    Atomics.store(this.#words, CUTS, cuts + 1);
  }

  /** Where an earlier reader's claim from there has ended. */
  cutAfter(from: number): number {
    const end = FIRST_CUT + Atomics.load(this.#words, CUTS);
    for (let at = FIRST_CUT; at < end; at++) {
      const cut = Atomics.load(this.#words, at);
      if (cut > from) return cut;
    }
    return this.claimedBefore;
  }

  get #lastCut(): number {
    const cuts = Atomics.load(this.#words, CUTS);
    return cuts === 0 ? 0 : Atomics.load(this.#words, FIRST_CUT + cuts - 1);
  }

  /** @returns whether the reader has none of it, and never will. */
  takeBack(): boolean {
    // What an earlier reader had may be accepted.
    return this.claimedBefore === 0 && this.#replaceClaim(0, TAKEN_BACK);
  }

  #replaceClaim(from: number, by: number): boolean {
    return Atomics.compareExchange(this.#words, CLAIMED, from, by) === from;
  }

  get accepted(): number {
    return Atomics.load(this.#words, ACCEPTED);
  }

  set accepted(bytes: number) {
    Atomics.store(this.#words, ACCEPTED, bytes);
  }

  /** All of it has been read. */
  get isDone(): boolean {
    return this.sealed && this.accepted === this.written;
  }

  /** What an earlier reader has claimed, and may have accepted. */
  get claimedBefore(): number {
    return Atomics.load(this.#words, CLAIMED_BEFORE);
  }

  /**
   * For another reader, which begins where this one's has accepted: that one gets no more. Nothing more is written to it.
   */
  moved(): Segment {
    const claimed = Math.max(0, Atomics.exchange(this.#words, CLAIMED, TAKEN_BACK));
    const { written, accepted } = this;
    const copy = new Segment(new SharedArrayBuffer(this.buffer.byteLength));
    copy.begin(this.ordinal, this.start);
    copy.data.set(this.data.subarray(0, written));
    Atomics.store(copy.#words, CLAIMED_BEFORE, Math.max(claimed, this.claimedBefore));
    copy.accepted = accepted;
    copy.#words.set(this.#words.subarray(CUTS), CUTS);
    // Who is killed between a claim and its cut leaves none; whoever comes after the next reader has to end it there, too.
    if (copy.claimedBefore > copy.#lastCut) copy.#cut(copy.claimedBefore);
    copy.#replaceClaim(0, accepted);
    copy.written = written;
    copy.seal();
    return copy;
  }
}
