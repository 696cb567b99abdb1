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

/** Reads a file's bytes at any place through one small buffer. */
export class Window {
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** What `at` would give without reading, `null` when it would have to. */
  cached(position: number, bytes: number): Buffer | null {
    const offset = position - this.#start;
    const there = offset >= 0 && offset + bytes <= this.#length;
    return there ? this.#buffer.subarray(offset, this.#length) : null;
  }

  /** Up to `WINDOW_BYTES` from there, at least `bytes` unless the file ends. Valid until the next call. */
  async at(position: number, bytes: number): Promise<Buffer> {
    const cached = this.cached(position, bytes);
    if (cached !== null) return cached;
    const { bytesRead } = await this.#file.read(this.#buffer, 0, WINDOW_BYTES, position);
    this.#start = position;
    this.#length = bytesRead;
    return this.#buffer.subarray(0, bytesRead);
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
