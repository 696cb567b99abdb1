import { crc32 } from 'node:zlib';
import { MIB } from '../../../../core/units.ts';
import type { Batch } from './batch.ts';
import { Recent, type RecentBatch } from './recent.ts';
import type { RecordHeader } from './record.ts';
import { type Found, findRecord, type Window } from './scan.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

/** What is known of a batch before it is taken. */
export type Waiting = Pick<RecordHeader, 'writer' | 'seq' | 'rows' | 'payloadBytes'>;

/** Told of rows that are lost, in the moment in which they leave the spool's count. */
export type OnLost = (reason: 'spool_full' | 'spool_corrupt', rows: number) => void;

interface Taken {
  readonly segment: Segment;
  readonly offset: number;
  readonly rows: number;
}

const READ_ATTEMPTS = 10;
/** As much as the writer takes at once, mostly. */
const MEMORY_BYTES = 3 * MIB;

/** Memory for what is taken together, used over and over: as garbage it would be several times as much. */
class TakenBytes {
  readonly #bytes = Buffer.allocUnsafeSlow(MEMORY_BYTES);
  #length = 0;

  take(bytes: number): Buffer {
    if (this.#length + bytes > MEMORY_BYTES) return Buffer.allocUnsafeSlow(bytes);
    this.#length += bytes;
    return this.#bytes.subarray(this.#length - bytes, this.#length);
  }

  /** What was taken before is nobody's any more. */
  reuse(): void {
    this.#length = 0;
  }
}

/** The end of a spool at which batches are taken, oldest first, until they are acknowledged or put back. */
export class SpoolReader {
  readonly #segments: Segments;
  readonly #onLost: OnLost;
  readonly #recent = new Recent();
  /** What is read from the disk, until it is acknowledged. `null` while there is nothing. */
  #memory: TakenBytes | null = null;
  /** In the order in which they were taken; as many as whoever takes them has asked for. */
  #taken: Taken[] = [];

  constructor(segments: Segments, onLost: OnLost) {
    this.#segments = segments;
    this.#onLost = onLost;
  }

  /** Rows taken and not yet acknowledged. */
  get takenRows(): number {
    return this.#taken.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Whether nothing waits and nothing is taken. */
  get drained(): boolean {
    return this.#segments.next === undefined && this.#taken.length === 0;
  }

  /** Was appended just now, and need not be read from the disk. */
  remember(batch: RecentBatch): void {
    const { next } = this.#segments;
    const isNext = next === batch.segment && next.offset === batch.offset;
    this.#recent.add(batch, isNext);
  }

  /** See `Spool.take`. */
  async take(wanted: (waiting: Waiting) => boolean): Promise<Batch | null> {
    const { next } = this.#segments;
    for (let segment = next; segment !== undefined; segment = this.#segments.next) {
      const took = await this.#takeFrom(segment, wanted).catch((error: unknown) =>
        this.#taken.length > 0 ? null : this.#unreadable(segment, error),
      );
      if (took !== 'nothing') return took;
    }
    if (this.#taken.length > 0) return null;
    this.#memory = null;
    await this.#segments.removeEmptied();
    return null;
  }

  /** The batches taken last are stored. */
  async acknowledge(): Promise<void> {
    this.#taken = [];
    this.#memory?.reuse();
    await this.#segments.giveBack();
  }

  /** The batches taken last are not stored, or nobody knows: they will be taken again. */
  putBack(): void {
    const taken = this.#taken;
    this.#taken = [];
    this.#memory = null; // A connection that is given up may still be at it.
    for (const { segment, offset, rows } of taken.reverse()) {
      if (segment.removed) {
        this.#onLost('spool_full', rows);
        continue;
      }
      segment.rows += rows;
      segment.offset = offset;
    }
  }

  /** `nothing`: there was only damage, or the segment is gone. */
  async #takeFrom(
    segment: Segment,
    wanted: (waiting: Waiting) => boolean,
  ): Promise<Batch | null | 'nothing'> {
    const { offset } = segment;
    const recent = this.#recent.at(segment, offset);
    if (recent !== null) {
      const { batch, end } = recent;
      if (!wanted({ ...batch, payloadBytes: batch.payload.length })) return null;
      return this.#taking(segment, end, batch);
    }
    const window = await segment.window();
    const found = await findRecord(window, offset, segment.bytes);
    if (found.kind === 'record' && !wanted(found.header)) return null;
    const payload = found.kind === 'record' ? await this.#read(window, found) : null;
    if (segment.removed) return 'nothing';
    if (payload === null || found.kind === 'gap' || crc32(payload) !== found.header.payloadCrc) {
      if (this.#taken.length > 0) return null;
      this.#lose(segment, found);
      return 'nothing';
    }
    const { rows, writer, seq } = found.header;
    return this.#taking(segment, found.end, { rows, writer, seq, payload });
  }

  #read(window: Window, { payloadAt, header }: Extract<Found, { kind: 'record' }>): Promise<Buffer> {
    this.#memory ??= new TakenBytes();
    return window.read(payloadAt, this.#memory.take(header.payloadBytes));
  }

  #taking(segment: Segment, end: number, batch: Batch): Batch {
    this.#taken.push({ segment, offset: segment.offset, rows: batch.rows });
    segment.offset = end;
    segment.rows -= batch.rows;
    return batch;
  }

  #lose(segment: Segment, found: Found): void {
    const rows = found.kind === 'record' ? found.header.rows : found.rows;
    segment.offset = found.end;
    segment.rows -= rows;
    this.#onLost('spool_corrupt', rows);
  }

  /** Given up when somebody removed the file, or when it cannot be read for good. */
  #unreadable(segment: Segment, error: unknown): 'nothing' {
    if (segment.removed) return 'nothing';
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && ++segment.failures < READ_ATTEMPTS) throw error;
    segment.offset = segment.bytes;
    const { rows } = segment;
    segment.rows = 0;
    this.#onLost('spool_corrupt', rows);
    return 'nothing';
  }
}
