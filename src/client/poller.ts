import type { Snapshot } from '../core/snapshot.ts';
import type { Environment } from './environment.ts';
import { readSnapshot } from './parse.ts';

const POLL_TIMEOUT_MS = 10_000;

export type PollResult =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'failed'; readonly reason: string };

async function answerOf(environment: Environment, signal: AbortSignal): Promise<PollResult> {
  const response = await environment.fetch(environment.snapshotUrl(), {
    headers: { accept: 'application/json' },
    credentials: 'same-origin',
    signal,
  });
  if (response.status === 401) return { kind: 'unauthorized' };
  if (!response.ok) return { kind: 'failed', reason: `The collector answered HTTP ${response.status}` };
  const snapshot = readSnapshot(await response.json());
  return snapshot === null ? { kind: 'malformed' } : { kind: 'snapshot', snapshot };
}

/** Asks once for the snapshot; never rejects, and answers within 10 s whatever the network does. */
export async function pollOnce(environment: Environment): Promise<PollResult> {
  const abort = new AbortController();
  const timer = environment.timers.set(() => abort.abort(), POLL_TIMEOUT_MS);
  try {
    return await answerOf(environment, abort.signal);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'malformed' };
    return { kind: 'failed', reason: 'The collector cannot be reached' };
  } finally {
    environment.timers.clear(timer);
  }
}

/** Polls until it is stopped: at once, then an interval after each answer. */
export interface Poller {
  /** Does nothing while it polls already. */
  start(): void;
  stop(): void;
}

export function createPoller(
  environment: Environment,
  intervalMs: () => number,
  received: (result: PollResult) => void,
): Poller {
  let round = 0;
  let running = false;
  let timer: unknown = null;

  async function poll(mine: number): Promise<void> {
    const result = await pollOnce(environment);
    // Stopped, or started anew, while the answer was on its way.
    if (mine !== round) return;
    timer = environment.timers.set(() => void poll(mine), intervalMs());
    received(result);
  }

  return {
    start() {
      if (running) return;
      running = true;
      void poll(round);
    },
    stop() {
      running = false;
      round++;
      environment.timers.clear(timer);
    },
  };
}
