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
const KIB = 1024;
/** While the loop has as good as nothing to do, what the kernel tells of the process changes little. */
const REST_SHARE = 0.01;
/** So often it is asked all the same: as often as a dashboard is told anything. */
const SAMPLES_AT_REST = 5;

/** What the kernel tells of the process. */
type Resources = Pick<RuntimeSample, 'rssBytes' | 'threads'>;

/**
 * Samples the process it runs in. Costs well under a millisecond per sample and starts no child process. What cannot be
 * read is 0; nothing throws. At rest memory and threads are up to five samples old: to ask for them costs as much as all else.
 */
export class RuntimeSampler {
  readonly #delays = new LoopDelays();
  #loop: EventLoopUtilization = performance.eventLoopUtilization();
  #cpu: NodeJS.CpuUsage = process.cpuUsage();
  #sampledMs: number = performance.now();
  #resources: Resources = { rssBytes: 0, threads: 0 };
  /** Samples until they are asked for again. */
  #resourcesLeft = 0;

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
    const { utilization } = performance.eventLoopUtilization(this.#loop);
    const sample: RuntimeSample = {
      ...this.#resourcesNow(utilization),
      cpuUtilization: (cpu.user + cpu.system) / US_PER_MS / elapsedMs,
      heapUsedBytes: getHeapStatistics().used_heap_size,
      eventLoopP99Ms: delayExceededForTail(this.#delays.delays, elapsedMs),
      eventLoopUtilization: utilization,
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

  #resourcesNow(utilization: number): Resources {
    if (this.#resourcesLeft <= 0 || utilization > REST_SHARE) {
      this.#resources = resources();
      this.#resourcesLeft = SAMPLES_AT_REST;
    }
    this.#resourcesLeft--;
    return this.#resources;
  }
}

function resources(): Resources {
  try {
    if (process.platform === 'linux') return parseStatus(readFileSync('/proc/self/status', 'latin1'));
    return { rssBytes: process.memoryUsage.rss(), threads: 0 };
  } catch {
    return { rssBytes: 0, threads: 0 }; // A sandbox without /proc.
  }
}

/** Of the text of `/proc/<pid>/status`; 0 for what is not there. */
export function parseStatus(status: string): Resources {
  return {
    rssBytes: Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * KIB,
    threads: Number(/^Threads:\s*(\d+)$/m.exec(status)?.[1] ?? 0),
  };
}
