import type { Pipeline } from './pipeline.ts';

/** What was told is handed over so soon after the first of it, together. */
const HAND_OVER_INTERVAL_MS = 250;

interface HandOverOptions {
  /** Whether this is a worker thread of the app. */
  readonly inThread: boolean;
  /** Must not throw. */
  readonly handOver: () => void;
  /** What of it could not be handed over, or may have to be again, is looked at once more. */
  readonly pipeline: Pick<Pipeline, 'pending'>;
}

/** When what was told is handed over. */
export interface HandOverTimes {
  /** To be called whenever something was told. */
  readonly soon: () => void;
  readonly stop: () => void;
}

/** Nothing runs while there is nothing to hand over: every turn of its loop costs an app at rest some 0.1 ms of CPU. */
export function handOverTimes({ inThread, handOver, pipeline }: HandOverOptions): HandOverTimes {
  const timer = new TimerOnDemand(handOver, () => pipeline.pending > 0);
  const stop = () => timer.stop();
  if (!inThread) return { soon: () => timer.wake(), stop };
  // A thread may wait for its next task without a turn of its loop, and be terminated in the midst of it.
  const now = coalesced(handOver);
  const soon = () => {
    now();
    timer.wake();
  };
  return { soon, stop };
}

class TimerOnDemand {
  readonly #work: () => void;
  readonly #waits: () => boolean;
  /** One for ever: made anew it would remember the request of the app in which it was asked for. */
  readonly #timer: NodeJS.Timeout;
  #runs = true;

  constructor(work: () => void, waits: () => boolean) {
    this.#work = work;
    this.#waits = waits;
    this.#timer = setTimeout(() => this.#fired(), HAND_OVER_INTERVAL_MS).unref();
  }

  wake(): void {
    if (this.#runs) return;
    this.#runs = true;
    this.#timer.refresh();
  }

  stop(): void {
    this.#runs = true;
    clearTimeout(this.#timer);
  }

  #fired(): void {
    this.#work();
    this.#runs = this.#waits();
    if (this.#runs) this.#timer.refresh();
  }
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
