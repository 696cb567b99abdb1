import type { OtlpAttributes, OtlpValue } from '../../model.ts';
import { type Attributes, newAttributes } from '../attributes.ts';
import { DecodeError, placed } from '../decode-error.ts';
import type { KeyTable } from '../key-table.ts';
import type { LeftOut } from '../left-out.ts';
import { ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../limits.ts';
import { ATTRIBUTES_BEYOND } from '../records.ts';
import { KeyValuePlace } from './key-value.ts';
import type { ProtoReader } from './reader.ts';

/** Of `AnyValue.string_value`. */
const TEXT_TAG = 0x0a;

/** What attributes are read into, one message of a record after the other, and one record after the other. */
export class AttributeReading {
  attributes: Attributes = newAttributes();
  readonly #wanted: KeyTable | null;
  readonly #leftOut: LeftOut;
  readonly #place = new KeyValuePlace();
  #seen = 0;

  /** @param wanted `null`: all of them. */
  constructor(leftOut: LeftOut, wanted: KeyTable | null = null) {
    this.#leftOut = leftOut;
    this.#wanted = wanted;
  }

  /** Another record begins. */
  begin(): void {
    this.attributes = newAttributes();
    this.#seen = 0;
  }

  /** Reads a `KeyValue`, the field that the reader is at. */
  read(reader: ProtoReader): void {
    if (++this.#seen > ATTRIBUTES_MAX) {
      this.#passOver(reader);
      return;
    }
    try {
      readKeyValue(reader, this.#place, 0, this);
    } catch (error) {
      throw placed(error, `attributes[${this.#seen - 1}]`);
    }
  }

  #passOver(reader: ProtoReader): void {
    reader.delimited();
    this.#leftOut.parts(ATTRIBUTES_BEYOND);
  }

  /** `null`: not wanted. */
  keyAt(reader: ProtoReader, start: number, end: number): string | null {
    if (this.#wanted !== null) return this.#wanted.find(reader, start, end);
    if (end - start <= KEY_BYTES_MAX) return reader.textAt(start, end);
    this.#leftOut.parts(`attributes with a key of more than ${KEY_BYTES_MAX} bytes`);
    return null;
  }

  add(key: string, value: OtlpValue): void {
    this.attributes[key] = value;
  }

  cut(reason: string): void {
    this.#leftOut.parts(reason);
  }
}

/**
 * All attributes in field `field` of the message at `start` to `end`, for a record that has been read before. What of them
 * cannot be read is left out, because whoever asks now has been told that the request was accepted.
 */
export function attributesIn(
  reader: ProtoReader,
  field: number,
  range: { readonly start: number; readonly end: number },
  leftOut: LeftOut,
): OtlpAttributes {
  const reading = new AttributeReading(leftOut);
  reader.select(range.start, range.end);
  for (let at = reader.field(); at !== 0; at = reader.field()) {
    if (at !== field) {
      reader.skip();
      continue;
    }
    const start = reader.position;
    try {
      reading.read(reader);
    } catch {
      reader.passOverAgain(start, range.end);
    }
  }
  return reading.attributes;
}

interface KeyValues {
  keyAt(reader: ProtoReader, start: number, end: number): string | null;
  add(key: string, value: OtlpValue): void;
  cut(reason: string): void;
}

/** One without a value that is known is as good as absent. */
function readKeyValue(reader: ProtoReader, place: KeyValuePlace, depth: number, into: KeyValues): void {
  place.find(reader);
  const key = into.keyAt(reader, place.keyStart, place.keyEnd);
  if (key === null) return;
  const { valueStart, valueEnd } = place;
  if (valueStart < 0) {
    into.add(key, null);
    return;
  }
  const { position, end } = reader;
  reader.select(valueStart, valueEnd);
  const value = shortText(reader) ?? readValue(reader, depth, into);
  reader.select(position, end);
  if (value !== undefined) into.add(key, value);
}

/** The message that is being read, where it is an `AnyValue` with a text of less than 128 bytes, as most are. */
function shortText(reader: ProtoReader): string | undefined {
  const { bytes, position, end } = reader;
  const length = bytes[position + 1] ?? 0x80;
  const isShort = bytes[position] === TEXT_TAG && length < 0x80 && position + 2 + length === end;
  return isShort ? reader.textAt(position + 2, end) : undefined;
}

/**
 * What is left of the message that is being read, as an `AnyValue`: `null` where it is empty, `undefined` where it holds only
 * what is not known, such as the index of a text that is elsewhere (`string_value_strindex`).
 */
export function readValue(
  reader: ProtoReader,
  depth: number,
  into: Pick<KeyValues, 'cut'>,
): OtlpValue | undefined {
  let value: OtlpValue | undefined = reader.position >= reader.end ? null : undefined;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) value = readText(reader, into);
    else if (field === 2) value = reader.bool();
    else if (field === 3) value = reader.signed();
    else if (field === 4) value = reader.double();
    else if (field === 5) value = readList(reader, depth + 1, into);
    else if (field === 6) value = readMap(reader, depth + 1, into);
    else if (field === 7) value = readBytes(reader, into);
    else reader.skip();
  }
  return value;
}

function readText(reader: ProtoReader, into: Pick<KeyValues, 'cut'>): string {
  const before = reader.position;
  const text = reader.text(VALUE_BYTES_MAX);
  if (reader.position - before > VALUE_BYTES_MAX) noteCut(reader.position - before, into);
  return text;
}

function readBytes(reader: ProtoReader, into: Pick<KeyValues, 'cut'>): string {
  const start = reader.delimited();
  noteCut(reader.position - start, into);
  return reader.bytes.toString('base64', start, Math.min(reader.position, start + VALUE_BYTES_MAX));
}

/** Says that a value is longer than what is read of it, where it is. */
function noteCut(bytes: number, into: Pick<KeyValues, 'cut'>): void {
  if (bytes > VALUE_BYTES_MAX) into.cut(`ends of values of more than ${VALUE_BYTES_MAX} bytes`);
}

/** `ArrayValue`: values 1. */
function readList(reader: ProtoReader, depth: number, into: Pick<KeyValues, 'cut'>): OtlpValue[] {
  refuseDepth(depth);
  const list: OtlpValue[] = [];
  const outer = reader.enter();
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field !== 1 || list.length >= ELEMENTS_MAX) {
      if (field === 1) into.cut(TOO_MANY_ELEMENTS);
      reader.skip();
      continue;
    }
    const list_ = reader.enter();
    list.push(readValue(reader, depth, into) ?? null);
    reader.leave(list_);
  }
  reader.leave(outer);
  return list;
}

/** `KeyValueList`: values 1. */
function readMap(reader: ProtoReader, depth: number, into: Pick<KeyValues, 'cut'>): OtlpAttributes {
  refuseDepth(depth);
  const map = newAttributes();
  const place = new KeyValuePlace();
  let elements = 0;
  const entries: KeyValues = {
    keyAt: (_, start, end) => reader.textAt(start, Math.min(end, start + KEY_BYTES_MAX)),
    add: (key, value) => {
      map[key] = value;
    },
    cut: (reason) => into.cut(reason),
  };
  const outer = reader.enter();
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1 && elements++ < ELEMENTS_MAX) readKeyValue(reader, place, depth, entries);
    else {
      if (field === 1) into.cut(TOO_MANY_ELEMENTS);
      reader.skip();
    }
  }
  reader.leave(outer);
  return map;
}

const TOO_MANY_ELEMENTS = `elements beyond the ${ELEMENTS_MAX} of a list or map`;

function refuseDepth(depth: number): void {
  if (depth > DEPTH_MAX) {
    throw new DecodeError(`expected at most ${DEPTH_MAX} lists and maps in each other`);
  }
}
