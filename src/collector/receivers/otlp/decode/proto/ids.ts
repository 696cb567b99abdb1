import { isSame } from '../byte-runs.ts';
import { DecodeError } from '../decode-error.ts';
import type { ProtoReader } from './reader.ts';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** Ids that are known as text, a power of two. */
const SLOTS = 1024;
const WORD = 4;

/** The ids of one length that came of late: spans come together with their parents, and with others of their trace. */
class RecentIds {
  readonly #bytes: number;
  readonly #runs: readonly DataView[];
  readonly #texts: string[] = new Array(SLOTS).fill('');

  constructor(bytes: number) {
    const memory = new ArrayBuffer(SLOTS * bytes);
    this.#bytes = bytes;
    this.#runs = Array.from({ length: SLOTS }, (_, slot) => new DataView(memory, slot * bytes, bytes));
  }

  /** Lower-case hex; `null`: all zero. */
  at({ bytes, view }: ProtoReader, start: number): string | null {
    const end = start + this.#bytes;
    // Random at both ends, mostly.
    const mixed = view.getInt32(start, true) ^ view.getInt32(end - WORD, true);
    const slot = (mixed ^ (mixed >>> 16)) & (SLOTS - 1);
    const run = this.#runs[slot];
    if (run === undefined) return null;
    const known = this.#texts[slot] ?? '';
    if (known !== '' && isSame(view, start, run, this.#bytes)) return known;
    if (isZero(view, start, end)) return null;
    const text = bytes.toString('hex', start, end);
    for (let at = 0; at < this.#bytes; at += WORD) run.setInt32(at, view.getInt32(start + at, true), true);
    this.#texts[slot] = text;
    return text;
  }
}

const TRACE_IDS = new RecentIds(TRACE_ID_BYTES);
const SPAN_IDS = new RecentIds(SPAN_ID_BYTES);

/** 32 hex digits, `null` for none. @throws DecodeError for any other number of bytes. */
export function readTraceId(reader: ProtoReader): string | null {
  const at = idAt(reader, 'traceId', TRACE_ID_BYTES);
  return at === null ? null : TRACE_IDS.at(reader, at);
}

/** 16 hex digits, `null` for none. @throws DecodeError for any other number of bytes. */
export function readSpanId(reader: ProtoReader, name: string): string | null {
  const at = idAt(reader, name, SPAN_ID_BYTES);
  return at === null ? null : SPAN_IDS.at(reader, at);
}

/** Where it begins; `null` where it is empty, which is none. */
function idAt(reader: ProtoReader, name: string, bytes: number): number | null {
  const at = reader.delimited();
  const length = reader.position - at;
  if (length === 0) return null;
  if (length !== bytes) throw new DecodeError(`expected ${bytes} bytes, not ${length}`).within(name);
  return at;
}

function isZero(view: DataView, start: number, end: number): boolean {
  for (let at = start; at < end; at += WORD) if (view.getInt32(at, true) !== 0) return false;
  return true;
}
