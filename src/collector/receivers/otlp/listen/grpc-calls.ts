import type { Socket } from 'node:net';
import {
  Metadata,
  Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { NervecenterError } from '../../../../core/errors.ts';
import { toProblem } from '../../../../core/http/problem.ts';
import { VIA_HEADER, viaIn } from '../../../../core/passage.ts';
import { exportResponse, grpcCodeOf, isStrangers, retrySecondsOf, statusBody } from './answers.ts';
import type { Exports } from './exports.ts';
import { GrpcConnections } from './grpc-connections.ts';
import type { InFlight } from './in-flight.ts';
import { KEY_HEADER, type SenderKeys } from './keys.ts';
import {
  CALLS_RECEIVING_MAX,
  IDLE_TIMEOUT_MS,
  MESSAGE_BYTES_MAX,
  RECEIVE_TIMEOUT_MS,
  SHUTDOWN_GRACE_MS,
  STREAMS_MAX,
} from './limits.ts';
import type { OtlpSignal, OtlpStatistics } from './statistics.ts';

const SERVICES: Readonly<Record<OtlpSignal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
};

export interface OtlpGrpcOptions {
  readonly exports: Exports;
  readonly keys: SenderKeys;
  readonly inFlight: InFlight;
  readonly statistics: OtlpStatistics;
}

/** Answers calls on connections that others accept. */
export interface GrpcCalls {
  /** Takes a connection, of which something may have been read already. */
  take(socket: Socket): void;
  /** Ends what is open, within about a second; nothing more is to be taken. */
  shutdown(): Promise<void>;
}

/** gRPC's own server, without a port; it ends connections that say nothing. */
export function answerGrpcCalls(options: OtlpGrpcOptions): GrpcCalls {
  const connections = new GrpcConnections();
  const grpc = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.max_connection_idle_ms': IDLE_TIMEOUT_MS,
    interceptors: [reception(options, connections)],
  });
  for (const signal of Object.keys(SERVICES) as OtlpSignal[]) addService(grpc, signal, options);
  return {
    take: (socket) => connections.take(socket, grpc),
    shutdown: async () => {
      const grace = setTimeout(() => grpc.forceShutdown(), SHUTDOWN_GRACE_MS);
      await new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()));
      clearTimeout(grace);
    },
  };
}

/** Messages stay bytes: they are read by the decoder that HTTP's are read by. */
function addService(grpc: Server, signal: OtlpSignal, options: OtlpGrpcOptions): void {
  const asItIs = (bytes: Buffer) => bytes;
  const definition = {
    export: {
      path: `/${SERVICES[signal]}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    },
  };
  const implementation: UntypedServiceImplementation = {
    export: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      take(call, signal, options).then(
        (response) => answer(null, response),
        (error: unknown) => {
          options.statistics.refused(signal, error);
          answer(refusal(toProblem(error)));
        },
      );
    },
  };
  grpc.addService(definition, implementation);
}

async function take(
  { request: bytes, metadata }: ServerUnaryCall<Buffer, Buffer>,
  signal: OtlpSignal,
  { exports, keys, inFlight }: OtlpGrpcOptions,
): Promise<Buffer> {
  const share = inFlight.share();
  try {
    share.add(bytes.length);
    // Of what gRPC has inflated: the same message again is the same bytes again.
    const rejected = await exports.accept({
      signal,
      encoding: 'protobuf',
      bytes,
      keyName: keyNameIn(metadata, keys),
      via: viaIn(metadata.get(VIA_HEADER).join(',')),
      inflate: async () => bytes,
    });
    return exportResponse(signal, rejected, 'protobuf');
  } finally {
    share.release();
  }
}

/** Judges a call before its message is received: by its key, and by how many others are on their way. */
function reception(
  { exports, keys, statistics }: OtlpGrpcOptions,
  connections: GrpcConnections,
): ServerInterceptor {
  let receiving = 0;
  return (_method, call) => {
    let patience: NodeJS.Timeout | undefined;
    const received = () => {
      if (patience === undefined) return;
      clearTimeout(patience);
      patience = undefined;
      receiving--;
    };
    const refuse = (error: unknown) => {
      statistics.refused('unknown', error);
      received();
      const problem = toProblem(error);
      call.sendStatus(refusal(problem));
      if (isStrangers(problem)) connections.end(call.getPeer());
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            try {
              keyNameIn(metadata, keys);
              exports.refuseIfCrowded();
              if (receiving >= CALLS_RECEIVING_MAX) throw tooManyCalls();
            } catch (error) {
              refuse(error);
              return;
            }
            receiving++;
            patience = setTimeout(() => refuse(tooSlow()), RECEIVE_TIMEOUT_MS);
            pass(metadata);
          },
          onReceiveMessage: (message, pass) => {
            received();
            pass(message);
          },
          onCancel: received,
        }),
      sendStatus: (status, next) => {
        received();
        next(status);
      },
    });
  };
}

function keyNameIn(metadata: Metadata, keys: SenderKeys): string | null {
  const first = (name: string) => metadata.get(name)[0]?.toString();
  return keys.nameOf(first(KEY_HEADER), first('authorization'));
}

function refusal(error: NervecenterError): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  if (retrySecondsOf(error) !== null) {
    metadata.set('grpc-status-details-bin', statusBody(error, 'protobuf'));
  }
  return { code: grpcCodeOf(error), details: error.message, metadata };
}

function tooManyCalls(): NervecenterError {
  return new NervecenterError(
    'NC_OVERLOADED',
    'More calls come in than can be taken at once. Send it again a little later.',
  );
}

/** Who is slow may be this process, in a flood. */
function tooSlow(): NervecenterError {
  return new NervecenterError('NC_UNAVAILABLE', 'The message came too slowly. Send it again a little later.');
}
