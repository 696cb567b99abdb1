import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** Something of the event loop that held up whatever became due in it. */
export interface Delay {
  readonly delayMs: number;
  /** How often it was seen. */
  readonly times: number;
}

/** As Node has it: a clock that the app's tests put in its place stands still. */
const atEndOfPoll: typeof setImmediate = setImmediate;

/** How often Node's own monitor looks at the clock; every value it records includes it. */
const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;
/** Beyond the longest delays one by one, ranks are asked for in doubling steps: each costs some microseconds. */
const EXACT_RANKS = 16;
const TAIL_SHARE = 0.01;
/**
 * A loop that was busy for less than `TAIL_SHARE` of an interval has no delay that shows. So long turns are looked at one by one,
 * at half a microsecond each; from half of it on Node's monitor looks, whose cost does not rise with them. Of an interval that is
 * not over yet it is that of a second.
 */
const TURNS_SHARE_MAX = TAIL_SHARE / 2;
const INTERVAL_MS_MIN = 1000;
/** Shorter turns are counted together. */
const SHORT_MS = 1;

type DelayMonitor = ReturnType<typeof monitorEventLoopDelay>;

/** The clocks by which turns are measured. */
export interface LoopClock {
  now(): number;
  /** How long the loop has waited for something to do, in milliseconds, since it began. */
  idleMs(): number;
}

export const LOOP_CLOCK: LoopClock = {
  now: () => performance.now(),
  idleMs: () => performance.nodeTiming.idleTime,
};

/**
 * What held up this thread's event loop. It never wakes a loop that has nothing to do, as Node's monitor does 50 times a
 * second, for 3 to 4 ms of CPU: an immediate that is not waited for runs in every turn that there is anyway, and the time in it
 * that the loop did not wait was the turn's delay. Only once a loop is busy the monitor is asked.
 */
export class LoopDelays {
  readonly #clock: LoopClock;
  readonly #monitor: DelayMonitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #pending: NodeJS.Immediate | null = null;
  #turns: Delay[] = [];
  #busyMs = 0;
  #short = { sumMs: 0, times: 0 };
  #seenMs = 0;
  #idleMs = 0;
  /** What both clocks said as the interval began. */
  #began = { nowMs: 0, idleMs: 0 };
  /** Since when the monitor is asked; `null`: it is not. */
  #monitoredMs: number | null = null;

  /** @param clock @default the thread's own */
  constructor(clock = LOOP_CLOCK) {
    this.#clock = clock;
  }

  /** Begins an interval. Idempotent; keeps no process alive. */
  begin(): void {
    this.#unmonitored();
    this.#turns = [];
    this.#busyMs = 0;
    this.#short = { sumMs: 0, times: 0 };
    this.#seenMs = this.#clock.now();
    this.#idleMs = this.#clock.idleMs();
    this.#began = { nowMs: this.#seenMs, idleMs: this.#idleMs };
    this.#pending ??= atEndOfPoll(this.#turned).unref();
  }

  stop(): void {
    this.#unmonitored();
    if (this.#pending !== null) clearImmediate(this.#pending);
    this.#pending = null;
  }

  /** The share of the interval so far in which the loop did not wait, 0 to 1. */
  get utilization(): number {
    const elapsedMs = this.#clock.now() - this.#began.nowMs;
    const idleMs = this.#clock.idleMs() - this.#began.idleMs;
    return elapsedMs <= 0 ? 0 : Math.min(1, Math.max(0, 1 - idleMs / elapsedMs));
  }

  /** All of the interval so far, the turn that is under way included; longest first. */
  get delays(): Delay[] {
    if (this.#monitoredMs === null) this.#see();
    const { sumMs, times } = this.#short;
    return [
      ...this.#turns,
      ...(times === 0 ? [] : [{ delayMs: sumMs / times, times }]),
      ...(this.#monitoredMs === null ? [] : monitored(this.#monitor, this.#clock.now() - this.#monitoredMs)),
    ].sort((a, b) => b.delayMs - a.delayMs);
  }

  readonly #turned = (): void => {
    this.#pending = null;
    this.#see();
    const elapsedMs = Math.max(INTERVAL_MS_MIN, this.#seenMs - this.#began.nowMs);
    if (this.#busyMs < elapsedMs * TURNS_SHARE_MAX) {
      this.#pending = atEndOfPoll(this.#turned).unref();
      return;
    }
    this.#monitor.enable();
    this.#monitoredMs = this.#clock.now();
  };

  #see(): void {
    const now = this.#clock.now();
    const idleMs = this.#clock.idleMs();
    const busyMs = Math.max(0, now - this.#seenMs - (idleMs - this.#idleMs));
    this.#seenMs = now;
    this.#idleMs = idleMs;
    this.#busyMs += busyMs;
    if (busyMs >= SHORT_MS) {
      this.#turns.push({ delayMs: busyMs, times: 1 });
      return;
    }
    this.#short.sumMs += busyMs;
    this.#short.times++;
  }

  #unmonitored(): void {
    if (this.#monitoredMs === null) return;
    this.#monitoredMs = null;
    this.#monitor.disable();
    this.#monitor.reset();
  }
}

/**
 * The delay that was exceeded for 1 % of the time. A blocked loop is one long turn instead of the many it would have made, so
 * a percentile over turns hides it; counted by time, a block of length L makes everything due in it wait L at its beginning
 * and nothing at its end. So it is the d with sum(max(0, delay - d)) = 1 % of the time.
 *
 * @param delays longest first.
 * @param elapsedMs the time they were seen in.
 */
export function delayExceededForTail(delays: readonly Delay[], elapsedMs: number): number {
  let sum = 0;
  let seen = 0;
  let exceeded = 0;
  for (const { delayMs, times } of delays) {
    sum += delayMs * times;
    seen += times;
    // The sum reaches its due with exactly those delays that are longer than d, which is where this is largest.
    exceeded = Math.max(exceeded, (sum - elapsedMs * TAIL_SHARE) / seen);
  }
  return exceeded;
}

/** What the monitor saw in so long a time. */
function monitored(histogram: DelayMonitor, elapsedMs: number): Delay[] {
  const { count } = histogram;
  const recordedMs = count === 0 ? 0 : (count * histogram.mean) / NS_PER_MS;
  // The monitor drops the tick after a reset and has not yet seen the one that is due: a block there is in neither.
  const delays: Delay[] = [{ delayMs: delayOf(elapsedMs - recordedMs - RESOLUTION_MS), times: 1 }];
  let previous = 0;
  for (let rank = 1; rank <= count; rank = rank < EXACT_RANKS ? rank + 1 : rank * 2) {
    const value = histogram.percentile(((count - rank + 1) / count) * 100) / NS_PER_MS;
    delays.push({ delayMs: delayOf(value), times: rank - previous });
    previous = rank;
  }
  return delays;
}

function delayOf(tickMs: number): number {
  return Math.max(0, tickMs - RESOLUTION_MS);
}
