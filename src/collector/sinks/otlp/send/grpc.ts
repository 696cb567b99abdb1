import {
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
  status as Status,
} from '@grpc/grpc-js';
import type { OtlpEndpoint, OtlpSignal } from '../../../../config/otlp/target.ts';
import { VIA_HEADER } from '../../../../core/passage.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { acceptance } from './http.ts';
import { retryDelayMs } from './retry-info.ts';
import type { TlsFiles } from './tls-files.ts';
import { type Outcome, refused, retry, type Transport, type TransportOptions } from './transport.ts';

const SERVICES: Readonly<Record<OtlpSignal, string>> = {
  traces: 'trace.v1.TraceService',
  metrics: 'metrics.v1.MetricsService',
  logs: 'logs.v1.LogsService',
};
/** By the protocol; `RESOURCE_EXHAUSTED` only where the receiver says when to come back. */
const RETRYABLE: ReadonlySet<number> = new Set([
  Status.CANCELLED,
  Status.DEADLINE_EXCEEDED,
  Status.ABORTED,
  Status.OUT_OF_RANGE,
  Status.UNAVAILABLE,
  Status.DATA_LOSS,
]);
const GZIP = 2;
/** The wait between attempts is ours; a channel that waits longer would make it longer still. */
const RECONNECT_MS_MAX = 5 * SECOND_MS;

const asIs = (bytes: Buffer): Buffer => bytes;

/** OTLP over gRPC. Bodies are protobuf already. */
export function grpcTransport({ endpoint, signal, tls }: TransportOptions): Transport {
  const client = connect(endpoint, tls);
  const path = `/opentelemetry.proto.collector.${SERVICES[signal]}/Export`;
  const headers = new Metadata();
  for (const [name, value] of Object.entries(endpoint.headers)) headers.set(name, value);
  return {
    send: (body, via, stopped) =>
      new Promise((resolve) => {
        const metadata = headers.clone();
        metadata.set(VIA_HEADER, via.join(','));
        const deadline = Date.now() + endpoint.timeoutMs;
        let call: ClientUnaryCall | null = null;
        const cancel = () => call?.cancel();
        const answered = (error: ServiceError | null, answer?: Buffer) => {
          stopped.removeEventListener('abort', cancel);
          resolve(error === null ? acceptance(signal, answer ?? Buffer.alloc(0)) : failureOf(error));
        };
        stopped.addEventListener('abort', cancel, { once: true });
        call = client.makeUnaryRequest(path, asIs, asIs, Buffer.from(body), metadata, { deadline }, answered);
        if (stopped.aborted) cancel();
      }),
    close: () => client.close(),
  };
}

function connect({ url, compression }: OtlpEndpoint, { ca, key, cert }: TlsFiles): Client {
  const { host, hostname, port, protocol } = new URL(url);
  const secure = protocol === 'https:';
  const address = port === '' ? `${hostname}:${secure ? 443 : 80}` : host;
  const security = secure ? credentials.createSsl(ca, key, cert) : credentials.createInsecure();
  return new Client(address, security, {
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
    'grpc.max_send_message_length': -1,
    ...(compression === 'gzip' ? { 'grpc.default_compression_algorithm': GZIP } : {}),
  });
}

function failureOf({ code, details, metadata }: ServiceError): Outcome {
  const [status] = metadata?.get('grpc-status-details-bin') ?? [];
  const afterMs = Buffer.isBuffer(status) ? retryDelayMs(status) : null;
  const reason = `gRPC status ${Status[code] ?? code}: ${details}`;
  if (RETRYABLE.has(code) || (code === Status.RESOURCE_EXHAUSTED && afterMs !== null))
    return retry(reason, afterMs);
  return refused(reason);
}
