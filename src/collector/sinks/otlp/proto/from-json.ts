import {
  DEPTH_MAX,
  type Field,
  type ForwardedSignal,
  isMessage,
  REQUESTS,
  type Scalar,
  schemaOf,
} from './schema.ts';
import { delimited, FIXED32, FIXED64, tag, VARINT, varint } from './wire.ts';

const FIXED32_BYTES = 4;
const FIXED64_BYTES = 8;

/**
 * A request in JSON as protobuf: the same request. Names may be protobuf's own (`trace_id`); fields that are not known are left
 * out, as receivers would.
 *
 * @throws Error when a field does not hold what it should.
 */
export function protobufOf(signal: ForwardedSignal, json: Buffer): Buffer {
  return Buffer.concat(messageOf(JSON.parse(json.toString('utf8')), schemaOf(REQUESTS[signal]), 0));
}

function messageOf(value: unknown, schema: readonly Field[], depth: number): Uint8Array[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no message');
  if (depth > DEPTH_MAX) throw new RangeError('messages too deep in each other');
  const fields = value as Readonly<Record<string, unknown>>;
  return schema.flatMap((field) => {
    const held = fields[field.name] ?? fields[snakeName(field.name)];
    if (held === undefined || held === null) return [];
    if (!field.repeated) return fieldOf(field, held, depth);
    if (!Array.isArray(held)) throw new TypeError(`${field.name}: no list`);
    return held.flatMap((one) => fieldOf(field, one, depth));
  });
}

function fieldOf(field: Field, value: unknown, depth: number): Uint8Array[] {
  const { number, type } = field;
  if (isMessage(type)) {
    // In a list of values `null` is the empty one.
    return delimited(number, messageOf(value ?? {}, schemaOf(type), depth + 1));
  }
  return SCALARS[type](field, value);
}

const SCALARS: Readonly<Record<Scalar, (field: Field, value: unknown) => Uint8Array[]>> = {
  string: ({ number }, value) => delimited(number, [Buffer.from(textOf(value))]),
  bytes: ({ number }, value) => delimited(number, [Buffer.from(textOf(value), 'base64')]),
  id: ({ number }, value) => {
    const bytes = Buffer.from(textOf(value), 'hex');
    if (bytes.length * 2 !== textOf(value).length) throw new TypeError('no hex digits');
    return delimited(number, [bytes]);
  },
  bool: ({ number }, value) => [tag(number, VARINT), varint(value === true ? 1 : 0)],
  int64: ({ number }, value) => [tag(number, VARINT), varint(integerOf(value))],
  uint32: ({ number, values }, value) => {
    const named = typeof value === 'string' ? values.indexOf(value) : -1;
    return [tag(number, VARINT), varint(named < 0 ? integerOf(value) : named)];
  },
  fixed32: ({ number }, value) => {
    const bytes = Buffer.alloc(FIXED32_BYTES);
    bytes.writeUInt32LE(Number(BigInt.asUintN(32, integerOf(value))));
    return [tag(number, FIXED32), bytes];
  },
  fixed64: ({ number }, value) => {
    const bytes = Buffer.alloc(FIXED64_BYTES);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, integerOf(value)));
    return [tag(number, FIXED64), bytes];
  },
  double: ({ number }, value) => {
    const bytes = Buffer.alloc(FIXED64_BYTES);
    // `NaN` and the infinities are texts.
    bytes.writeDoubleLE(Number(value));
    return [tag(number, FIXED64), bytes];
  },
};

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError('no text');
}

/** @throws SyntaxError, RangeError or TypeError when it is none. */
function integerOf(value: unknown): bigint {
  if (typeof value === 'string' || typeof value === 'number') return BigInt(value);
  throw new TypeError('no whole number');
}

const SNAKE_NAMES = new Map<string, string>();

function snakeName(name: string): string {
  const known = SNAKE_NAMES.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  SNAKE_NAMES.set(name, snake);
  return snake;
}
