import { once } from 'node:events';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import {
  Client,
  credentials,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  status as Status,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { Mishaps } from './mishaps.ts';
import { EXPORT_SERVICES, statusDetails } from './services.ts';

/** What a relay over gRPC does to a call; after those in the second half the collector has it all the same. */
export const GRPC_RELAY_MISHAPS = [
  'cut before',
  'UNAVAILABLE',
  'UNAVAILABLE with RetryInfo',
  'RESOURCE_EXHAUSTED with RetryInfo',
  'ABORTED',
  'delayed',
  'cut after',
  'UNAVAILABLE after',
  'never answered',
] as const;
type GrpcMishap = (typeof GRPC_RELAY_MISHAPS)[number];

type Call = ServerUnaryCall<Buffer, Buffer>;
type Answer = sendUnaryData<Buffer>;

interface Passing {
  readonly path: string;
  readonly call: Call;
  readonly answer: Answer;
}

const DELAY_MS_MAX = 400;
const RETRY_DELAY_MS = 300;
const asIs = (bytes: Buffer): Buffer => bytes;

/** A proxy between a sender of OTLP over gRPC and a collector, to whose calls things happen. */
export class GrpcRelay {
  readonly mishaps: Mishaps<GrpcMishap>;
  /** Calls that the collector took, by its own answer. */
  taken = 0;
  readonly #client: Client;
  readonly #grpc = new Server();
  readonly #sockets = new Set<Socket>();
  readonly #server: NetServer;

  private constructor(targetPort: number, seed: number) {
    this.mishaps = new Mishaps(GRPC_RELAY_MISHAPS, seed);
    this.#client = new Client(`127.0.0.1:${targetPort}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 200,
    });
    for (const path of Object.values(EXPORT_SERVICES)) this.#serve(`/${path}/Export`);
    const injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      injector.injectConnection(socket);
    });
  }

  static async start(targetPort: number, seed: number): Promise<GrpcRelay> {
    const relay = new GrpcRelay(targetPort, seed);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#client.close();
    this.#grpc.forceShutdown();
    this.#cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(path: string): void {
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    } as const;
    this.#grpc.addService(
      { export: definition },
      { export: (call: Call, answer: Answer) => void this.#take({ path, call, answer }) },
    );
  }

  async #take(passing: Passing): Promise<void> {
    const mishap = this.mishaps.next();
    try {
      if (mishap === null) await this.#passOn(passing);
      else await this.#acts[mishap](passing);
    } catch (error) {
      // The collector's own refusal, or nobody listens there.
      const { code, details, metadata } = error as ServiceError;
      passing.answer({ code, details, metadata });
    }
  }

  readonly #acts: Readonly<Record<GrpcMishap, (passing: Passing) => void | Promise<void>>> = {
    'cut before': () => this.#cut(),
    UNAVAILABLE: ({ answer }) => answer({ code: Status.UNAVAILABLE, details: 'down' }),
    'UNAVAILABLE with RetryInfo': ({ answer }) => answer(comeBack(Status.UNAVAILABLE)),
    'RESOURCE_EXHAUSTED with RetryInfo': ({ answer }) => answer(comeBack(Status.RESOURCE_EXHAUSTED)),
    ABORTED: ({ answer }) => answer({ code: Status.ABORTED, details: 'no' }),
    delayed: async (passing) => {
      await pause(this.mishaps.between(1, DELAY_MS_MAX));
      await this.#passOn(passing);
    },
    'cut after': async (passing) => {
      await this.#ask(passing);
      this.#cut();
    },
    'UNAVAILABLE after': async (passing) => {
      await this.#ask(passing);
      passing.answer({ code: Status.UNAVAILABLE, details: 'down' });
    },
    'never answered': async (passing) => {
      await this.#ask(passing);
    },
  };

  async #passOn(passing: Passing): Promise<void> {
    passing.answer(null, await this.#ask(passing));
  }

  async #ask({ path, call }: Passing): Promise<Buffer> {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      this.#client.makeUnaryRequest(path, asIs, asIs, call.request, call.metadata, (error, bytes) =>
        error === null ? resolve(bytes ?? Buffer.alloc(0)) : reject(error),
      );
    });
    this.taken++;
    return answer;
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function comeBack(code: number): { code: number; details: string; metadata: Metadata } {
  return { code, details: 'come back', metadata: statusDetails({ code, retryDelayMs: RETRY_DELAY_MS }) };
}
