import { RecordOutput } from '../../core/records/record-output.ts';
import { KIB, MIB } from '../../core/units.ts';
import { Segment, type SharedSegment } from './segment.ts';
import { Sleep } from './sleep.ts';

/** Room for some hundred events. */
const SEGMENT_BYTES = 64 * KIB;
/** What may wait. At 1,000 requests a second: some 40 seconds without a collector. */
export const RING_BYTES_MAX = 4 * MIB;
/** As much as an event may take alone. */
export const RECORD_BYTES_MAX = 2 * MIB;
/** Memory that is kept for the next ones. */
const SPARE_MAX = 2;

/** Writes one event. @returns false where it does not fit. */
export type WriteRecord<E> = (records: RecordOutput, event: E) => boolean;

/** What a ring's reader cannot see by itself. */
export interface RingListener {
  /** There is something to read for who is asleep. */
  readonly onWake: () => void;
  readonly onSegment: (segment: SharedSegment) => void;
}

/** A ring as its reader gets it. */
export interface SharedRing {
  readonly sleep: SharedArrayBuffer;
  readonly segments: readonly SharedSegment[];
}

/** What was not accepted of a segment. */
export interface Unaccepted {
  readonly records: Uint8Array;
  /** How many of these bytes were accepted. */
  readonly accepted: number;
}

/**
 * Events that wait to be accepted, as records in memory that another thread may read as well. The ring is made of segments:
 * one is written to its end, then another; one that was accepted is written again. Past the bound the oldest segment goes
 * that nobody has begun to read.
 */
export class RingWriter {
  readonly #onDropped: (records: Uint8Array) => void;
  readonly #records = new RecordOutput();
  /** In order. */
  #segments: Segment[] = [];
  readonly #spare: Segment[] = [];
  /** The last one, unless nothing more is written to it. */
  #open: Segment | null = null;
  #sleep = new Sleep();
  #listener: RingListener | null = null;
  #begun = 0;
  /** Of all segments but the open one. */
  #writtenBefore = 0;

  /** @param onDropped gets the records of a segment that had to go. */
  constructor(onDropped: (records: Uint8Array) => void) {
    this.#onDropped = onDropped;
  }

  /**
   * @param write called again with more room where the first does not do.
   * @returns false where there is none, or the event is too large.
   */
  append<E>(event: E, write: WriteRecord<E>): boolean {
    if (!this.#write(event, write)) return false;
    if (this.#open !== null) this.#open.written = this.#records.length;
    if (this.#sleep.interrupt()) this.#listener?.onWake();
    return true;
  }

  /** From now on somebody reads, until `unshare`. */
  share(listener: RingListener): SharedRing {
    this.#listener = listener;
    return { sleep: this.#sleep.buffer, segments: this.#segments.map(shared) };
  }

  /** Whoever reads gets no more. What it has not accepted by now is for the next one. */
  unshare(): void {
    if (this.#listener === null) return;
    this.#listener = null;
    this.#seal();
    this.#release();
    this.#spare.length = 0;
    this.#segments = this.#segments.map((segment) => segment.moved());
    this.#sleep = new Sleep();
  }

  /** What nobody has accepted yet, in order. */
  unaccepted(): Unaccepted[] {
    return this.#segments
      .map(({ data, written, accepted }) => ({ records: data.subarray(0, written), accepted }))
      .filter(({ records, accepted }) => accepted < records.length);
  }

  #write<E>(event: E, write: WriteRecord<E>): boolean {
    try {
      return (this.#open !== null && write(this.#records, event)) || this.#appendToNext(event, write);
    } catch (error) {
      this.#seal(); // Half of a record may stand there, behind all that is written.
      throw error;
    }
  }

  #appendToNext<E>(event: E, write: WriteRecord<E>): boolean {
    if (!this.#begin(SEGMENT_BYTES)) return false;
    if (write(this.#records, event)) return true;
    this.#seal();
    this.#segments.pop(); // Nothing is in it.
    const size = sizeOf(event, write);
    return size !== null && this.#begin(size) && write(this.#records, event);
  }

  #begin(size: number): boolean {
    this.#seal();
    this.#release();
    if (!this.#makeRoom(size)) return false;
    const segment = (size === SEGMENT_BYTES ? this.#spare.pop() : undefined) ?? Segment.ofSize(size);
    segment.begin(++this.#begun, this.#writtenBefore);
    this.#records.begin(segment.data);
    this.#open = segment;
    this.#segments.push(segment);
    this.#listener?.onSegment(shared(segment));
    return true;
  }

  #seal(): void {
    if (this.#open === null) return;
    this.#writtenBefore += this.#open.written;
    this.#open.seal();
    this.#open = null;
  }

  /** Of what was accepted some is kept. */
  #release(): void {
    while (this.#segments[0]?.isDone === true) {
      const segment = this.#segments.shift();
      const isUsual = segment?.data.length === SEGMENT_BYTES;
      if (segment !== undefined && isUsual && this.#spare.length < SPARE_MAX) this.#spare.push(segment);
    }
  }

  #makeRoom(size: number): boolean {
    let bytes = this.#segments.reduce((sum, { data }) => sum + data.length, 0);
    for (const segment of this.#segments.slice()) {
      if (bytes + size <= RING_BYTES_MAX) break;
      if (!segment.takeBack()) continue;
      bytes -= segment.data.length;
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      this.#onDropped(segment.data.subarray(0, segment.written));
    }
    return bytes + size <= RING_BYTES_MAX;
  }
}

/** How many bytes an event takes that is alone in its segment; `null`: too many. */
function sizeOf<E>(event: E, write: WriteRecord<E>): number | null {
  const records = new RecordOutput();
  for (let size = 2 * SEGMENT_BYTES; size <= RECORD_BYTES_MAX; size *= 2) {
    records.begin(new Uint8Array(size));
    if (write(records, event)) return records.length;
  }
  return null;
}

function shared(segment: Segment): SharedSegment {
  return { ordinal: segment.ordinal, buffer: segment.buffer };
}
