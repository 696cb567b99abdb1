import { attributeBelow } from '../../core/user-headers.ts';
import { DELIMITED, delimited, fieldsOf, VARINT, varintAt } from '../sinks/otlp/proto/wire.ts';
import { hiddenInText } from './attributes.ts';
import type { Pseudonyms } from './pseudonyms.ts';

export type RequestSignal = 'traces' | 'metrics' | 'logs';

/** Messages by the numbers of their fields that attributes are somewhere below; `attribute` and `value` are such. */
interface Message {
  readonly [field: number]: Message | 'attribute' | 'value';
}

const RESOURCE: Message = { 1: 'attribute' };
const SCOPE: Message = { 3: 'attribute' };
const EXEMPLAR: Message = { 7: 'attribute' };
const NUMBER_POINTS: Message = { 1: { 7: 'attribute', 5: EXEMPLAR } };
const METRIC: Message = {
  5: NUMBER_POINTS,
  7: NUMBER_POINTS,
  9: { 1: { 9: 'attribute', 8: EXEMPLAR } },
  10: { 1: { 1: 'attribute', 11: EXEMPLAR } },
  11: { 1: { 7: 'attribute' } },
  12: 'attribute',
};
const SPAN: Message = { 9: 'attribute', 11: { 3: 'attribute' }, 13: { 4: 'attribute' } };
const LOG_RECORD: Message = { 5: 'value', 6: 'attribute' };

/** By opentelemetry-proto 1.9: a request holds resources, those scopes, those records. */
const REQUESTS: Readonly<Record<RequestSignal, Message>> = {
  traces: requestOf(SPAN),
  metrics: requestOf(METRIC),
  logs: requestOf(LOG_RECORD),
};

function requestOf(record: Message): Message {
  return { 1: { 1: RESOURCE, 2: { 1: SCOPE, 2: record } } };
}

/** Numbers of the fields of an attribute and of its value. */
const KEY = 1;
const VALUE = 2;
const STRING = 1;
const BOOL = 2;
const INT = 3;
const ARRAY = 5;
const MAP = 6;
/** Of lists and maps: what they hold. */
const VALUES = 1;
/** Values in each other; what the receivers of OTLP take is far below. */
const DEPTH_MAX = 100;

type Parts = readonly Uint8Array[];

/** All other fields as they came, unknown ones included. @throws RangeError when it is no such request. */
export function hiddenProtobufBody(signal: RequestSignal, body: Buffer, pseudonyms: Pseudonyms): Buffer {
  const parts = inMessage(body, REQUESTS[signal], pseudonyms);
  return parts === null ? body : Buffer.concat(parts);
}

/** The parts of a message; `null`: nothing in it is another one now. */
function inMessage(message: Buffer, fields: Message, pseudonyms: Pseudonyms): Parts | null {
  return replaced(message, (number, content) => {
    const below = fields[number];
    if (below === undefined) return null;
    if (below === 'attribute') return inAttribute(content, '', pseudonyms, 0);
    if (below === 'value') return inValue(content, '', pseudonyms, 0);
    return inMessage(content, below, pseudonyms);
  });
}

/** A message with other contents for some of its fields. */
function replaced(message: Buffer, instead: (number: number, content: Buffer) => Parts | null): Parts | null {
  const parts: Uint8Array[] = [];
  let changed = false;
  for (const { number, type, start, from, end } of fieldsOf(message)) {
    const now = type === DELIMITED ? instead(number, message.subarray(from, end)) : null;
    if (now === null) {
      parts.push(message.subarray(start, end));
      continue;
    }
    changed = true;
    parts.push(...delimited(number, now));
  }
  return changed ? parts : null;
}

function inAttribute(attribute: Buffer, path: string, pseudonyms: Pseudonyms, depth: number): Parts | null {
  let key = '';
  for (const { number, type, from, end } of fieldsOf(attribute)) {
    if (number === KEY && type === DELIMITED) key = attribute.toString('utf8', from, end);
  }
  const name = attributeBelow(path, key);
  const isUser = pseudonyms.isUser(name);
  return replaced(attribute, (number, content) => {
    if (number !== VALUE) return null;
    return isUser
      ? hiddenValue(content, name, pseudonyms, depth + 1)
      : inValue(content, name, pseudonyms, depth + 1);
  });
}

/** Maps have attributes in them, lists may have maps, and texts may have either written in them. */
function inValue(value: Buffer, path: string, pseudonyms: Pseudonyms, depth: number): Parts | null {
  if (depth > DEPTH_MAX) throw new RangeError('values too deep in each other');
  return replaced(value, (number, content) => {
    if (number === STRING) return inText(content, path, pseudonyms);
    if (number !== ARRAY && number !== MAP) return null;
    return replaced(content, (field, held) => {
      if (field !== VALUES) return null;
      return number === MAP
        ? inAttribute(held, path, pseudonyms, depth + 1)
        : inValue(held, path, pseudonyms, depth + 1);
    });
  });
}

function inText(content: Buffer, path: string, pseudonyms: Pseudonyms): Parts | null {
  const text = content.toString('utf8');
  const hidden = hiddenInText(text, path, pseudonyms);
  return hidden === text ? null : [Buffer.from(hidden)];
}

/** A text, a whole number, or several of them; of what else may tell a user nothing is left. */
function hiddenValue(value: Buffer, path: string, pseudonyms: Pseudonyms, depth: number): Parts {
  if (depth > DEPTH_MAX) throw new RangeError('values too deep in each other');
  let now: Parts = [];
  for (const { number, type, start, from, end } of fieldsOf(value)) {
    if (number === STRING && type === DELIMITED) now = textOf(value.toString('utf8', from, end), pseudonyms);
    else if (number === BOOL && type === VARINT) now = [value.subarray(start, end)];
    else if (number === INT && type === VARINT)
      now = textOf(String(BigInt.asIntN(64, varintAt(value, from))), pseudonyms);
    else if (number === ARRAY && type === DELIMITED)
      now = listOf(value.subarray(from, end), path, pseudonyms, depth);
    else if (number === MAP && type === DELIMITED)
      now = inValue(value.subarray(start, end), path, pseudonyms, depth) ?? [value.subarray(start, end)];
    else now = [];
  }
  return now;
}

function listOf(list: Buffer, path: string, pseudonyms: Pseudonyms, depth: number): Parts {
  const values = [...fieldsOf(list)]
    .filter(({ number, type }) => number === VALUES && type === DELIMITED)
    .flatMap(({ from, end }) =>
      delimited(VALUES, hiddenValue(list.subarray(from, end), path, pseudonyms, depth + 1)),
    );
  return delimited(ARRAY, values);
}

function textOf(user: string, pseudonyms: Pseudonyms): Parts {
  return user === '' ? [] : delimited(STRING, [Buffer.from(pseudonyms.of(user))]);
}
