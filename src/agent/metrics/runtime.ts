import { readFileSync } from 'node:fs';
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** What the app's process and the agent's thread did since the previous sample. */
export interface RuntimeSample {
  /** Resident memory of the process. */
  readonly rssBytes: number;
  /** Threads of the process; 0 where the platform does not tell (anything but Linux). */
  readonly threads: number;
  /** CPU seconds of the process per second of wall time; above 1 when several threads are busy. */
  readonly cpuUtilization: number;
  /** Heap in use in this thread. */
  readonly heapUsedBytes: number;
  /** Delay of this thread's event loop that was exceeded for 1 % of the time. */
  readonly eventLoopP99Ms: number;
  /** Share of the time this thread's event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number;
}

/** How often Node's own monitor looks at the clock; every value it records includes it. */
const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;
const US_PER_MS = 1000;
/** Beyond the longest delays one by one, ranks are asked for in doubling steps: each costs some microseconds. */
const EXACT_RANKS = 16;
const TAIL_SHARE = 0.01;

type DelayMonitor = ReturnType<typeof monitorEventLoopDelay>;

/**
 * Samples the process it runs in. Costs well under a millisecond per sample and starts no child process. What cannot be
 * read is 0; nothing throws.
 */
export class RuntimeSampler {
  readonly #delays: DelayMonitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  #cpu: NodeJS.CpuUsage = process.cpuUsage();
  #sampledMs: number = performance.now();

  /** Begins an interval. Idempotent; the monitor's timer does not keep the process alive. */
  start(): void {
    this.#delays.enable();
    this.#begin();
  }

  /** Ends the monitor. Idempotent. */
  stop(): void {
    this.#delays.disable();
  }

  /** What happened since `start` or the previous sample. */
  sample(): RuntimeSample {
    const elapsedMs = Math.max(1, performance.now() - this.#sampledMs);
    const cpu = process.cpuUsage(this.#cpu);
    const sample: RuntimeSample = {
      rssBytes: residentBytes(),
      threads: threadCount(),
      cpuUtilization: (cpu.user + cpu.system) / US_PER_MS / elapsedMs,
      heapUsedBytes: getHeapStatistics().used_heap_size,
      eventLoopP99Ms: delayExceededForTail(longestDelays(this.#delays, elapsedMs), elapsedMs),
      eventLoopUtilization: performance.eventLoopUtilization(this.#loop).utilization,
    };
    this.#begin();
    return sample;
  }

  #begin(): void {
    this.#delays.reset();
    this.#loop = performance.eventLoopUtilization();
    this.#cpu = process.cpuUsage();
    this.#sampledMs = performance.now();
  }
}

/** One delay, and how many ticks of the monitor were held up that long. */
export interface Delay {
  readonly delayMs: number;
  readonly ticks: number;
}

/**
 * The delay that was exceeded for 1 % of the time. A blocked loop is one late tick of the monitor instead of the many it
 * would have made, so a percentile over ticks hides it; counted by time, a block of length L makes everything due in it
 * wait L at its beginning and nothing at its end. So it is the d with sum(max(0, delay - d)) = 1 % of the time.
 *
 * @param delays longest first.
 * @param elapsedMs the time they were seen in.
 */
export function delayExceededForTail(delays: readonly Delay[], elapsedMs: number): number {
  let sum = 0;
  let ticks = 0;
  let exceeded = 0;
  for (const delay of delays) {
    sum += delay.delayMs * delay.ticks;
    ticks += delay.ticks;
    // The sum reaches its due with exactly those delays that are longer than d, which is where this is largest.
    exceeded = Math.max(exceeded, (sum - elapsedMs * TAIL_SHARE) / ticks);
  }
  return exceeded;
}

function longestDelays(histogram: DelayMonitor, elapsedMs: number): Delay[] {
  const { count } = histogram;
  const recordedMs = count === 0 ? 0 : (count * histogram.mean) / NS_PER_MS;
  // The monitor drops the tick after a reset and has not yet seen the one that is due: a block there is in neither.
  const delays: Delay[] = [{ delayMs: delayOf(elapsedMs - recordedMs - RESOLUTION_MS), ticks: 1 }];
  let previous = 0;
  for (let rank = 1; rank <= count; rank = rank < EXACT_RANKS ? rank + 1 : rank * 2) {
    const value = histogram.percentile(((count - rank + 1) / count) * 100) / NS_PER_MS;
    delays.push({ delayMs: delayOf(value), ticks: rank - previous });
    previous = rank;
  }
  return delays.sort((a, b) => b.delayMs - a.delayMs);
}

function delayOf(tickMs: number): number {
  return Math.max(0, tickMs - RESOLUTION_MS);
}

function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0; // A sandbox without /proc.
  }
}

function threadCount(): number {
  if (process.platform !== 'linux') return 0;
  try {
    return parseThreads(readFileSync('/proc/self/status', 'latin1'));
  } catch {
    return 0;
  }
}

/** The number of threads in the text of `/proc/<pid>/status`; 0 when it is not there. */
export function parseThreads(status: string): number {
  return Number(/^Threads:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
}
