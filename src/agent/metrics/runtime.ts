import { readFileSync } from 'node:fs';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { delayExceededForTail, LoopDelays } from './loop-delays.ts';

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

const US_PER_MS = 1000;

/**
 * Samples the process it runs in. Costs well under a millisecond per sample and starts no child process. What cannot be
 * read is 0; nothing throws.
 */
export class RuntimeSampler {
  readonly #delays = new LoopDelays();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  #cpu: NodeJS.CpuUsage = process.cpuUsage();
  #sampledMs: number = performance.now();

  /** Begins an interval. Idempotent; keeps no process alive. */
  start(): void {
    this.#begin();
  }

  /** Looks at the event loop no more. Idempotent. */
  stop(): void {
    this.#delays.stop();
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
      eventLoopP99Ms: delayExceededForTail(this.#delays.delays, elapsedMs),
      eventLoopUtilization: performance.eventLoopUtilization(this.#loop).utilization,
    };
    this.#begin();
    return sample;
  }

  #begin(): void {
    this.#delays.begin();
    this.#loop = performance.eventLoopUtilization();
    this.#cpu = process.cpuUsage();
    this.#sampledMs = performance.now();
  }
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
