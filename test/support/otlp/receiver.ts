import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { assertMetric, SeriesHistory } from './conventions/metrics.ts';
import { assertDetails, assertLog, assertSpan, assertTraces } from './conventions/spans.ts';
import { decodeRequest, encodeMessage, type Message, type Signal } from './messages.ts';
import {
  logsIn,
  metricsIn,
  type ReceivedLog,
  type ReceivedMetric,
  type ReceivedSpan,
  spansIn,
} from './received.ts';
import { EXPORT_SERVICES, statusDetails } from './services.ts';

/** What a receiver answers the next requests with, instead of taking them. */
export type Fault =
  | { readonly status: number; readonly retryAfter?: string }
  /** The connection is cut in the middle of the request. */
  | 'cut'
  /** No answer. */
  | 'silent'
  /** Accepted, but for so many items. */
  | { readonly rejected: number; readonly message: string }
  | { readonly code: number; readonly retryDelayMs?: number };

export interface ReceiverOptions {
  readonly protocol?: 'http/protobuf' | 'http/json' | 'grpc';
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
  /** @default any free one */
  readonly port?: number;
  /** Whether it is sent what others than nervecenter made. @default false */
  readonly foreign?: boolean;
}

/** A strict OTLP receiver: what is not by the protocol and by the conventions is refused, and kept in `problems`. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly logs: ReceivedLog[] = [];
  readonly metrics: ReceivedMetric[] = [];
  readonly headers: Readonly<Record<string, unknown>>[] = [];
  readonly problems: unknown[] = [];
  /** What was accepted, as it came. */
  readonly requests: { readonly signal: Signal; readonly request: Message }[] = [];
  /** Asked for every request; what it gives is done instead of accepting. */
  fault: (signal: Signal) => Fault | null = () => null;
  /** When each request came, accepted or not. */
  readonly arrivals: number[] = [];
  url = '';
  readonly #series = new SeriesHistory();
  #foreign = false;
  #stop: () => Promise<void> = async () => {};

  static async start(options: ReceiverOptions = {}): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    receiver.#foreign = options.foreign ?? false;
    if (options.protocol === 'grpc') await receiver.#listenGrpc(options);
    else await receiver.#listenHttp(options);
    return receiver;
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** @throws Error where something that came is not as it should be, by itself or beside what else came. */
  assertConventions(): void {
    assert.deepEqual(this.problems, []);
    assertTraces(this.spans);
    assertDetails(this.spans, this.logs);
  }

  async #listenHttp({ tls, protocol = 'http/protobuf', port = 0 }: ReceiverOptions): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response, protocol).catch((error: unknown) => {
        this.problems.push(error);
        response.writeHead(400).end();
      });
    };
    const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#stop = async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse, protocol: string): Promise<void> {
    const signal = /^\/v1\/(traces|metrics|logs)$/.exec(request.url ?? '')?.[1] as Signal | undefined;
    assert.ok(signal !== undefined, request.url);
    this.arrivals.push(performance.now());
    const fault = this.fault(signal);
    if (fault === 'cut') {
      request.socket.destroy();
      return;
    }
    const body = await buffer(request);
    if (fault === 'silent') return;
    if (fault !== null && 'status' in fault) {
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      response.writeHead(fault.status, headers).end('no');
      return;
    }
    assert.equal(request.method, 'POST');
    const type = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf';
    assert.equal(request.headers['content-type'], type);
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    this.headers.push(request.headers);
    this.#take(
      signal,
      protocol === 'http/json' ? (JSON.parse(bytes.toString()) as Message) : decodeRequest(signal, bytes),
    );
    const partial = fault !== null && 'rejected' in fault ? fault : null;
    response.writeHead(200, { 'content-type': type });
    response.end(protocol === 'http/json' ? jsonResponse(signal, partial) : protobufResponse(partial));
  }

  async #listenGrpc({ tls, port = 0 }: ReceiverOptions): Promise<void> {
    const server = new Server();
    for (const [signal, service] of Object.entries(EXPORT_SERVICES)) {
      const path = `/${service}/Export`;
      const asIs = (bytes: Buffer) => bytes;
      server.addService(
        {
          export: {
            path,
            requestStream: false,
            responseStream: false,
            requestSerialize: asIs,
            requestDeserialize: asIs,
            responseSerialize: asIs,
            responseDeserialize: asIs,
          },
        },
        {
          export: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
            this.#called(signal as Signal, call, answer),
        },
      );
    }
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.cert }]);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) =>
        error === null ? resolve(at) : reject(error),
      );
    });
    this.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${bound}`;
    this.#stop = async () => server.forceShutdown();
  }

  #called(signal: Signal, call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>): void {
    this.arrivals.push(performance.now());
    const fault = this.fault(signal);
    if (fault === 'silent') return;
    if (fault !== null && typeof fault === 'object' && 'code' in fault) {
      answer({ code: fault.code, details: 'no', metadata: statusDetails(fault) });
      return;
    }
    try {
      this.headers.push(call.metadata.getMap());
      this.#take(signal, decodeRequest(signal, call.request));
      answer(
        null,
        protobufResponse(fault !== null && typeof fault === 'object' && 'rejected' in fault ? fault : null),
      );
    } catch (error) {
      this.problems.push(error);
      answer({ code: 3, details: String(error) });
    }
  }

  #take(signal: Signal, request: Message): void {
    this.requests.push({ signal, request });
    // What others made is theirs.
    const check = <T>(items: readonly T[], assertOne: (item: T) => void) => {
      if (!this.#foreign) items.forEach(assertOne);
      return items;
    };
    if (signal === 'traces') this.spans.push(...check(spansIn(request, this.#foreign), assertSpan));
    else if (signal === 'logs') this.logs.push(...check(logsIn(request, this.#foreign), assertLog));
    else
      this.metrics.push(
        ...check(metricsIn(request, this.#foreign), (metric) => {
          assertMetric(metric);
          this.#series.add(metric);
        }),
      );
  }
}

type Partial = { readonly rejected: number; readonly message: string } | null;

function protobufResponse(partial: Partial): Buffer {
  if (partial === null) return Buffer.alloc(0);
  return encodeMessage('Response', {
    partialSuccess: { rejected: partial.rejected, errorMessage: partial.message },
  });
}

const REJECTED = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
} as const;

function jsonResponse(signal: Signal, partial: Partial): string {
  if (partial === null) return '{}';
  return JSON.stringify({
    partialSuccess: { [REJECTED[signal]]: String(partial.rejected), errorMessage: partial.message },
  });
}
