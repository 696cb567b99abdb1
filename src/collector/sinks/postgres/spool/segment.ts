import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KIB } from '../../../../core/units.ts';
import { type BatchFacts, factsBytes, factsOf } from './batch.ts';
import type { SpoolFiles } from './files.ts';
import { decodeHeader, END, HEADER_BYTES, type RecordHeader } from './record.ts';
import { findRecord, recordInWindow, Window } from './scan.ts';

const NAME = /^(\d{12})\.spool$/;
const PRIVATE = 0o600;
/** A few batches of a busy collector: each read waits for its turn in a thread that is busy. */
const TAKE_WINDOW_BYTES = 512 * KIB;
/** Of the length that a payload begins with. */
const LENGTH_BYTES = 4;

/** One append-only file of records. */
export class Segment {
  readonly id: number;
  readonly path: string;
  readonly #files: SpoolFiles;
  /** Length of what is written. */
  bytes = 0;
  /** Where the next take begins. */
  offset = 0;
  /** Rows not yet taken out of it. */
  rows = 0;
  /** Its file is gone; what it held is counted. */
  removed = false;
  /** Attempts to read it that failed. */
  failures = 0;
  #appending: FileHandle | null = null;
  /** Something was written since the last `sync`. */
  #unsynced = false;
  /** A power cut may still leave no name for it. */
  #unnamed = false;
  #reading: FileHandle | null = null;
  #window: Window | null = null;

  constructor(files: SpoolFiles, directory: string, id: number) {
    this.#files = files;
    this.id = id;
    this.path = join(directory, `${String(id).padStart(12, '0')}.spool`);
  }

  get appendable(): boolean {
    return this.#appending !== null;
  }

  /** Everything that is in it so far was taken. */
  get emptied(): boolean {
    return this.offset >= this.bytes;
  }

  async create(): Promise<void> {
    this.#appending = await this.#files.open(this.path, 'ax', PRIVATE);
    this.#unnamed = true;
  }

  /** Learns how much there is, without a look at what. */
  async measure(from: number): Promise<void> {
    this.bytes = (await this.#files.stat(this.path)).size;
    this.offset = from;
  }

  /** Goes on with what an earlier process began, unless its last record is cut: what follows that would be lost with it. */
  async resume(): Promise<void> {
    const file = await this.#files.open(this.path, 'r+');
    const tail = Buffer.alloc(HEADER_BYTES);
    const from = this.bytes - HEADER_BYTES;
    const { bytesRead } = from < 0 ? { bytesRead: 0 } : await file.read(tail, 0, HEADER_BYTES, from);
    const whole = bytesRead === HEADER_BYTES && decodeHeader(tail, END) !== null;
    if (whole && this.offset <= this.bytes) this.#appending = file;
    else await file.close();
  }

  /**
   * Writes a record, which a killed process leaves behind, and calls `settle` in the moment in which its rows are counted
   * here. After a failure nothing more can be appended to this segment.
   */
  async append(parts: readonly Buffer[], rows: number, settle: () => void): Promise<void> {
    const file = this.#appending;
    if (file === null) throw new Error('the segment is complete');
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    try {
      const { bytesWritten } = await file.writev([...parts], this.bytes);
      if (bytesWritten < length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    } catch (error) {
      await file.truncate(this.bytes).catch(() => {}); // Else the damage is skipped at the next start.
      await this.complete();
      throw error;
    }
    this.#unsynced = true;
    this.bytes += length;
    this.rows += rows;
    settle();
  }

  /** Makes durable what was written. After a failure nothing more can be appended to this segment. */
  async sync(): Promise<void> {
    const file = this.#appending;
    if (file === null || !this.#unsynced) return;
    this.#unsynced = false; // What is written while this lasts is for the next one.
    try {
      if (this.#unnamed) await this.#syncDirectory();
      this.#unnamed = false;
      await file.datasync();
    } catch (error) {
      if (this.removed) return; // Gone meanwhile, and what it held is counted.
      await this.complete();
      throw error;
    }
  }

  /** Nothing more is appended. */
  async complete(): Promise<void> {
    const file = this.#appending;
    this.#appending = null;
    await file?.close().catch(() => {});
  }

  /** Through which batches are taken, several with one read. */
  async window(): Promise<Window> {
    this.#reading ??= await this.#files.open(this.path, 'r');
    this.#window ??= new Window(this.#reading, () => this.bytes, TAKE_WINDOW_BYTES);
    return this.#window;
  }

  /** Learns what an earlier process left here, from the offset on, headers only. */
  async survey(from: number): Promise<void> {
    const file = await this.#files.open(this.path, 'r');
    try {
      const { size } = await file.stat();
      const window = new Window(file, () => size);
      this.bytes = size;
      this.offset = from;
      for (let position = from; position < size; ) {
        const found = recordInWindow(window, position, size) ?? (await findRecord(window, position, size));
        this.rows += found.kind === 'record' ? found.header.rows : found.rows;
        position = found.end;
      }
    } finally {
      await file.close().catch(() => {});
    }
  }

  /** What waits here says of itself, oldest first. Reads through a handle of its own, so that others may take meanwhile. */
  async *facts(
    from = this.offset,
  ): AsyncIterable<{ readonly header: RecordHeader; readonly facts: BatchFacts }> {
    const file = await this.#files.open(this.path, 'r');
    const size = this.bytes;
    const window = new Window(file, () => size);
    try {
      for (let position = from; position < size; ) {
        const found = recordInWindow(window, position, size) ?? (await findRecord(window, position, size));
        position = found.end;
        if (found.kind === 'gap' || found.header.payloadBytes < LENGTH_BYTES) continue;
        const { header, payloadAt } = found;
        const length = Math.min(header.payloadBytes, factsBytes(await window.at(payloadAt, LENGTH_BYTES)));
        yield { header, facts: factsOf(await window.read(payloadAt, Buffer.allocUnsafe(length))) };
      }
    } finally {
      await file.close().catch(() => {});
    }
  }

  /** So that a power cut leaves the file's name, too. Not every file system can. */
  async #syncDirectory(): Promise<void> {
    const directory = await this.#files.open(dirname(this.path), 'r').catch(() => null);
    await directory?.sync().catch(() => {});
    await directory?.close().catch(() => {});
  }

  async stopReading(): Promise<void> {
    const file = this.#reading;
    this.#reading = null;
    this.#window = null;
    await file?.close().catch(() => {});
  }

  async remove(): Promise<void> {
    this.removed = true;
    await this.complete();
    await this.stopReading();
    await this.#files.unlink(this.path).catch(() => {}); // Gone already, or of no more harm than its size.
  }
}

/** The numbers of the segments in a directory's listing, oldest first. */
export function segmentIds(names: readonly string[]): number[] {
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
