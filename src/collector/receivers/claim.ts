import { setTimeout as delay } from 'node:timers/promises';
import { NervecenterError } from '../../core/errors.ts';
import type { Holder } from '../../core/place.ts';
import { SECOND_MS } from '../../core/units.ts';
import { rendezvousPath } from '../../link/rendezvous.ts';
import { askCollector } from './ask.ts';

/** An app's collector that makes room stores its rows first. */
const CLAIM_PATIENCE_MS = 15 * SECOND_MS;
/** Often, because whoever comes first has the port. */
const RETRY_MS = 20;

/**
 * Listens, for a collector that runs alone: an app's collector that has the port makes room.
 *
 * @param listen may be called again after it failed.
 * @throws NervecenterError `NC_PORT_TAKEN` when another program has the port, or another collector that runs alone, which
 * the message names; whatever else `listen` throws.
 */
export async function listenWithPrecedence<T>(listen: () => Promise<T>, port: number): Promise<T> {
  const path = rendezvousPath(port);
  const until = performance.now() + CLAIM_PATIENCE_MS;
  let makesRoom = false;
  for (;;) {
    try {
      return await listen();
    } catch (error) {
      if (!isPortTaken(error) || path === null || performance.now() > until) throw error;
      const holder = await claim(path);
      if (holder?.alone) {
        throw new NervecenterError(
          'NC_PORT_TAKEN',
          `${holder.url} is the nervecenter collector of process ${holder.pid}. Stop it, or set NERVECENTER_PORT to a free port, or to 0 for any.`,
        );
      }
      if (holder === null && !makesRoom) throw error;
      makesRoom = true;
      await delay(RETRY_MS);
    }
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof NervecenterError && error.code === 'NC_PORT_TAKEN';
}

/**
 * Asks whoever collects at `path` to make room for a collector that runs alone. An app's collector does: it stores what it
 * has and stops, and its agents come to the one that asked.
 *
 * @returns who holds it; `null`: nobody of ours.
 */
async function claim(path: string): Promise<Holder | null> {
  const answer = await askCollector(path, { type: 'claim' });
  return answer?.type === 'held' ? answer.holder : null;
}
