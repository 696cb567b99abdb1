import protobuf from 'protobufjs';
import { OTLP_SCHEMA } from '../../../../bench/otlp-schema.ts';
import type { Decoded } from '../../../../src/collector/receivers/otlp/decode/decoder.ts';
import { OtlpDecoder } from '../../../../src/collector/receivers/otlp/decode/decoder.ts';
import type { OtlpSignal } from '../../../../src/collector/receivers/otlp/listen/statistics.ts';

const ROOT = protobuf.parse(OTLP_SCHEMA).root;

export const REQUESTS: Readonly<Record<OtlpSignal, string>> = {
  traces: 'TracesRequest',
  metrics: 'MetricsRequest',
  logs: 'LogsRequest',
};

export type Json = { readonly [key: string]: Json } | readonly Json[] | string | number | boolean | null;

/** Ids are hex in OTLP/JSON, and base64 for protobufjs. */
const HEX_FIELDS = new Set(['traceId', 'spanId', 'parentSpanId']);

function forProtobuf(value: Json, name = ''): unknown {
  if (typeof value === 'string' && HEX_FIELDS.has(name)) return Buffer.from(value, 'hex').toString('base64');
  if (Array.isArray(value)) return value.map((item) => forProtobuf(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, forProtobuf(one, key)]));
}

/** A request in OTLP/JSON as protobuf, made by protobufjs. */
export function protobufOf(signal: OtlpSignal, request: Json): Buffer {
  const type = ROOT.lookupType(`otlp.${REQUESTS[signal]}`);
  return Buffer.from(type.encode(type.fromObject(forProtobuf(request) as object)).finish());
}

/** What a message holds, read by protobufjs. */
export function messageOf(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = ROOT.lookupType(`otlp.${name}`);
  return type.toObject(type.decode(bytes), { longs: Number });
}

/** With all attributes read at once. */
export const DECODER = new OtlpDecoder(['*']);

export function decode(signal: OtlpSignal, body: Buffer, encoding: 'protobuf' | 'json'): Decoded<object> {
  if (signal === 'traces') return DECODER.spans(body, encoding);
  return signal === 'metrics' ? DECODER.metrics(body, encoding) : DECODER.logs(body, encoding);
}

/** Records as plain data, to be compared: functions are called, objects have the usual ancestor. */
export function plain(records: readonly object[]): unknown {
  const called = records.map((record) =>
    'allAttributes' in record ? { ...record, allAttributes: (record as Lazy).allAttributes() } : record,
  );
  return structuredClone(called);
}

interface Lazy {
  allAttributes(): unknown;
}
