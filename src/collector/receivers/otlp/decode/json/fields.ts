import { DecodeError, placed } from '../decode-error.ts';
import { textOf } from '../proto/reader.ts';

/** An object as `JSON.parse` makes it. */
export type Fields = Readonly<Record<string, unknown>>;

const NANO_DIGITS = 6;
const NANOS_PER_MS = 1_000_000;
const SHOWN_CHARS_MAX = 40;

const SNAKE_NAMES = new Map<string, string>();

/** A field by the name that OTLP/JSON has for it, or by protobuf's own (`trace_id`); `null` is as good as absent. */
export function fieldOf(fields: Fields, name: string): unknown {
  const value = fields[name] ?? fields[snakeName(name)];
  return value === null ? undefined : value;
}

function snakeName(name: string): string {
  let snake = SNAKE_NAMES.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    SNAKE_NAMES.set(name, snake);
  }
  return snake;
}

/** What came, in a message that says what was expected. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}...` : text;
}

export function unexpected(expected: string, value: unknown): DecodeError {
  return new DecodeError(`expected ${expected}, not ${shown(value)}`);
}

export function objectOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw unexpected('an object', value);
}

/** An object in a field, `null` where there is none. */
export function objectIn(fields: Fields, name: string): Fields | null {
  return read(fields, name, objectOf) ?? null;
}

/** The items of a list in a field, one after the other, with the place of what is wrong in one. */
export function each(fields: Fields, name: string, item: (value: unknown, index: number) => void): void {
  const list = fieldOf(fields, name);
  if (list === undefined) return;
  if (!Array.isArray(list)) throw unexpected('a list', list).within(name);
  for (let index = 0; index < list.length; index++) {
    try {
      item(list[index], index);
    } catch (error) {
      throw placed(error, `${name}[${index}]`);
    }
  }
}

/** What a field holds, `undefined` where it is absent. */
export function read<T>(fields: Fields, name: string, convert: (value: unknown) => T): T | undefined {
  const value = fieldOf(fields, name);
  if (value === undefined) return undefined;
  try {
    return convert(value);
  } catch (error) {
    throw placed(error, name);
  }
}

/** Empty where it is absent; more than so many bytes of UTF-8 are cut off. */
export function textIn(fields: Fields, name: string, bytesMax: number): string {
  return cut(read(fields, name, toText) ?? '', bytesMax);
}

export function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw unexpected('a text', value);
}

export function cut(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  const bytes = Buffer.from(text);
  return bytes.length <= bytesMax ? text : textOf(bytes, 0, bytes.length, bytesMax);
}

export function toBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw unexpected('true or false', value);
}

const DOUBLE = /^(NaN|-?Infinity|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/;

export function toDouble(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && DOUBLE.test(value)) return Number(value);
  throw unexpected('a number', value);
}

/** A 64-bit integer: JSON has it as text, because its numbers are exact to 2^53 only; numbers are taken as well. */
export function toInteger(value: unknown): number {
  if (Number.isInteger(value)) return value as number;
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return Number(value);
  throw unexpected('a whole number', value);
}

export function toCount(value: unknown): number {
  const number = toInteger(value);
  if (number < 0) throw unexpected('a whole number from 0 up', value);
  return number;
}

/** Nanoseconds since the epoch as milliseconds, rounded once. */
export function toTimeMs(value: unknown): number {
  const number = toCount(value);
  if (typeof value !== 'string') return number / NANOS_PER_MS;
  const digits = value.padStart(NANO_DIGITS + 1, '0');
  return Number(digits.slice(0, -NANO_DIGITS)) + Number(digits.slice(-NANO_DIGITS)) / NANOS_PER_MS;
}

/** The number of a value of an enum, which may come by its name. @param names by number, upper case */
export function toEnum(names: readonly string[]): (value: unknown) => number {
  return (value) => {
    const index = typeof value === 'string' ? names.indexOf(value) : -1;
    if (index >= 0) return index;
    if (typeof value === 'string' && !/^\d+$/.test(value))
      throw unexpected(`a number or one of ${names[0]} …`, value);
    return toCount(value);
  };
}

/** Lower-case hex digits; `null` where it is absent, empty or all zero, which is none. */
export function idIn(fields: Fields, name: string, digits: number): string | null {
  const id = read(fields, name, (value) => {
    if (value === '') return null;
    if (typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/i.test(value)) return value;
    throw unexpected(`${digits} hex digits`, value);
  });
  return id === undefined || id === null || /^0+$/.test(id) ? null : id.toLowerCase();
}
