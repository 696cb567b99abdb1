import { isSame } from '../byte-runs.ts';
import { DecodeError } from '../decode-error.ts';
import type { ProtoReader } from './reader.ts';

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** Reads ids of traces and spans. */
export class SpanIds {
  readonly #reader: ProtoReader;
  /** The trace id read last, and where it stands: spans of one trace come together. */
  #traceId = '';
  #traceIdAt = 0;

  constructor(reader: ProtoReader) {
    this.#reader = reader;
  }

  /** 32 hex digits, `null` for none. @throws DecodeError for any other number of bytes. */
  traceId(): string | null {
    const reader = this.#reader;
    const at = this.#id('traceId', TRACE_ID_BYTES);
    if (at === null) return null;
    if (this.#traceId === '' || !isSame(reader.bytes, this.#traceIdAt, at, TRACE_ID_BYTES)) {
      this.#traceId = reader.bytes.toString('hex', at, at + TRACE_ID_BYTES);
      this.#traceIdAt = at;
    }
    return this.#traceId;
  }

  /** 16 hex digits, `null` for none. @throws DecodeError for any other number of bytes. */
  spanId(name: string): string | null {
    const at = this.#id(name, SPAN_ID_BYTES);
    return at === null ? null : this.#reader.bytes.toString('hex', at, at + SPAN_ID_BYTES);
  }

  /** Where it begins; `null` where it is empty or all zero, which is none. */
  #id(name: string, bytes: number): number | null {
    const reader = this.#reader;
    const at = reader.delimited();
    const length = reader.position - at;
    if (length === 0) return null;
    if (length !== bytes) throw new DecodeError(`expected ${bytes} bytes, not ${length}`).within(name);
    for (let index = at; index < at + bytes; index++) {
      if (reader.bytes[index] !== 0) return at;
    }
    return null;
  }
}
