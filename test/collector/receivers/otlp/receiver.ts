import { type Client, credentials, Metadata, makeClientConstructor, type ServiceError } from '@grpc/grpc-js';
import type { TestContext } from 'vitest';
import { type OtlpListeners, startOtlp } from '../../../../src/collector/receivers/otlp/listen/listeners.ts';
import type { OtlpSignal } from '../../../../src/collector/receivers/otlp/listen/statistics.ts';
import type {
  OtlpConsumer,
  OtlpDelivery,
  OtlpRejected,
} from '../../../../src/collector/receivers/otlp/model.ts';
import type { TlsIdentity } from '../../../../src/collector/tls/identity.ts';
import type { OtlpKey } from '../../../../src/config/config.ts';
import { DeltaMeterProvider } from '../../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../../src/metrics/snapshot-reader.ts';

export const ALL_TAKEN: OtlpRejected = { count: 0, message: '' };
export const PROTOBUF = { 'content-type': 'application/x-protobuf' } as const;
export const JSON_TYPE = { 'content-type': 'application/json' } as const;

/** What a consumer was handed. */
export interface Received {
  readonly signal: OtlpSignal;
  readonly records: readonly object[];
  readonly delivery: OtlpDelivery;
}

export interface ReceiverOptions {
  readonly keys?: readonly OtlpKey[];
  /** @default they were */
  readonly keysChosen?: boolean;
  readonly allowedOrigins?: readonly string[];
  /** Whether the consumer has enough to do. @default never */
  readonly crowded?: () => boolean;
  /** Under which id the collector sends that receives. @default it does not */
  readonly ownId?: string | null;
  /** The attributes of spans that are read at once. @default all */
  readonly wantedKeys?: Iterable<string>;
  /** @default no TLS */
  readonly tls?: TlsIdentity | null;
  /** What the consumer answers. @default that all was taken */
  readonly consume?: (received: Received) => Promise<OtlpRejected>;
}

export interface Receiver {
  readonly listeners: OtlpListeners;
  readonly http: string;
  readonly grpc: string;
  readonly received: Received[];
  readonly logs: string[];
  /** The counters of the listeners' own metrics, by name and attributes. */
  counters(): Record<string, number>;
  post(path: string, body: Uint8Array | string, headers: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Both listeners on free ports, with a consumer that remembers what it was handed. */
export async function startReceiver(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  {
    keys = [],
    keysChosen = true,
    allowedOrigins = [],
    crowded = () => false,
    consume = async () => ALL_TAKEN,
    ownId = null,
    wantedKeys = ['*'],
    tls = null,
  }: ReceiverOptions = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const logs: string[] = [];
  const provider = new DeltaMeterProvider();
  const reader = new SnapshotReader([provider]);
  const take = (signal: OtlpSignal) => (records: readonly object[], delivery: OtlpDelivery) => {
    const one = { signal, records, delivery };
    received.push(one);
    return consume(one);
  };
  const consumer: OtlpConsumer = {
    get crowded() {
      return crowded();
    },
    spans: take('traces'),
    metrics: take('metrics'),
    logs: take('logs'),
  };
  const listeners = await startOtlp({
    config: { host: '127.0.0.1', allowedOrigins },
    tls,
    http: 0,
    grpc: 0,
    keys,
    keysChosen,
    consumer,
    ownId,
    wantedKeys,
    meter: provider.getMeter(),
    log: (component, message) => logs.push(`${component}: ${message}`),
  });
  onTestFinished(() => listeners.shutdown());
  const { http, grpc } = listeners;
  if (http === null || grpc === null) throw new Error('a listener is off');
  return {
    listeners,
    http,
    grpc,
    received,
    logs,
    counters: () => countersIn(reader),
    post: async (path, body, headers) => {
      const response = await fetch(`${http}${path}`, { method: 'POST', body: Buffer.from(body), headers });
      return {
        status: response.status,
        headers: response.headers,
        body: Buffer.from(await response.arrayBuffer()),
      };
    },
  };
}

function countersIn(reader: SnapshotReader): Record<string, number> {
  const counters = reader.collectNow().filter(({ kind }) => kind === 'counter');
  return Object.fromEntries(
    counters.flatMap((point) =>
      'value' in point
        ? [[[point.name, ...Object.values(point.attributes).toSorted()].join(' '), point.value]]
        : [],
    ),
  );
}

const SERVICES: Readonly<Record<OtlpSignal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
};

/** A client of grpc-js that sends and receives bytes. */
export class GrpcSender {
  readonly #client: Client;

  constructor(
    { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
    url: string,
    options: Readonly<Record<string, string | number>> = {},
  ) {
    const Sender = makeClientConstructor({}, 'sender');
    this.#client = new Sender(new URL(url).host, credentials.createInsecure(), {
      'grpc.enable_retries': 0,
      ...options,
    });
    onTestFinished(() => this.#client.close());
  }

  /** The response, or the status that refused it. */
  send(
    signal: OtlpSignal,
    body: Buffer,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<Buffer | ServiceError> {
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    const asItIs = (bytes: Buffer) => bytes;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        `/${SERVICES[signal]}/Export`,
        asItIs,
        asItIs,
        body,
        sent,
        { deadline: Date.now() + 30_000 },
        (error, response) => resolve(error ?? response ?? Buffer.alloc(0)),
      );
    });
  }
}
