import { parseJson } from '../json.ts';
import { ofSignals, SIGNALS, type SignalName } from '../signals/index.ts';
import {
  ABSENT,
  ABSENT_TEXT,
  DEFINITION,
  EVENT_RECORD_TYPE,
  FALSE,
  type FieldKind,
  GIVEN,
  NAME_CHARS_MAX,
  NAMES_FROM,
  NAMES_MAX,
  NULL,
  NULL_TEXT,
  OTHER,
  SPAN_BYTES,
  TRACE_BYTES,
  TRUE,
  UUID_BYTES,
} from './layout.ts';
import { hexText, uuidText } from './recorded-id.ts';
import { type RecordedBytes, RecordedRequest } from './recorded-request.ts';

/** What a record says, not yet judged: its receiver looks at every field. */
export type ClaimedEvent = Readonly<Record<string, unknown>>;

const LAYOUTS = ofSignals(
  ({ record }) => Object.entries(record) as readonly (readonly [string, FieldKind])[],
);
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const LENGTH_BYTES = 4;
const NAME_BYTES = 2;
const NUMBER_BYTES = 8;
/** A character takes three bytes at most. */
const NAME_BYTES_MAX = 3 * NAME_CHARS_MAX;

/** Bytes that are no records: whoever sends them is broken, or none of ours. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/**
 * Reads what was written to a `RecordOutput`, in pieces that end where a record does. Nothing in the bytes can make it read
 * beyond them, or keep more than they hold.
 */
export class RecordReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  /** Of the record that is read. */
  #end = 0;
  #names: string[] = [];
  /** What requests are read in, where they stay in the bytes. */
  #record: RecordedBytes | null = null;
  readonly #inPlace: boolean;

  /** @param inPlace requests stay where they are, as a `RecordedRequest`: nobody writes to the bytes any more. @default false */
  constructor({ inPlace = false } = {}) {
    this.#inPlace = inPlace;
  }

  /** What comes next was begun anew: no name is known. */
  begin(): void {
    this.#names = [];
  }

  /**
   * Calls back with every event of the next bytes, and where in them its record ends; with `null` for an event of a signal
   * that is not known here.
   *
   * @throws RecordError
   */
  read(bytes: Uint8Array, onEvent: (event: ClaimedEvent | null, endsAt: number) => void): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#record = this.#inPlace ? { bytes, view: this.#view, names: this.#names } : null;
    while (this.#at < bytes.length) {
      this.#end = bytes.length;
      const length = this.#view.getUint32(this.#take(LENGTH_BYTES), true);
      if (length === 0 || length > bytes.length - this.#at) throw new RecordError('a record that is cut off');
      this.#end = this.#at + length;
      const type = this.#bytes[this.#take(1)];
      if (type === DEFINITION) this.#define();
      else if (type === EVENT_RECORD_TYPE) onEvent(this.#event(), this.#end);
      this.#at = this.#end; // A later version may have said more.
    }
  }

  #define(): void {
    if (this.#names.length + NAMES_FROM >= NAMES_MAX)
      throw new RecordError('more names than there are numbers');
    if (this.#end - this.#at > NAME_BYTES_MAX) throw new RecordError('a name longer than any is');
    this.#names.push(this.#utf8(this.#take(this.#end - this.#at)));
  }

  #event(): ClaimedEvent | null {
    const signal = this.#name();
    if (typeof signal !== 'string' || !Object.hasOwn(SIGNALS, signal)) return null;
    if (this.#record !== null && signal === 'request') {
      const request = RecordedRequest.at(this.#record, this.#at, this.#end);
      if (request !== null) return request as object as ClaimedEvent;
    }
    const event: Record<string, unknown> = { signal };
    for (const [name, kind] of LAYOUTS[signal as SignalName]) {
      if (this.#at === this.#end) break; // An earlier version says less.
      const value = this.#field(kind);
      if (value !== undefined) event[name] = value;
    }
    return event;
  }

  #field(kind: FieldKind): unknown {
    switch (kind) {
      case 'uuid':
        return this.#uuid();
      case 'trace':
        return this.#hex(TRACE_BYTES);
      case 'span':
        return this.#hex(SPAN_BYTES);
      case 'name':
        return this.#name();
      case 'flag':
        return this.#flag();
      case 'text':
        return this.#text();
      case 'json':
        return this.#json();
      case 'numbers':
        return this.#numbers();
      default:
        return this.#number();
    }
  }

  /** Where so many bytes begin that are read now. */
  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#end) throw new RecordError('a field that is cut off');
    this.#at = at + bytes;
    return at;
  }

  #name(): string | null | undefined {
    const number = this.#view.getUint16(this.#take(NAME_BYTES), true);
    if (number === NULL) return null;
    if (number === ABSENT) return undefined;
    const name = this.#names[number - NAMES_FROM];
    if (name === undefined) throw new RecordError('a name that was never told');
    return name;
  }

  #number(): number | null | undefined {
    const value = this.#view.getFloat64(this.#take(NUMBER_BYTES), true);
    if (Number.isNaN(value)) return null;
    return value === Number.POSITIVE_INFINITY ? undefined : value;
  }

  #flag(): boolean | null | undefined {
    const value = this.#bytes[this.#take(1)];
    if (value === TRUE) return true;
    if (value === FALSE) return false;
    return value === NULL ? null : undefined;
  }

  #numbers(): Record<string, number | null | undefined> | null | undefined {
    const count = this.#view.getUint16(this.#take(NAME_BYTES), true);
    if (count === NAMES_MAX) return null;
    if (count === NAMES_MAX - 1) return undefined;
    const entries: [string, number | null | undefined][] = [];
    for (let index = 0; index < count; index++) entries.push([String(this.#name()), this.#number()]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }

  #uuid(): string {
    return uuidText(this.#bytes, this.#take(UUID_BYTES));
  }

  #hex(size: number): string | null | undefined {
    const tag = this.#bytes[this.#take(1)];
    if (tag === GIVEN) return hexText(this.#bytes, this.#take(size), size);
    if (tag === OTHER) return this.#text();
    return tag === NULL ? null : undefined;
  }

  #text(): string | null | undefined {
    const length = this.#view.getUint32(this.#take(LENGTH_BYTES), true);
    if (length === NULL_TEXT) return null;
    if (length === ABSENT_TEXT) return undefined;
    return this.#utf8(this.#take(length), length);
  }

  #utf8(at: number, length = this.#at - at): string {
    return UTF8.decode(this.#bytes.subarray(at, at + length));
  }

  #json(): unknown {
    const text = this.#text();
    try {
      return typeof text === 'string' ? parseJson(text) : text;
    } catch {
      return null; // Whatever it is to be, its receiver refuses it.
    }
  }
}
