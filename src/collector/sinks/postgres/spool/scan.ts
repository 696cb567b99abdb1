import type { FileHandle } from 'node:fs/promises';
import { KIB } from '../../../../core/units.ts';
import { decodeHeader, END, HEADER_BYTES, type RecordHeader, recordBytes, START } from './record.ts';

/** What stands at one place of a segment. */
export type Found =
  | {
      readonly kind: 'record';
      readonly header: RecordHeader;
      readonly payloadAt: number;
      readonly end: number;
    }
  /** Damage up to `end`; `rows` are lost with it. */
  | { readonly kind: 'gap'; readonly rows: number; readonly end: number };

/** Damage in which not even a header is left has an unknown number of rows, at least one. */
const UNKNOWN_ROWS = 1;
const WINDOW_BYTES = 64 * KIB;

/** Reads a file's bytes at any place through one buffer, which is small where only headers are wanted. */
export class Window {
  readonly #file: FileHandle;
  readonly #buffer: Buffer;
  readonly #size: () => number;
  #start = 0;
  #length = 0;

  /** @param size of the file: what is behind may not be written whole. @param bytes how much is read at a time. */
  constructor(file: FileHandle, size: () => number, bytes: number = WINDOW_BYTES) {
    this.#file = file;
    this.#size = size;
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  /** What `at` would give without reading, `null` when it would have to. */
  cached(position: number, bytes: number): Buffer | null {
    const offset = position - this.#start;
    const there = offset >= 0 && offset + bytes <= this.#length;
    return there ? this.#buffer.subarray(offset, this.#length) : null;
  }

  /** As much as there is room for from there, at least `bytes` unless that is more or the file ends. Valid until the next call. */
  async at(position: number, bytes: number): Promise<Buffer> {
    const cached = this.cached(position, bytes);
    if (cached !== null) return cached;
    this.#length = 0;
    const size = this.#size();
    const { bytesRead } = await this.#file.read(this.#buffer, 0, this.#buffer.length, position);
    this.#start = position;
    this.#length = Math.max(0, Math.min(bytesRead, size - position));
    return this.#buffer.subarray(0, this.#length);
  }

  /** Fills a buffer from there on. @returns as much of it as there is in the file. */
  async read(position: number, into: Buffer): Promise<Buffer> {
    const { length } = into;
    if (length > this.#buffer.length) {
      const { bytesRead } = await this.#file.read(into, 0, length, position);
      return into.subarray(0, bytesRead);
    }
    const copied = (await this.at(position, length)).copy(into, 0, 0, length);
    return into.subarray(0, copied);
  }
}

/**
 * The undamaged record at `position` when its header is in the window already, else `null`. An outage with little traffic
 * leaves a million small records, and waiting for a promise for each would be most of the time that opening takes.
 */
export function recordInWindow(window: Window, position: number, size: number): Found | null {
  const bytes = window.cached(position, HEADER_BYTES);
  const header = bytes === null ? null : decodeHeader(bytes, START);
  if (header === null) return null;
  const end = position + recordBytes(header.payloadBytes);
  return end <= size ? { kind: 'record', header, payloadAt: position + HEADER_BYTES, end } : null;
}

/** What stands at `position` of a segment with `size` bytes; `position` must be less. */
export async function findRecord(window: Window, position: number, size: number): Promise<Found> {
  const header = decodeHeader(clipped(await window.at(position, HEADER_BYTES), position, size), START);
  if (header === null) return resynchronise(window, position, size);
  const end = position + recordBytes(header.payloadBytes);
  if (end <= size) return { kind: 'record', header, payloadAt: position + HEADER_BYTES, end };
  const payloadAt = position + HEADER_BYTES;
  if (payloadAt + header.payloadBytes <= size) return { kind: 'record', header, payloadAt, end: size };
  const next = await nextHeader(window, payloadAt, size);
  return { kind: 'gap', rows: header.rows, end: next?.position ?? size };
}

/** The header here is damaged: the one behind the payload may save the record, else the next record is looked for. */
async function resynchronise(window: Window, position: number, size: number): Promise<Found> {
  const next = await nextHeader(window, position + 1, size);
  if (next === null) return { kind: 'gap', rows: UNKNOWN_ROWS, end: size };
  if (next.magic === START) return { kind: 'gap', rows: UNKNOWN_ROWS, end: next.position };
  const end = next.position + HEADER_BYTES;
  const payloadAt = next.position - next.header.payloadBytes;
  if (payloadAt >= position) return { kind: 'record', header: next.header, payloadAt, end };
  return { kind: 'gap', rows: next.header.rows, end };
}

interface HeaderAt {
  readonly header: RecordHeader;
  readonly magic: Buffer;
  readonly position: number;
}

async function nextHeader(window: Window, from: number, size: number): Promise<HeaderAt | null> {
  for (let position = from; position + HEADER_BYTES <= size; ) {
    const bytes = clipped(await window.at(position, HEADER_BYTES), position, size);
    const at = bytes.indexOf('NC', 0, 'latin1');
    // The last bytes may be the first half of a header.
    if (at === -1) position += Math.max(1, bytes.length - 1);
    else if (at > 0) position += at;
    else {
      for (const magic of [START, END]) {
        const header = decodeHeader(bytes, magic);
        if (header !== null) return { header, magic, position };
      }
      position++;
    }
  }
  return null;
}

function clipped(bytes: Buffer, position: number, size: number): Buffer {
  return bytes.subarray(0, Math.max(0, size - position));
}
