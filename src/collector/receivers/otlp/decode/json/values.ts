import type { OtlpAttributes, OtlpValue } from '../../model.ts';
import { newAttributes } from '../attributes.ts';
import { DecodeError, placed } from '../decode-error.ts';
import type { KeyTable } from '../key-table.ts';
import type { LeftOut } from '../left-out.ts';
import { ATTRIBUTES_MAX, DEPTH_MAX, ELEMENTS_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../limits.ts';
import { ATTRIBUTES_BEYOND } from '../records.ts';
import {
  cut,
  each,
  type Fields,
  fieldOf,
  objectOf,
  read,
  toBool,
  toDouble,
  toInteger,
  toText,
} from './fields.ts';

const TRUNCATED = `ends of values of more than ${VALUE_BYTES_MAX} bytes`;
const TOO_MANY_ELEMENTS = `elements beyond the ${ELEMENTS_MAX} of a list or map`;

/** The attributes of a record. @param wanted `null`: all of them. */
export function attributesOf(
  fields: Fields,
  leftOut: LeftOut,
  wanted: KeyTable | null = null,
): OtlpAttributes {
  const attributes = newAttributes();
  each(fields, 'attributes', (item, index) => {
    const keyValue = objectOf(item);
    if (index >= ATTRIBUTES_MAX) {
      leftOut.parts(ATTRIBUTES_BEYOND);
      return;
    }
    const key = read(keyValue, 'key', toText) ?? '';
    if (wanted !== null && !wanted.has(key)) return;
    if (Buffer.byteLength(key) > KEY_BYTES_MAX) {
      leftOut.parts(`attributes with a key of more than ${KEY_BYTES_MAX} bytes`);
      return;
    }
    const value = valueIn(keyValue, 0, leftOut);
    if (value !== undefined) attributes[key] = value;
  });
  return attributes;
}

/** All of them, for a record that has been read before: what cannot be read is left out. */
export function allAttributesOf(fields: Fields, leftOut: LeftOut): OtlpAttributes {
  const list = fieldOf(fields, 'attributes');
  const readable = (Array.isArray(list) ? list : []).flatMap((one: unknown) => {
    try {
      return Object.entries(attributesOf({ attributes: [one] }, leftOut));
    } catch {
      return [];
    }
  });
  return Object.assign(newAttributes(), Object.fromEntries(readable.slice(0, ATTRIBUTES_MAX)));
}

/**
 * The `AnyValue` in the field `value`: `null` where it is empty, `undefined` where it holds only what is not known, such as the
 * index of a text that is elsewhere (`stringValueStrindex`).
 */
function valueIn(fields: Fields, depth: number, leftOut: LeftOut): OtlpValue | undefined {
  const value = fieldOf(fields, 'value');
  if (value === undefined) return null;
  try {
    return anyValueOf(objectOf(value), depth, leftOut);
  } catch (error) {
    throw placed(error, 'value');
  }
}

export function anyValueOf(any: Fields, depth: number, leftOut: LeftOut): OtlpValue | undefined {
  const text = read(any, 'stringValue', toText);
  if (text !== undefined) return cutValue(text, leftOut);
  const scalar =
    read(any, 'intValue', toInteger) ?? read(any, 'doubleValue', toDouble) ?? read(any, 'boolValue', toBool);
  if (scalar !== undefined) return scalar;
  const structure =
    read(any, 'arrayValue', (list) => listOf(objectOf(list), depth + 1, leftOut)) ??
    read(any, 'kvlistValue', (map) => mapOf(objectOf(map), depth + 1, leftOut));
  if (structure !== undefined) return structure;
  const bytes = read(any, 'bytesValue', toText);
  if (bytes !== undefined) return bytesOf(bytes, leftOut);
  return Object.keys(any).length === 0 ? null : undefined;
}

function cutValue(text: string, leftOut: LeftOut): string {
  const kept = cut(text, VALUE_BYTES_MAX);
  if (kept !== text) leftOut.parts(TRUNCATED);
  return kept;
}

function bytesOf(base64: string, leftOut: LeftOut): string {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length > VALUE_BYTES_MAX) leftOut.parts(TRUNCATED);
  return bytes.toString('base64', 0, VALUE_BYTES_MAX);
}

function listOf(fields: Fields, depth: number, leftOut: LeftOut): OtlpValue[] {
  refuseDepth(depth);
  const list: OtlpValue[] = [];
  each(fields, 'values', (item) => {
    if (list.length >= ELEMENTS_MAX) leftOut.parts(TOO_MANY_ELEMENTS);
    else list.push(item === null ? null : (anyValueOf(objectOf(item), depth, leftOut) ?? null));
  });
  return list;
}

function mapOf(fields: Fields, depth: number, leftOut: LeftOut): OtlpAttributes {
  refuseDepth(depth);
  const map = newAttributes();
  each(fields, 'values', (item, index) => {
    if (index >= ELEMENTS_MAX) {
      leftOut.parts(TOO_MANY_ELEMENTS);
      return;
    }
    const keyValue = objectOf(item);
    const value = valueIn(keyValue, depth, leftOut);
    if (value !== undefined) map[cut(read(keyValue, 'key', toText) ?? '', KEY_BYTES_MAX)] = value;
  });
  return map;
}

function refuseDepth(depth: number): void {
  if (depth > DEPTH_MAX) {
    throw new DecodeError(`expected at most ${DEPTH_MAX} lists and maps in each other`);
  }
}
