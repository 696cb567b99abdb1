import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  type ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  type ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { OtlpProtocol } from '../../../../config/otlp/target.ts';
import { protobufOfLogs, protobufOfSpans } from './proto-requests.ts';

type RequestOf<S> = S extends ISerializer<infer Request, unknown> ? Request : never;

/** The SDK's shapes of what goes out. */
export type OtlpSpan = RequestOf<typeof ProtobufTraceSerializer>[number];
export type OtlpLogRecord = RequestOf<typeof ProtobufLogsSerializer>[number];
export type OtlpMetrics = RequestOf<typeof ProtobufMetricsSerializer>;

export interface Serializers {
  readonly encoding: 'protobuf' | 'json';
  readonly traces: (spans: readonly OtlpSpan[]) => Uint8Array;
  readonly logs: (records: readonly OtlpLogRecord[]) => Uint8Array;
  readonly metrics: (metrics: OtlpMetrics) => Uint8Array;
}

const EMPTY = new Uint8Array(0);

const PROTOBUF: Serializers = {
  encoding: 'protobuf',
  traces: protobufOfSpans,
  logs: protobufOfLogs,
  metrics: (metrics) => ProtobufMetricsSerializer.serializeRequest(metrics) ?? EMPTY,
};
const JSON_TEXT: Serializers = {
  encoding: 'json',
  traces: (spans) => JsonTraceSerializer.serializeRequest([...spans]) ?? EMPTY,
  logs: (records) => JsonLogsSerializer.serializeRequest([...records]) ?? EMPTY,
  metrics: (metrics) => JsonMetricsSerializer.serializeRequest(metrics) ?? EMPTY,
};

/** `grpc` carries protobuf, too. */
export function serializersOf(protocol: OtlpProtocol): Serializers {
  return protocol === 'http/json' ? JSON_TEXT : PROTOBUF;
}
