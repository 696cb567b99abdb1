import type { Deferred } from './deferred.ts';
import type { AgentConnection } from './links/connection.ts';
import { TimerOnDemand } from './timer-on-demand.ts';

/** What can wait is done together, but no later than that: a process that is killed loses what it was to tell. */
const DEFERRED_MS = 25;

interface HandOverOptions {
  /** Whether this is a worker thread of the app. */
  readonly inThread: boolean;
  readonly deferred: Deferred;
  readonly connection: Pick<AgentConnection, 'handOver'>;
  /** What runs on a timer of ours must not throw. */
  readonly guarded: (work: () => void) => void;
}

/** When what waits is seen to. Nothing runs while nothing waits. */
export interface HandOverTimes {
  /** To be called whenever something was told; `null`: whoever takes it is told otherwise. */
  readonly told: (() => void) | null;
  /** To be called whenever something was deferred. */
  readonly deferred: () => void;
  /** Everything there is, now. */
  readonly now: () => void;
  readonly stop: () => void;
}

export function handOverTimes({ inThread, deferred, connection, guarded }: HandOverOptions): HandOverTimes {
  const now = () =>
    guarded(() => {
      deferred.run();
      connection.handOver();
    });
  if (inThread) {
    // A thread may wait for its next task without a turn of its loop, and be terminated in the midst of it.
    const soon = coalesced(now);
    return { told: soon, deferred: soon, now, stop: () => {} };
  }
  const timer = new TimerOnDemand(() => guarded(() => deferred.run()), DEFERRED_MS);
  return { told: null, deferred: () => timer.wake(), now, stop: () => timer.stop() };
}

/** Does the work once, however often it is asked for before. */
function coalesced(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      work();
    });
  };
}
