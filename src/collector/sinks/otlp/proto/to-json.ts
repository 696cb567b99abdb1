import {
  DEPTH_MAX,
  type Field,
  type ForwardedSignal,
  isMessage,
  REQUESTS,
  type Scalar,
  schemaOf,
} from './schema.ts';
import { fieldsOf, type RawField, varintAt } from './wire.ts';

type Json = Record<string, unknown>;

/**
 * A request in protobuf as JSON: the same request, ids as hex digits, 64-bit integers as texts, enums as numbers. Fields that are
 * not known have no name and are left out.
 *
 * @throws Error when it is none.
 */
export function jsonOf(signal: ForwardedSignal, protobuf: Buffer): Buffer {
  return Buffer.from(JSON.stringify(messageOf(protobuf, schemaOf(REQUESTS[signal]), 0)));
}

function messageOf(bytes: Buffer, schema: readonly Field[], depth: number): Json {
  if (depth > DEPTH_MAX) throw new RangeError('messages too deep in each other');
  const json: Json = {};
  for (const raw of fieldsOf(bytes)) {
    const field = schema.find(({ number }) => number === raw.number);
    if (field === undefined) continue;
    const value = held(bytes, raw, field, depth);
    if (!field.repeated) json[field.name] = value;
    else {
      const list = json[field.name] as unknown[] | undefined;
      if (list === undefined) json[field.name] = [value];
      else list.push(value);
    }
  }
  return json;
}

function held(bytes: Buffer, raw: RawField, { type }: Field, depth: number): unknown {
  if (isMessage(type)) return messageOf(bytes.subarray(raw.from, raw.end), schemaOf(type), depth + 1);
  return SCALARS[type](bytes, raw);
}

const SCALARS: Readonly<Record<Scalar, (bytes: Buffer, raw: RawField) => unknown>> = {
  string: (bytes, { from, end }) => bytes.toString('utf8', from, end),
  bytes: (bytes, { from, end }) => bytes.toString('base64', from, end),
  id: (bytes, { from, end }) => bytes.toString('hex', from, end),
  bool: (bytes, { from }) => varintAt(bytes, from) !== 0n,
  int64: (bytes, { from }) => BigInt.asIntN(64, varintAt(bytes, from)).toString(),
  uint32: (bytes, { from }) => Number(BigInt.asUintN(32, varintAt(bytes, from))),
  fixed32: (bytes, { from }) => bytes.readUInt32LE(from),
  fixed64: (bytes, { from }) => bytes.readBigUInt64LE(from).toString(),
  double: (bytes, { from }) => {
    const value = bytes.readDoubleLE(from);
    return Number.isFinite(value) ? value : String(value);
  },
};
