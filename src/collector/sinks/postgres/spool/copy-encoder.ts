import type { RecordedId } from '../../../../core/records/recorded-id.ts';
import type { Column, ColumnValue } from '../../../../core/signals/signal.ts';
import { KIB, MIB } from '../../../../core/units.ts';

/** What a stream in Postgres' binary COPY format begins and ends with; rows stand between. */
export const COPY_HEADER: Buffer = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
export const COPY_TRAILER: Buffer = Buffer.from([0xff, 0xff]);

const INITIAL_BYTES = 64 * KIB;
/** Most batches have less; what a larger one needed is given back. */
const KEPT_BYTES_MAX = MIB;
const NULL_LENGTH = -1;
const INT4_MAX = 2_147_483_647;
const INT4_VALUES = 2 ** 32;
/** The largest `bigint` that a double can hold. */
const INT8_MAX = 2 ** 63 - 1024;
/** Postgres counts microseconds from 2000-01-01. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const MICROSECONDS = 1000;
/** Years 1 to 9999: what every client can read back. */
const TIMESTAMP_MIN_MS = Date.parse('0001-01-01T00:00:00Z');
const TIMESTAMP_MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');
const UUID_BYTES = 16;
/** Each byte after which a UUID may have a hyphen. */
const UUID_HYPHENS = Array.from({ length: 16 }, (_, byte) => [4, 6, 8, 10].includes(byte));
const HYPHEN = 0x2d;
/** Of each character code its value as a digit, -1 for what is none. */
const HEX_DIGITS = Int8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[0-9a-f]/i.test(character) ? Number.parseInt(character, 16) : -1;
});
const JSONB_VERSION = 1;
/** Longer ones are written by the buffer itself, which costs as much as some hundred characters by hand. */
const PLAIN_CHARS_MAX = 256;
const BACKSLASH = 0x5c;
/** Decimal digits in one digit to the base 10,000. */
const NUMERIC_GROUP = 4;
/** Text inside JSON that `jsonb` refuses: an escaped NUL, or an escaped surrogate, which may be a lone one. */
const SUSPECT_ESCAPE = /\\u(0000|d[89a-f])/i;

export type ColumnType = Column<never>['type'];

/**
 * Rows in the form in which binary COPY takes them, appended to one growing buffer.
 *
 * Values that a type cannot hold are repaired where that loses nothing that matters (NUL bytes and lone surrogates leave
 * text, counts stop at the type's bound, what is not a finite number becomes NULL).
 */
export class CopyEncoder {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  /** The UUID that was written last as text, and where its bytes are: a sender's comes with every row. */
  #uuidText = '';
  #uuidAt = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * @throws RangeError when a value has no form in its column's type at all (a fraction for an integer, no UUID, a time
   * outside the calendar); whatever a column throws that has no value for the event. Nothing is appended then.
   */
  row<E>(columns: readonly Column<E>[], event: E): void {
    const start = this.#length;
    try {
      this.#int2(columns.length);
      for (const column of columns) this.#field(column.type, column.value(event));
    } catch (error) {
      this.#length = start;
      this.#uuidText = ''; // Its bytes may be written over.
      throw error;
    }
  }

  /** The rows so far, which what is written next is written over; the encoder begins anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length);
    if (this.#buffer.length > KEPT_BYTES_MAX) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    this.#length = 0;
    this.#uuidText = '';
    return taken;
  }

  #field(type: ColumnType, value: ColumnValue): void {
    if (value === null) this.#int4(NULL_LENGTH);
    else if (typeof value === 'boolean') this.#boolean(value);
    else if (typeof value === 'object') this.#recordedId(type, value);
    else if (type === 'uuid') this.#uuid(String(value));
    else if (type === 'timestamptz') this.#timestamp(value);
    else if (type === 'varchar' || type === 'text') this.#text(String(value));
    else if (type === 'jsonb') this.#json(String(value));
    else this.#number(type, Number(value));
  }

  #number(type: ColumnType, value: number): void {
    if (Number.isNaN(value)) this.#int4(NULL_LENGTH);
    else if (type === 'integer') this.#integer(value, INT4_MAX);
    else if (type === 'bigint') this.#integer(value, INT8_MAX);
    else if (!Number.isFinite(value)) this.#int4(NULL_LENGTH);
    else if (type === 'double precision') this.#double(value);
    else this.#numeric(value);
  }

  #boolean(value: boolean): void {
    this.#int4(1);
    this.#byte(value ? 1 : 0);
  }

  #uuid(value: string): void {
    this.#int4(UUID_BYTES);
    this.#reserve(UUID_BYTES);
    const at = this.#length;
    if (value === this.#uuidText) copyUuid(this.#buffer, this.#uuidAt, at);
    else writeUuid(value, this.#buffer, at);
    this.#uuidText = value;
    this.#uuidAt = at;
    this.#length += UUID_BYTES;
  }

  /** Without a text of it in between. */
  #recordedId(type: ColumnType, id: RecordedId): void {
    const bytes = type === 'uuid' ? UUID_BYTES : 2 * UUID_BYTES;
    this.#int4(bytes);
    this.#reserve(bytes);
    if (type === 'uuid') id.writeTo(this.#buffer, this.#length);
    else id.writeDigitsTo(this.#buffer, this.#length);
    this.#length += bytes;
  }

  #timestamp(value: ColumnValue): void {
    const ms = typeof value === 'number' ? value : Date.parse(String(value));
    if (!(ms >= TIMESTAMP_MIN_MS && ms <= TIMESTAMP_MAX_MS)) throw new RangeError('not a time');
    this.#int4(8);
    this.#microseconds(Math.round(ms) - POSTGRES_EPOCH_MS);
  }

  #text(value: string): void {
    if (!this.#plainText(value, null)) this.#anyText(cleanText(value), null);
  }

  #json(value: string): void {
    if (!this.#plainText(value, JSONB_VERSION)) this.#anyText(cleanJson(value), JSONB_VERSION);
  }

  /**
   * By itself: cleaning it and writing it are three calls out of JavaScript, which take longer. False: it is none.
   *
   * @param version a byte that `jsonb` wants in front, where escapes are looked at besides.
   */
  #plainText(value: string, version: number | null): boolean {
    const { length } = value;
    if (length > PLAIN_CHARS_MAX) return false;
    this.#reserve(5 + length);
    const buffer = this.#buffer;
    const start = this.#length + (version === null ? 4 : 5);
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code === 0 || code >= 0x80 || (code === BACKSLASH && version !== null)) return false;
      buffer[start + index] = code;
    }
    this.#int4(version === null ? length : length + 1);
    if (version !== null) this.#byte(version);
    this.#length += length;
    return true;
  }

  /** @param version a byte that `jsonb` wants in front. */
  #anyText(value: string, version: number | null): void {
    this.#reserve(5 + value.length * 3);
    const at = this.#length;
    this.#length += 4;
    if (version !== null) this.#byte(version);
    this.#length += this.#buffer.write(value, this.#length, 'utf8');
    this.#buffer.writeInt32BE(this.#length - at - 4, at);
  }

  #integer(value: number, max: number): void {
    const bounded = Math.min(max, Math.max(-max, value));
    if (!Number.isInteger(bounded)) throw new RangeError('not a whole number');
    this.#int4(max === INT4_MAX ? 4 : 8);
    if (max === INT4_MAX) this.#int4(bounded);
    else this.#int8(BigInt(bounded));
  }

  #double(value: number): void {
    this.#int4(8);
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  #numeric(value: number): void {
    const { digits, weight, scale, negative } = numericDigits(value);
    this.#int4(8 + digits.length * 2);
    this.#int2(digits.length);
    this.#int2(weight);
    this.#int2(negative ? 0x4000 : 0);
    this.#int2(scale);
    for (const digit of digits) this.#int2(digit);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
  }

  #int2(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeInt16BE(value, this.#length);
  }

  /** By hand: there is one for every field, and the buffer's own method checks what is known here. */
  #int4(value: number): void {
    this.#reserve(4);
    const buffer = this.#buffer;
    buffer[this.#length++] = value >>> 24;
    buffer[this.#length++] = value >>> 16;
    buffer[this.#length++] = value >>> 8;
    buffer[this.#length++] = value;
  }

  /** Microseconds of so many milliseconds. */
  #microseconds(ms: number): void {
    const micros = ms * MICROSECONDS;
    if (!Number.isSafeInteger(micros)) {
      this.#int8(BigInt(ms) * BigInt(MICROSECONDS));
      return;
    }
    // Without a bigint, which would be made for every row.
    const high = Math.floor(micros / INT4_VALUES);
    this.#int4(high);
    this.#int4((micros - high * INT4_VALUES) | 0);
  }

  #int8(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** By hand: the buffer's own method takes longer for so few bytes. */
function copyUuid(buffer: Buffer, from: number, to: number): void {
  for (let byte = 0; byte < UUID_BYTES; byte++) buffer[to + byte] = buffer[from + byte] ?? 0;
}

/** @throws RangeError when it is none. */
function writeUuid(value: string, into: Buffer, start: number): void {
  let at = 0;
  for (let byte = 0; byte < UUID_BYTES; byte++) {
    if (UUID_HYPHENS[byte] && value.charCodeAt(at) === HYPHEN) at++;
    // -1, for what is no digit, stays negative through both operations.
    const bits = (hexDigit(value.charCodeAt(at)) << 4) | hexDigit(value.charCodeAt(at + 1));
    if (bits < 0) throw new RangeError('not a UUID');
    into[start + byte] = bits;
    at += 2;
  }
  if (at !== value.length) throw new RangeError('not a UUID');
}

/** The digit's value, -1 when it is none. */
function hexDigit(code: number): number {
  return HEX_DIGITS[code] ?? -1;
}

/** No NUL byte, no lone surrogate: Postgres' text is UTF-8 without 0x00. */
function cleanText(value: string): string {
  const clean = value.includes('\0') ? value.replaceAll('\0', '') : value;
  return clean.toWellFormed();
}

function cleanJson(json: string): string {
  const clean = cleanText(json);
  return SUSPECT_ESCAPE.test(clean) ? JSON.stringify(cleanValue(JSON.parse(clean))) : clean;
}

function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [cleanText(key), cleanValue(one)]));
}

/** A number as Postgres' `numeric` holds it: digits to the base 10,000, the first of them worth 10,000 to `weight`. */
interface NumericDigits {
  readonly digits: readonly number[];
  readonly weight: number;
  /** Decimal digits after the point. */
  readonly scale: number;
  readonly negative: boolean;
}

/** The shortest decimal that reads back as this double, exactly. */
function numericDigits(value: number): NumericDigits {
  const [mantissa = '0', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const [first = '0', rest = ''] = mantissa.split('.');
  const decimals = first + rest;
  // decimals[0] is worth 10 to the exponent; zeros in front move it to its place in a group.
  const power = Number(exponent);
  const weight = Math.floor(power / NUMERIC_GROUP);
  const padded = '0'.repeat(NUMERIC_GROUP - 1 - (power - weight * NUMERIC_GROUP)) + decimals;
  const digits: number[] = [];
  for (let at = 0; at < padded.length; at += NUMERIC_GROUP) {
    digits.push(Number(padded.slice(at, at + NUMERIC_GROUP).padEnd(NUMERIC_GROUP, '0')));
  }
  return {
    digits: value === 0 ? [] : digits,
    weight: value === 0 ? 0 : weight,
    scale: Math.max(0, rest.length - power),
    negative: value < 0,
  };
}
