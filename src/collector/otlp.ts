import type { Meter } from '@opentelemetry/api';
import type { Config, ListenerPort } from '../config/config.ts';
import { describeError } from '../core/errors.ts';
import { ownOtlpKey } from './kept-secrets.ts';
import { isLoopback, otlpSchemeOf } from './listen.ts';
import type { Log } from './log.ts';
import { OtlpAcceptance, type OtlpSink } from './receivers/otlp/acceptance.ts';
import type { HideUsers } from './receivers/otlp/listen/exports.ts';
import { type OtlpListeners, startOtlp } from './receivers/otlp/listen/listeners.ts';
import { type RecoveryOptions, recoverTraces, type StoredTraces } from './receivers/otlp/recovery.ts';
import { EarlierRequests, type StoredRequests } from './receivers/otlp/spans/earlier-requests.ts';
import { wantedKeys } from './receivers/otlp/spans/people.ts';
import type { TlsIdentity } from './tls/identity.ts';

interface OtlpPorts {
  readonly http: ListenerPort;
  readonly grpc: ListenerPort;
}

/** Of a collector alone: where every sender sends to by default. */
export const DEFAULT_PORTS: OtlpPorts = { http: 4318, grpc: 4317 };
const NO_PORTS: OtlpPorts = { http: 'off', grpc: 'off' };
const MADE_KEY_NAME = 'default';
const OFF: OtlpReceiver = { http: null, grpc: null, madeKey: null, shutdown: async () => {} };

export interface OtlpReceiver extends OtlpListeners {
  /** The key that senders need where none was set and others than this machine reach the listeners; `null`: none. */
  readonly madeKey: string | null;
}

export interface OtlpReceiverOptions {
  readonly config: Config;
  /** `null`: no TLS. */
  readonly tls: TlsIdentity | null;
  readonly log: Log;
  readonly meter: Meter;
  readonly sink: OtlpSink;
  /** Under which id this collector sends; `null`: it does not. */
  readonly ownId: string | null;
  /** What is stored of traces, `null` without storage. */
  readonly stored: (StoredTraces & StoredRequests) | null;
  /** Where users are hidden. */
  readonly hideUsers?: HideUsers | undefined;
  /** Not in an app: then it listens by default, and a port that is taken stops the start. */
  readonly alone: boolean;
}

/**
 * Starts what takes OTLP. In an app a listener that cannot be is named and stays off.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` or `NC_CONFIG_INVALID`, of a collector alone.
 */
export async function startOtlpReceiver({
  config,
  tls,
  log,
  meter,
  sink,
  ownId,
  stored,
  hideUsers,
  alone,
}: OtlpReceiverOptions): Promise<OtlpReceiver> {
  const { http, grpc } = otlpPorts(config, alone ? DEFAULT_PORTS : NO_PORTS);
  const madeKey = needsKey(config, [http, grpc]) ? ownOtlpKey(config.dataDir) : null;
  const keys = madeKey === null ? config.otlpKeys : [{ name: MADE_KEY_NAME, key: madeKey }];
  if (http === 'off' && grpc === 'off') return OFF;
  const sinceMs = Date.now();
  const { userHeaders } = config;
  const keepsSpans = config.spans === 'on';
  const earlier = stored && new EarlierRequests({ stored, sinceMs, now: Date.now });
  const consumer = new OtlpAcceptance({ sink, meter, userHeaders, keepsSpans, earlier, log });
  try {
    const secure = otlpSchemeOf(config) === 'https' ? tls : null;
    const listening = { config, tls: secure, http, grpc, keys, consumer, ownId, hideUsers, meter, log };
    const listeners = await startOtlp({
      ...listening,
      keysChosen: madeKey === null,
      wantedKeys: wantedKeys(userHeaders),
    });
    const recover: RecoveryOptions['recover'] = (trace) => consumer.recover(trace);
    const stopRecovery =
      stored !== null && keepsSpans ? recoverTraces({ stored, recover, log, sinceMs }) : () => {};
    const shutdown = async () => {
      stopRecovery();
      await listeners.shutdown();
      await consumer.shutdown();
    };
    return { ...listeners, madeKey, shutdown };
  } catch (error) {
    await consumer.shutdown();
    if (alone) throw error;
    log('otlp', `stays off: ${describeError(error)}`);
    return OFF;
  }
}

/** Where OTLP is taken. @param otherwise where the settings do not say. */
export function otlpPorts(
  { otlpPort, otlpGrpcPort }: Pick<Config, 'otlpPort' | 'otlpGrpcPort'>,
  otherwise: OtlpPorts,
): OtlpPorts {
  return { http: otlpPort ?? otherwise.http, grpc: otlpGrpcPort ?? otherwise.grpc };
}

/** Whether an app is to take OTLP over TLS: what it hosts besides is not asked. */
export function takesOtlpOverTls(config: Config): boolean {
  const { http, grpc } = otlpPorts(config, NO_PORTS);
  return (http !== 'off' || grpc !== 'off') && otlpSchemeOf(config) === 'https';
}

function needsKey({ host, otlpKeys }: Config, ports: readonly ListenerPort[]): boolean {
  if (otlpKeys.length > 0 || ports.every((port) => port === 'off')) return false;
  return !isLoopback(host);
}
