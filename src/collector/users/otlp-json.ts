import { attributeBelow } from '../../core/user-headers.ts';
import { hiddenInText } from './attributes.ts';
import type { Pseudonyms } from './pseudonyms.ts';

/** Objects in each other; what the receivers of OTLP take is far below. */
const DEPTH_MAX = 256;
const SAFE_INTEGER_DIGITS = /-?\d{16,}/;

/** What tells nobody apart, and what others are in, whose names go on. */
const WALKED = ['boolValue', 'bool_value', 'kvlistValue', 'kvlist_value'];

type Node = Readonly<Record<string, unknown>>;

/** @throws SyntaxError or RangeError when it is no JSON that can be read. */
export function hiddenJsonBody(body: Buffer, pseudonyms: Pseudonyms): Buffer {
  const text = body.toString('utf8');
  const request: unknown = JSON.parse(text, SAFE_INTEGER_DIGITS.test(text) ? exactIntegers : undefined);
  const hidden = walked(request, '', pseudonyms, 0);
  return hidden === request ? body : Buffer.from(JSON.stringify(hidden));
}

/** Times in nanoseconds that are written as numbers must not lose their last digits: OTLP reads them as texts as well. */
function exactIntegers(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const { source = '' } = context ?? {};
  return /^-?\d+$/.test(source) ? source : value;
}

/** `{key, value}` is an attribute, wherever it stands; in the value of one that holds others their names go on. */
function walked(node: unknown, path: string, pseudonyms: Pseudonyms, depth: number): unknown {
  if (typeof node !== 'object' || node === null) return node;
  if (depth > DEPTH_MAX) throw new RangeError('objects too deep in each other');
  if (Array.isArray(node)) {
    const items = node.map((item: unknown) => walked(item, path, pseudonyms, depth + 1));
    return items.some((item, at) => item !== node[at]) ? items : node;
  }
  const object = node as Node;
  const { key } = object;
  if (typeof key === 'string' && 'value' in object) {
    const name = attributeBelow(path, key);
    const value = hiddenValue(object['value'], name, pseudonyms, depth + 1);
    return value === object['value'] ? node : { ...object, value };
  }
  let changed = false;
  const entries = Object.entries(object).map(([field, inner]): [string, unknown] => {
    const now = isText(field, inner)
      ? hiddenInText(inner, path, pseudonyms)
      : walked(inner, path, pseudonyms, depth + 1);
    changed ||= now !== inner;
    return [field, now];
  });
  return changed ? Object.fromEntries(entries) : node;
}

/** Names may be protobuf's own. */
function isText(field: string, value: unknown): value is string {
  return (field === 'stringValue' || field === 'string_value') && typeof value === 'string';
}

/** A text, a whole number, or several of them; of what else may tell a user nothing is left. */
function hiddenValue(value: unknown, path: string, pseudonyms: Pseudonyms, depth: number): unknown {
  if (!pseudonyms.isUser(path)) return walked(value, path, pseudonyms, depth);
  if (depth > DEPTH_MAX) throw new RangeError('objects too deep in each other');
  if (typeof value !== 'object' || value === null) return {};
  const any = value as Node;
  const told = any['stringValue'] ?? any['string_value'] ?? any['intValue'] ?? any['int_value'];
  const isOne = Object.keys(any).length === 1;
  if (told === '') return isOne ? value : { stringValue: '' };
  if (typeof told === 'string' || typeof told === 'number')
    return { stringValue: pseudonyms.of(String(told)) };
  if (isOne && WALKED.some((field) => field in any)) return walked(value, path, pseudonyms, depth);
  const list = (any['arrayValue'] ?? any['array_value']) as Node | undefined;
  if (typeof list !== 'object' || list === null || !Array.isArray(list['values'])) return {};
  const values = list['values'].map((one: unknown) => hiddenValue(one, path, pseudonyms, depth + 2));
  return { arrayValue: { values } };
}
