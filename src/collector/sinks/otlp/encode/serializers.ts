import {
  type ISerializer,
  JsonMetricsSerializer,
  type ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  type ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { OtlpProtocol } from '../../../../config/otlp/target.ts';

type RequestOf<S> = S extends ISerializer<infer Request, unknown> ? Request : never;

/** The SDK's shapes of what goes out. */
export type OtlpSpan = RequestOf<typeof ProtobufTraceSerializer>[number];
export type OtlpLogRecord = RequestOf<typeof ProtobufLogsSerializer>[number];
export type OtlpMetrics = RequestOf<typeof ProtobufMetricsSerializer>;

export type SerializeMetrics = (metrics: OtlpMetrics) => Uint8Array;

const EMPTY = new Uint8Array(0);

/** The SDK's own; `grpc` carries protobuf, too. */
export function metricsSerializer(protocol: OtlpProtocol): SerializeMetrics {
  const serializer = protocol === 'http/json' ? JsonMetricsSerializer : ProtobufMetricsSerializer;
  return (metrics) => serializer.serializeRequest(metrics) ?? EMPTY;
}
