import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { delayExceededForTail, LOOP_CLOCK, LoopDelays } from './loop-delays.ts';

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
/** A loop that was busy for less of an interval has no delay that shows: see `delayExceededForTail`. */
const REST_SHARE = 0.01;
/** Of so many samples at rest, which are 2.5 s apart, one is told: as often as a dashboard is told anything. */
const SAMPLES_AT_REST = 2;

/** What the kernel tells of the process. */
type Resources = Pick<RuntimeSample, 'rssBytes' | 'threads'>;

/**
 * Samples the process it runs in. Costs well under a millisecond per sample and starts no child process. What cannot be
 * read is 0; nothing throws.
 */
export class RuntimeSampler {
  readonly #clock: typeof LOOP_CLOCK;
  readonly #delays: LoopDelays;
  #cpu: NodeJS.CpuUsage = process.cpuUsage();
  #toldMs = 0;
  #beganMs = 0;
  /** Samples at rest that need not be told. */
  #restsLeft = 0;
  #rests = false;

  /** @param clock @default the thread's own */
  constructor(clock = LOOP_CLOCK) {
    this.#clock = clock;
    this.#delays = new LoopDelays(clock);
  }

  /** Begins an interval. Idempotent; keeps no process alive. */
  start(): void {
    this.#begin();
    this.#told();
  }

  /** Looks at the event loop no more. Idempotent. */
  stop(): void {
    this.#delays.stop();
  }

  /** A collector is there that knows nothing of the samples before: the next one is told. */
  opened(): void {
    this.#restsLeft = 0;
  }

  /** Whether the loop had as good as nothing to do before the last sample. */
  get rests(): boolean {
    return this.#rests;
  }

  /**
   * What happened since `start` or the previous sample; of CPU time, since the one that was told last.
   *
   * @returns `null` when the loop has as good as nothing to do, as it had when the last one was told: that holds still, but for
   * what other threads use, which is told in the next. A sample takes as long as all else of a frame at rest.
   */
  sample(): RuntimeSample | null {
    const { utilization } = this.#delays;
    this.#rests = utilization < REST_SHARE;
    const isKnown = this.#rests && this.#restsLeft-- > 0;
    const sample = isKnown ? null : this.#sample(utilization);
    if (!isKnown) this.#restsLeft = this.#rests ? SAMPLES_AT_REST - 1 : 0;
    this.#begin();
    return sample;
  }

  #sample(eventLoopUtilization: number): RuntimeSample {
    const nowMs = this.#clock.now();
    const cpu = process.cpuUsage(this.#cpu);
    const sample: RuntimeSample = {
      ...resources(),
      cpuUtilization: (cpu.user + cpu.system) / US_PER_MS / Math.max(1, nowMs - this.#toldMs),
      heapUsedBytes: getHeapStatistics().used_heap_size,
      eventLoopP99Ms: delayExceededForTail(this.#delays.delays, Math.max(1, nowMs - this.#beganMs)),
      eventLoopUtilization,
    };
    this.#told();
    return sample;
  }

  #told(): void {
    this.#cpu = process.cpuUsage();
    this.#toldMs = this.#clock.now();
  }

  #begin(): void {
    this.#delays.begin();
    this.#beganMs = this.#clock.now();
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
