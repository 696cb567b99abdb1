import type { Server as HttpServer } from 'node:http';
import type { Meter } from '@opentelemetry/api';
import type { Config, ListenerPort, OtlpKey } from '../../../../config/config.ts';
import { describeError } from '../../../../core/errors.ts';
import { Condition } from '../../../condition.ts';
import { browserUrl, type ListenAddress, listen } from '../../../listen.ts';
import type { Log } from '../../../log.ts';
import type { TlsIdentity } from '../../../tls/identity.ts';
import { OtlpDecoder } from '../decode/decoder.ts';
import type { OtlpConsumer } from '../model.ts';
import { Exports, type HideUsers } from './exports.ts';
import { otlpGrpcServer } from './grpc.ts';
import { otlpHttpServer } from './http.ts';
import { InFlight } from './in-flight.ts';
import { SenderKeys } from './keys.ts';
import { IN_FLIGHT_BYTES_MAX, SHUTDOWN_GRACE_MS } from './limits.ts';
import { OtlpStatistics } from './statistics.ts';

export interface OtlpOptions {
  readonly config: Pick<Config, 'host' | 'allowedOrigins'>;
  /** `null`: no TLS. */
  readonly tls: TlsIdentity | null;
  readonly http: ListenerPort;
  readonly grpc: ListenerPort;
  /** None: everybody who reaches the listeners may send. */
  readonly keys: readonly OtlpKey[];
  /** Whether an operator chose them: then they may be ones that can be guessed. */
  readonly keysChosen: boolean;
  readonly consumer: OtlpConsumer;
  /** Under which id this collector sends what it received; `null`: it does not. */
  readonly ownId: string | null;
  /** Of the attributes of spans that `consumer` looks at; `name.*` stands for all that begin with `name.`. */
  readonly wantedKeys: Iterable<string>;
  /** See `ExportsOptions`. */
  readonly hideUsers?: HideUsers | undefined;
  /** Makes the instruments of the listeners' own metrics. */
  readonly meter: Meter;
  readonly log: Log;
}

export interface OtlpListeners {
  /** Where senders reach them, such as `http://127.0.0.1:4318`; `null`: off. */
  readonly http: string | null;
  readonly grpc: string | null;
  /** Answers what has come and stops, within about two seconds. Idempotent. */
  shutdown(): Promise<void>;
}

/**
 * Starts the listeners that are on.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` or `NC_CONFIG_INVALID`, with neither of them left open.
 */
export async function startOtlp(options: OtlpOptions): Promise<OtlpListeners> {
  const { config, consumer, ownId, wantedKeys, hideUsers, log } = options;
  const failure = new Condition(log, 'otlp');
  const round = new Condition(log, 'otlp');
  const statistics = new OtlpStatistics(options.meter);
  const decoder = new OtlpDecoder(wantedKeys);
  const failed = (error: unknown) =>
    failure.begin(`a request failed and is to be sent again: ${describeError(error)}`, describeError(error));
  const noGrpc = (error: unknown) =>
    failure.begin(
      `gRPC cannot be loaded, which connections wait for: ${describeError(error)}`,
      describeError(error),
    );
  const wentRound = () =>
    round.begin(
      'what this collector has sent comes back to it, and is not taken again: one of its targets sends it on to here. Take one of the two out of the targets of the other.',
    );
  const parts = {
    tls: options.tls,
    exports: new Exports({ decoder, consumer, statistics, ownId, hideUsers, failed, wentRound }),
    keys: new SenderKeys(options.keys, { chosen: options.keysChosen }),
    inFlight: new InFlight(IN_FLIGHT_BYTES_MAX),
    statistics,
  };
  const { host } = config;
  const scheme = options.tls === null ? 'http' : 'https';
  const stops: (() => Promise<void>)[] = [];
  const shutdown = async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  };
  try {
    const http = await startHttp(
      { host, scheme, port: options.http, setting: 'NERVECENTER_OTLP_PORT' },
      () => otlpHttpServer({ ...parts, allowedOrigins: config.allowedOrigins }),
      stops,
    );
    const grpc = await startGrpc(
      { host, scheme, port: options.grpc, setting: 'NERVECENTER_OTLP_GRPC_PORT' },
      { ...parts, failed: noGrpc },
      stops,
    );
    return { http, grpc, shutdown };
  } catch (error) {
    await shutdown();
    throw error;
  }
}

interface Place extends Omit<ListenAddress, 'port'> {
  readonly port: ListenerPort;
  readonly scheme: 'http' | 'https';
}
type Stops = (() => Promise<void>)[];

async function startHttp(place: Place, create: () => HttpServer, stops: Stops): Promise<string | null> {
  const { port } = place;
  if (port === 'off') return null;
  const server = create();
  const url = browserUrl(place.host, await listen(server, { ...place, port }), place.scheme);
  server.on('error', ignoreFailure);
  stops.push(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const grace = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE_MS);
    server.closeIdleConnections();
    await closed;
    clearTimeout(grace);
  });
  return url;
}

type GrpcParts = Parameters<typeof otlpGrpcServer>[0];

async function startGrpc(place: Place, parts: GrpcParts, stops: Stops): Promise<string | null> {
  const { port } = place;
  if (port === 'off') return null;
  const { server, shutdown } = otlpGrpcServer(parts);
  const url = browserUrl(place.host, await listen(server, { ...place, port }), place.scheme);
  server.on('error', ignoreFailure);
  stops.push(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await shutdown();
    await closed;
  });
  return url;
}

/** Failures of a server that listens (running out of file descriptors, say) concern single connections. */
function ignoreFailure(): void {}
