import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { NervecenterError } from '../../core/errors.ts';
import type { Holder } from '../../core/place.ts';
import { SECOND_MS } from '../../core/units.ts';
import { rendezvousPath } from '../../link/rendezvous.ts';
import { ask, trustOf } from '../../platform/ask.ts';
import { browserUrl, schemeOf } from '../listen.ts';
import { askCollector } from './ask.ts';

const HEALTH_TIMEOUT_MS = 2 * SECOND_MS;
/** Often, because whoever comes first has the port. */
const RETRY_MS = 20;

/** How long a port may stay taken. */
export interface Patience {
  /** By a collector of ours: one of an app that makes room stores its rows first, and one that stops likewise. */
  readonly oursMs: number;
  /** By whom nobody knows. */
  readonly unknownMs: number;
}

const PATIENCE: Patience = { oursMs: 15 * SECOND_MS, unknownMs: 3 * SECOND_MS };

/** Where the dashboard is to be. */
export type WantedPort = Pick<Config, 'host' | 'port' | 'tls'>;

/**
 * Listens, for a collector that runs alone: an app's collector that has the port makes room.
 *
 * @param listen may be called again after it failed.
 * @throws NervecenterError `NC_PORT_TAKEN` when another program has the port, or another collector that runs alone, which
 * the message names; whatever else `listen` throws.
 */
export async function listenWithPrecedence<T>(
  listen: () => Promise<T>,
  wanted: WantedPort,
  { oursMs, unknownMs }: Patience = PATIENCE,
): Promise<T> {
  const path = rendezvousPath(wanted.port);
  const startedMs = performance.now();
  let until = startedMs + unknownMs;
  for (;;) {
    try {
      return await listen();
    } catch (error) {
      if (!isPortTaken(error) || path === null || performance.now() > until) throw error;
      const holder = await asked(path, 'claim');
      refuseAlone(holder);
      if (holder !== null || (await isOurs(wanted))) until = startedMs + oursMs;
      await delay(RETRY_MS);
    }
  }
}

/**
 * Whether a port of ours that is taken, other than the dashboard's, may be free once the collector that has the dashboard's
 * is gone: it has both, or is just starting or stopping, so that nobody knows.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` naming it, when it runs alone and makes no room.
 */
export async function mayMakeRoom(error: unknown, wanted: WantedPort): Promise<boolean> {
  const path = rendezvousPath(wanted.port);
  if (!isPortTaken(error) || path === null) return false;
  const holder = await asked(path, 'who');
  refuseAlone(holder);
  return holder === null ? isOurs(wanted) : holder.takesOtlp === true;
}

function isPortTaken(error: unknown): boolean {
  return error instanceof NervecenterError && error.code === 'NC_PORT_TAKEN';
}

function refuseAlone(holder: Holder | null): void {
  if (!holder?.alone) return;
  throw new NervecenterError(
    'NC_PORT_TAKEN',
    `${holder.url} is the nervecenter collector of process ${holder.pid}. Stop it, or set NERVECENTER_PORT to a free port, or to 0 for any.`,
  );
}

/** Whether a collector answers there, though at no socket: one that is starting, or stopping. */
async function isOurs({ host, port, tls }: WantedPort): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const url = browserUrl(host, port, schemeOf({ tls }));
    const answer = await ask(`${url}/api/metrics/health`, { signal, trust: trustOf(tls?.cert ?? null) });
    const health = (await answer.json()) as Readonly<Record<string, unknown>> | null;
    return Array.isArray(health?.['issues']) && typeof health['uptime_seconds'] === 'number';
  } catch {
    return false;
  }
}

/**
 * @param what `claim`: to make room for a collector that runs alone. An app's collector does: it stores what it has and
 * stops, and its agents come to the one that asked.
 * @returns who collects at `path`; `null`: nobody of ours.
 */
async function asked(path: string, what: 'who' | 'claim'): Promise<Holder | null> {
  const answer = await askCollector(path, { type: what });
  return answer?.type === 'held' ? answer.holder : null;
}
