import { Socket } from 'node:net';
import {
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { NervecenterError } from '../../../../core/errors.ts';
import { toProblem } from '../../../../core/http/problem.ts';
import { VIA_HEADER, viaIn } from '../../../../core/passage.ts';
import { exportResponse, grpcCodeOf, retrySecondsOf, statusBody } from './answers.ts';
import type { Exports } from './exports.ts';
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

/** What a call is judged by. */
interface Serving extends OtlpGrpcOptions {
  /** Whose key a call has. @throws NervecenterError see `SenderKeys.nameOf` */
  readonly keyNameIn: (metadata: Metadata, call: { getPeer(): string }) => Promise<string | null>;
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
  const connected = new Map<string, Socket>();
  const serving = { ...options, keyNameIn: keyNames(options.keys, connected) };
  const grpc = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.max_connection_idle_ms': IDLE_TIMEOUT_MS,
    interceptors: [reception(serving)],
  });
  for (const signal of Object.keys(SERVICES) as OtlpSignal[]) addService(grpc, signal, serving);
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    take: (socket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      connected.set(peer, socket);
      socket.once('close', () => connected.delete(peer));
      injector.injectConnection(socket);
    },
    shutdown: async () => {
      const grace = setTimeout(() => grpc.forceShutdown(), SHUTDOWN_GRACE_MS);
      await new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()));
      clearTimeout(grace);
    },
  };
}

/** Messages stay bytes: they are read by the decoder that HTTP's are read by. */
function addService(grpc: Server, signal: OtlpSignal, serving: Serving): void {
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
      take(call, signal, serving).then(
        (response) => answer(null, response),
        (error: unknown) => {
          serving.statistics.refused(signal, error);
          answer(refusal(toProblem(error)));
        },
      );
    },
  };
  grpc.addService(definition, implementation);
}

async function take(
  call: ServerUnaryCall<Buffer, Buffer>,
  signal: OtlpSignal,
  { exports, inFlight, keyNameIn }: Serving,
): Promise<Buffer> {
  const { request: bytes, metadata } = call;
  const share = inFlight.share();
  try {
    share.add(bytes.length);
    // Of what gRPC has inflated: the same message again is the same bytes again.
    const rejected = await exports.accept({
      signal,
      encoding: 'protobuf',
      bytes,
      keyName: await keyNameIn(metadata, call),
      via: viaIn(metadata.get(VIA_HEADER).join(',')),
      inflate: async () => bytes,
    });
    return exportResponse(signal, rejected, 'protobuf');
  } finally {
    share.release();
  }
}

/** Judges a call before its message is received: by its key, and by how many others are on their way. */
function reception({ exports, statistics, keyNameIn }: Serving): ServerInterceptor {
  let receiving = 0;
  return (_method, call) => {
    let patience: NodeJS.Timeout | undefined;
    /** Whoever called may be gone before it is known whose key it is. */
    let isOver = false;
    const received = () => {
      if (patience === undefined) return;
      clearTimeout(patience);
      patience = undefined;
      receiving--;
    };
    const refuse = (error: unknown) => {
      statistics.refused('unknown', error);
      received();
      call.sendStatus(refusal(toProblem(error)));
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const admitted = () => {
              if (isOver) return;
              exports.refuseIfCrowded();
              if (receiving >= CALLS_RECEIVING_MAX) throw tooManyCalls();
              receiving++;
              patience = setTimeout(() => refuse(tooSlow()), RECEIVE_TIMEOUT_MS);
              pass(metadata);
            };
            keyNameIn(metadata, call).then(admitted).catch(refuse);
          },
          onReceiveMessage: (message, pass) => {
            received();
            pass(message);
          },
          onCancel: () => {
            isOver = true;
            received();
          },
        }),
      sendStatus: (status, next) => {
        received();
        next(status);
      },
    });
  };
}

/** Calls say from which address and port they come; what is connected from there is known here, unless it is gone. */
function keyNames(keys: SenderKeys, connected: ReadonlyMap<string, Socket>): Serving['keyNameIn'] {
  return (metadata, call) => {
    const first = (name: string) => metadata.get(name)[0]?.toString();
    const given = { key: first(KEY_HEADER), authorization: first('authorization') };
    return keys.nameOf(given, connected.get(call.getPeer()) ?? new Socket().destroy());
  };
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
