import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fromMeasured, type Measured, mergePoints, toMeasured } from '../../../../core/measured.ts';
import { KIB, MIB, SECOND_MS } from '../../../../core/units.ts';
import { makeDirectory } from '../../../../platform/paths.ts';
import { type Lock, takeLock } from '../data-dir/lock.ts';
import { type Batch, type BatchFacts, withCarried } from './batch.ts';
import { type Cursor, readCursor, writeCursor } from './cursor.ts';
import { NODE_FILES, type SpoolFiles } from './files.ts';
import { Recent } from './recent.ts';
import { encodeRecord, type RecordHeader, recordBytes } from './record.ts';
import { type Found, findRecord } from './scan.ts';
import { Segment, segmentIds } from './segment.ts';

export interface SpoolOptions {
  /** Made when it is not there; ours alone while the spool is open. */
  readonly directory: string;
  /** Past it the oldest segment goes. */
  readonly maxBytes: number;
  /** Told of rows that are lost, in the moment in which they leave the spool's count. */
  readonly onLost: (reason: 'spool_full' | 'spool_corrupt', rows: number) => void;
  /** @default the file system */
  readonly files?: SpoolFiles;
}

/** What is known of a batch before it is taken. */
export type Waiting = Pick<RecordHeader, 'writer' | 'seq' | 'rows' | 'payloadBytes'>;

/** What waits, by its name, and what it says of itself. */
export type WaitingFacts = Pick<RecordHeader, 'writer' | 'seq'> & { readonly facts: BatchFacts };

interface Taken {
  readonly segment: Segment;
  readonly offset: number;
  readonly rows: number;
}

const SEGMENT_BYTES_MAX = 8 * MIB;
const SEGMENT_BYTES_MIN = 16 * KIB;
/** A small cap still has this many segments, so that dropping the oldest drops a part. */
const SEGMENTS_MIN = 8;
/** An emptied segment is given back at this share of its size; at once would mean a new file per batch. */
const GIVE_BACK_SHARE = 1 / 8;
const CURSOR_INTERVAL_MS = SECOND_MS / 2;
const READ_ATTEMPTS = 10;
const PRIVATE_DIRECTORY = 0o700;

/**
 * Batches on their way to the database, on disk: appended at one end, taken at the other, given back to the disk once they
 * are acknowledged. What a killed process left is there again, each batch under the name it had.
 */
export class Spool {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  readonly #onLost: SpoolOptions['onLost'];
  readonly #files: SpoolFiles;
  readonly #lock: Lock;
  #segments: Segment[] = [];
  #nextId = 1;
  /** In the order in which they were taken; as many as whoever takes them has asked for. */
  #taken: Taken[] = [];
  readonly #recent = new Recent();
  #appending = false;
  /** What batches that had to go measured: the next one says it. */
  #carried: Measured = [];
  #cursorWrittenMs = Number.NEGATIVE_INFINITY;

  private constructor({ directory, maxBytes, onLost, files = NODE_FILES }: SpoolOptions, lock: Lock) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, maxBytes / SEGMENTS_MIN));
    this.#onLost = onLost;
    this.#files = files;
    this.#lock = lock;
  }

  /**
   * Opens the spool and learns what waits in it. Damage never stops it.
   *
   * @throws LockedError when another process has the directory; the file system's error when it cannot be used.
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory, files = NODE_FILES } = options;
    makeDirectory(dirname(directory));
    await files.mkdir(directory, { mode: PRIVATE_DIRECTORY }).catch(unlessThere);
    const lock = takeLock(join(directory, 'lock'));
    const spool = new Spool(options, lock);
    try {
      await spool.#survey();
      return spool;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Rows that wait; without those taken and not yet acknowledged. */
  get rows(): number {
    return this.#segments.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Rows taken and not yet acknowledged. */
  get takenRows(): number {
    return this.#taken.reduce((sum, { rows }) => sum + rows, 0);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether something can be taken: a batch without rows counts, too. */
  get waiting(): boolean {
    return this.#next !== undefined;
  }

  /** Whether nothing waits and nothing is taken. */
  get drained(): boolean {
    return !this.waiting && this.#taken.length === 0;
  }

  /** How full it is, from 0 to 1. */
  get fullness(): number {
    return this.bytes / this.#maxBytes;
  }

  /**
   * Writes the batch, so that it is there again when the process is killed; a power cut it survives once it is synchronised.
   * `settle` is called in the moment in which it is the spool's. One at a time.
   *
   * @throws the file system's error; the batch is then not in the spool.
   */
  async append(given: Batch, settle: () => void): Promise<void> {
    await this.#makeRoom(recordBytes(given.payload.length));
    const batch = this.#withCarried(given);
    const bytes = recordBytes(batch.payload.length);
    if (bytes > this.#maxBytes) {
      settle();
      this.#onLost('spool_full', batch.rows);
      return;
    }
    this.#appending = true;
    try {
      const segment = await this.#appendable(bytes);
      const offset = segment.bytes;
      const settled = () => {
        this.#recent.add({ batch, segment, offset, end: segment.bytes });
        settle();
      };
      await segment.append(encodeRecord(batch), batch.rows, settled).catch(async (error: unknown) => {
        if (segment.bytes === 0) await this.#remove(segment);
        throw error;
      });
      this.#carried = [];
    } finally {
      this.#appending = false;
    }
  }

  /** What waits says of itself, oldest first. A file that cannot be read says nothing. */
  async *facts(): AsyncIterable<WaitingFacts> {
    for (const segment of this.#segments) {
      try {
        for await (const { header, facts } of segment.facts())
          yield { writer: header.writer, seq: header.seq, facts };
      } catch {
        // Whoever takes from it will find out, and count it.
      }
    }
  }

  /** Makes durable what was appended. @throws the file system's error; nobody knows then what a power cut would leave. */
  async sync(): Promise<void> {
    this.#appending = true; // Its file must not be closed meanwhile.
    try {
      await this.#segments.at(-1)?.sync();
    } finally {
      this.#appending = false;
    }
  }

  /**
   * The oldest batch that is not taken yet, `null` when there is none or when `wanted` does not want it. It stays until it
   * is acknowledged, together with all others taken by then. Damage is skipped only while nothing is taken: what is put
   * back lies in front of it, and it would be counted again.
   *
   * @throws the file system's error while reading again may help.
   */
  async take(wanted: (waiting: Waiting) => boolean = () => true): Promise<Batch | null> {
    for (let segment = this.#next; segment !== undefined; segment = this.#next) {
      const took = await this.#takeFrom(segment, wanted).catch((error: unknown) =>
        this.#taken.length > 0 ? null : this.#unreadable(segment, error),
      );
      if (took !== 'nothing') return took;
    }
    if (this.#taken.length === 0) await this.#removeEmptied();
    return null;
  }

  /** The batches taken last are stored. */
  async acknowledge(): Promise<void> {
    this.#taken = [];
    await this.#removeEmptied();
    const [segment] = this.#segments;
    const large = (segment?.bytes ?? 0) >= this.#segmentBytes * GIVE_BACK_SHARE;
    if (segment?.emptied === true && large && !this.#appending) await this.#remove(segment);
    await this.#saveCursor(CURSOR_INTERVAL_MS);
  }

  /** The batches taken last are not stored, or nobody knows: they will be taken again. */
  putBack(): void {
    const taken = this.#taken;
    this.#taken = [];
    for (const { segment, offset, rows } of taken.reverse()) {
      if (segment.removed) {
        this.#onLost('spool_full', rows);
        continue;
      }
      segment.rows += rows;
      segment.offset = offset;
    }
  }

  /** What waits stays on disk. */
  async close(): Promise<void> {
    this.putBack();
    await this.#saveCursor(0);
    for (const segment of this.#segments) {
      await segment.complete();
      await segment.stopReading();
    }
    const [last] = this.#segments;
    if (this.#segments.length === 1 && last?.emptied === true) await last.remove();
    this.#lock.release();
  }

  async #survey(): Promise<void> {
    const cursor = await readCursor(this.#files, this.#directory);
    const ids = segmentIds(await this.#files.readdir(this.#directory));
    this.#nextId = Math.max(cursor.segment, ...ids) + 1;
    for (const id of ids) {
      const segment = new Segment(this.#files, this.#directory, id);
      const from = id === cursor.segment ? cursor.offset : 0;
      if (id < cursor.segment) await segment.remove();
      else if (await this.#surveyed(segment, from)) this.#segments.push(segment);
    }
  }

  /** A file that cannot be read keeps nothing else from working. */
  async #surveyed(segment: Segment, from: number): Promise<boolean> {
    try {
      await segment.survey(from);
      return true;
    } catch {
      this.#onLost('spool_corrupt', 1); // At least.
      return false;
    }
  }

  /** The first segment with something to take. */
  get #next(): Segment | undefined {
    return this.#segments.find(({ emptied }) => !emptied);
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
    const found = await findRecord(await segment.window(), offset, segment.bytes);
    if (found.kind === 'record' && !wanted(found.header)) return null;
    const payload =
      found.kind === 'record' ? await segment.read(found.payloadAt, found.header.payloadBytes) : null;
    if (segment.removed) return 'nothing';
    if (payload === null || found.kind === 'gap' || crc32(payload) !== found.header.payloadCrc) {
      if (this.#taken.length > 0) return null;
      this.#lose(segment, found);
      return 'nothing';
    }
    const { rows, writer, seq } = found.header;
    return this.#taking(segment, found.end, { rows, writer, seq, payload });
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

  async #makeRoom(bytes: number): Promise<void> {
    while (this.#segments.length > 0 && this.bytes + bytes > this.#maxBytes) {
      const [oldest] = this.#segments;
      if (oldest === undefined) return;
      await this.#carryOn(oldest);
      const { rows } = oldest;
      const removed = this.#remove(oldest);
      if (rows > 0) this.#onLost('spool_full', rows);
      await removed;
    }
  }

  /** Shown and given up: what the batches of a segment measured stays in the totals. */
  async #carryOn(segment: Segment): Promise<void> {
    const measured = fromMeasured(this.#carried);
    try {
      for await (const { facts } of segment.facts())
        measured.push(...fromMeasured(facts.measured), ...fromMeasured(facts.carried));
    } catch {
      // What cannot be read is lost to the totals as well.
    }
    this.#carried = toMeasured(mergePoints(measured));
  }

  #withCarried(batch: Batch): Batch {
    return this.#carried.length === 0
      ? batch
      : { ...batch, payload: withCarried(batch.payload, this.#carried) };
  }

  async #appendable(bytes: number): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last?.appendable === true) {
      if (last.bytes + bytes <= this.#segmentBytes) return last;
      await last.sync();
      await last.complete();
    }
    const segment = new Segment(this.#files, this.#directory, this.#nextId++);
    await segment.create();
    this.#segments.push(segment);
    return segment;
  }

  /** Complete segments of which nothing is left to take; not while something taken may come back to them. */
  async #removeEmptied(): Promise<void> {
    for (
      let [segment] = this.#segments;
      segment?.emptied === true && !segment.appendable;
      [segment] = this.#segments
    )
      await this.#remove(segment);
  }

  async #remove(segment: Segment): Promise<void> {
    this.#segments = this.#segments.filter((other) => other !== segment);
    await segment.remove();
  }

  async #saveCursor(intervalMs: number): Promise<void> {
    const [segment] = this.#segments;
    if (performance.now() - this.#cursorWrittenMs < intervalMs) return;
    this.#cursorWrittenMs = performance.now();
    const cursor: Cursor = { segment: segment?.id ?? this.#nextId, offset: segment?.offset ?? 0 };
    await writeCursor(this.#files, this.#directory, cursor);
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
