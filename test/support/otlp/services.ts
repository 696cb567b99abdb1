import { Metadata } from '@grpc/grpc-js';
import { encodeMessage } from './messages.ts';

/** The services of OTLP over gRPC, by signal. */
export const EXPORT_SERVICES = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
} as const;

/** The trailers of a refusal, with a `RetryInfo` where it says when to come back. */
export function statusDetails({
  code,
  retryDelayMs,
}: {
  readonly code: number;
  readonly retryDelayMs?: number;
}): Metadata {
  const metadata = new Metadata();
  if (retryDelayMs === undefined) return metadata;
  const seconds = Math.floor(retryDelayMs / 1000);
  const value = encodeMessage('RetryInfo', {
    retryDelay: { seconds, nanos: (retryDelayMs - seconds * 1000) * 1e6 },
  });
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }];
  metadata.set('grpc-status-details-bin', encodeMessage('RpcStatus', { code, message: 'no', details }));
  return metadata;
}
