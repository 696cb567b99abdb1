import type { Pseudonyms } from './pseudonyms.ts';

/** Objects in each other; what the receivers of OTLP take is far below. */
const DEPTH_MAX = 256;
const SAFE_INTEGER_DIGITS = /-?\d{16,}/;

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
    const name = path === '' ? key : `${path}.${key}`;
    const value =
      pseudonyms.isUser(name) || pseudonyms.isUser(key)
        ? hiddenValue(object['value'], pseudonyms)
        : walked(object['value'], name, pseudonyms, depth + 1);
    return value === object['value'] ? node : { ...object, value };
  }
  let changed = false;
  const entries = Object.entries(object).map(([field, inner]): [string, unknown] => {
    const now = walked(inner, path, pseudonyms, depth + 1);
    changed ||= now !== inner;
    return [field, now];
  });
  return changed ? Object.fromEntries(entries) : node;
}

/** A text, a whole number, or several of them; of anything else nothing is left. Names may be protobuf's own. */
function hiddenValue(value: unknown, pseudonyms: Pseudonyms): unknown {
  if (typeof value !== 'object' || value === null) return {};
  const any = value as Node;
  const told = any['stringValue'] ?? any['string_value'] ?? any['intValue'] ?? any['int_value'];
  if (told === '') return value;
  if (typeof told === 'string' || typeof told === 'number')
    return { stringValue: pseudonyms.of(String(told)) };
  const list = (any['arrayValue'] ?? any['array_value']) as Node | undefined;
  if (typeof list !== 'object' || list === null || !Array.isArray(list['values'])) return {};
  return { arrayValue: { values: list['values'].map((one: unknown) => hiddenValue(one, pseudonyms)) } };
}
