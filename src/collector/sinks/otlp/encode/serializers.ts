import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { OtlpProtocol } from '../../../../config/otlp/target.ts';

type RequestOf<S> = S extends ISerializer<infer Request, unknown> ? Request : never;

/** The SDK's shapes of what goes out. */
export type OtlpSpan = RequestOf<typeof ProtobufTraceSerializer>[number];
export type OtlpLogRecord = RequestOf<typeof ProtobufLogsSerializer>[number];
export type OtlpMetrics = RequestOf<typeof ProtobufMetricsSerializer>;

export interface Serializers {
  readonly traces: (spans: OtlpSpan[]) => Uint8Array;
  readonly logs: (records: OtlpLogRecord[]) => Uint8Array;
  readonly metrics: (metrics: OtlpMetrics) => Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** By the SDK's own serializers; `grpc` carries protobuf, too. */
export function serializersOf(protocol: OtlpProtocol): Serializers {
  const json = protocol === 'http/json';
  const traces = json ? JsonTraceSerializer : ProtobufTraceSerializer;
  const logs = json ? JsonLogsSerializer : ProtobufLogsSerializer;
  const metrics = json ? JsonMetricsSerializer : ProtobufMetricsSerializer;
  return {
    traces: (spans) => traces.serializeRequest(spans) ?? EMPTY,
    logs: (records) => logs.serializeRequest(records) ?? EMPTY,
    metrics: (one) => metrics.serializeRequest(one) ?? EMPTY,
  };
}
