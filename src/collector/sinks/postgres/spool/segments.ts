import { KIB, MIB, SECOND_MS } from '../../../../core/units.ts';
import type { BatchFacts } from './batch.ts';
import type { SpoolFiles } from './files.ts';
import type { RecordHeader } from './record.ts';
import { Segment, segmentIds } from './segment.ts';
import { type Cursor, readCursor, writeCursor } from './spool-cursor.ts';

/** What waits, by its name, and what it says of itself. */
export type WaitingFacts = Pick<RecordHeader, 'writer' | 'seq'> & { readonly facts: BatchFacts };

const SEGMENT_BYTES_MAX = 8 * MIB;
const SEGMENT_BYTES_MIN = 16 * KIB;
/** A small cap still has this many segments, so that dropping the oldest drops a part. */
const SEGMENTS_MIN = 8;
/** An emptied segment is given back at this share of its size; at once would mean a new file per batch. */
const GIVE_BACK_SHARE = 1 / 8;
const CURSOR_INTERVAL_MS = SECOND_MS / 2;

/** The files of a spool, oldest first: made as they are needed, given back to the disk once nothing in them is left to take. */
export class Segments {
  readonly #files: SpoolFiles;
  readonly #directory: string;
  readonly #segmentBytes: number;
  #all: Segment[] = [];
  /** Whether it is known what is in them. */
  surveyed = false;
  #nextId = 1;
  /** Whoever writes to the last one needs it kept open. */
  #writing = false;
  #cursorWrittenMs = Number.NEGATIVE_INFINITY;
  /** One at a time. Never rejects. */
  #writingCursor: Promise<void> = Promise.resolve();

  /** @param maxBytes of all of them; whoever appends sees to it. */
  constructor(files: SpoolFiles, directory: string, maxBytes: number) {
    this.#files = files;
    this.#directory = directory;
    this.#segmentBytes = Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, maxBytes / SEGMENTS_MIN));
  }

  /**
   * Learns what an earlier process left.
   *
   * @param onUnreadable called for every file that cannot be read; it keeps nothing else from working.
   */
  async survey(onUnreadable: () => void): Promise<void> {
    for (const segment of this.#all.splice(0)) await segment.complete();
    this.surveyed = true;
    for (const { segment, from, stored } of await this.#listed()) {
      if (stored) await segment.remove();
      else if (await succeeds(segment.survey(from))) this.#all.push(segment);
      else onUnreadable();
    }
  }

  /**
   * Learns only where to append and how much there is: a process that ends has no time to read thousands of files. It goes on
   * with the last one, so that as many processes do not leave as many.
   */
  async resume(): Promise<void> {
    const waiting = (await this.#listed()).filter(({ stored }) => !stored);
    const measured = waiting.map(({ segment, from }) => succeeds(segment.measure(from)));
    const readable = await Promise.all(measured);
    this.#all = waiting.map(({ segment }) => segment).filter((_, at) => readable[at]);
    const last = this.#all.at(-1);
    if (last !== undefined && last.bytes < this.#segmentBytes) await succeeds(last.resume());
  }

  /** Rows that wait. */
  get rows(): number {
    return this.#all.reduce((sum, { rows }) => sum + rows, 0);
  }

  get bytes(): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get oldest(): Segment | undefined {
    return this.#all[0];
  }

  /** The first one with something to take. */
  get next(): Segment | undefined {
    return this.#all.find(({ emptied }) => !emptied);
  }

  /** What waits says of itself, oldest first. A file that cannot be read says nothing. */
  async *facts(from: (segment: Segment) => number = ({ offset }) => offset): AsyncIterable<WaitingFacts> {
    for (const segment of this.#all) {
      try {
        for await (const { header, facts } of segment.facts(from(segment)))
          yield { writer: header.writer, seq: header.seq, facts };
      } catch {
        // Whoever takes from it will find out, and count it.
      }
    }
  }

  /** Writes to the one that takes so many bytes more, made for them where there is none. */
  async write(bytes: number, work: (segment: Segment) => Promise<void>): Promise<void> {
    this.#writing = true;
    try {
      const segment = await this.#appendable(bytes);
      await work(segment).catch(async (error: unknown) => {
        if (segment.bytes === 0) await this.remove(segment);
        throw error;
      });
    } finally {
      this.#writing = false;
    }
  }

  /** Makes durable what was written. @throws the file system's error. */
  async sync(): Promise<void> {
    this.#writing = true;
    try {
      await this.#all.at(-1)?.sync();
    } finally {
      this.#writing = false;
    }
  }

  /** Complete segments of which nothing is left to take; not while something taken may come back to them. */
  async removeEmptied(): Promise<void> {
    for (let segment = this.oldest; segment?.emptied === true && !segment.appendable; segment = this.oldest)
      await this.remove(segment);
  }

  /** Gives back what was taken from for good. How far that is is written down meanwhile: it only saves work. */
  async giveBack(): Promise<void> {
    await this.removeEmptied();
    const { oldest } = this;
    const large = (oldest?.bytes ?? 0) >= this.#segmentBytes * GIVE_BACK_SHARE;
    if (oldest?.emptied === true && large && !this.#writing) await this.remove(oldest);
    if (performance.now() - this.#cursorWrittenMs >= CURSOR_INTERVAL_MS) this.#saveCursor();
  }

  async remove(segment: Segment): Promise<void> {
    this.#all = this.#all.filter((other) => other !== segment);
    await segment.remove();
  }

  async close(): Promise<void> {
    if (this.surveyed) this.#saveCursor();
    await this.#writingCursor;
    for (const segment of this.#all) {
      await segment.complete();
      await segment.stopReading();
    }
    const [last] = this.#all;
    if (this.#all.length === 1 && last?.emptied === true) await last.remove();
  }

  /** The files there are, oldest first, how far each is stored, and whether all of it is. */
  async #listed() {
    const cursor = await readCursor(this.#files, this.#directory);
    const ids = segmentIds(await this.#files.readdir(this.#directory));
    this.#nextId = Math.max(cursor.segment, ids.at(-1) ?? 0) + 1;
    return ids.map((id) => ({
      segment: new Segment(this.#files, this.#directory, id),
      from: id === cursor.segment ? cursor.offset : 0,
      stored: id < cursor.segment,
    }));
  }

  async #appendable(bytes: number): Promise<Segment> {
    const last = this.#all.at(-1);
    if (last?.appendable === true) {
      if (last.bytes + bytes <= this.#segmentBytes) return last;
      await last.sync();
      await last.complete();
    }
    const segment = new Segment(this.#files, this.#directory, this.#nextId++);
    await segment.create();
    this.#all.push(segment);
    return segment;
  }

  #saveCursor(): void {
    this.#cursorWrittenMs = performance.now();
    const { oldest } = this;
    const cursor: Cursor = { segment: oldest?.id ?? this.#nextId, offset: oldest?.offset ?? 0 };
    this.#writingCursor = this.#writingCursor.then(() => writeCursor(this.#files, this.#directory, cursor));
  }
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch {
    return false;
  }
}
