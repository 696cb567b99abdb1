import { MINUTE_MS } from '../../core/units.ts';
import { type CgroupLimits, type CpuLimit, findCgroupLimits } from './cgroup.ts';
import type { Memory } from './memory.ts';
import { type Mount, parseMountinfo } from './mounts.ts';
import type { Platform } from './platform.ts';

/** They seldom change, and to look for them is most of the files that a sample would read. */
const LOOK_AGAIN_MS = MINUTE_MS;

const NO_LIMITS: CgroupLimits = { cpu: null, memory: null };

/** A CPU limit, and the CPU time used so far by everything under it. */
export interface LimitedCpu extends Pick<CpuLimit, 'group' | 'cpus'> {
  readonly usedMs: number;
}

/** What `/proc` tells about the process: where file systems are mounted, and what limits it. At most a minute old. */
export class Surroundings {
  readonly #platform: Pick<Platform, 'linux' | 'readFile' | 'monotonicMs'>;
  #mounts: Mount[] | null = null;
  #limits = NO_LIMITS;
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(platform: Pick<Platform, 'linux' | 'readFile' | 'monotonicMs'>) {
    this.#platform = platform;
  }

  /** `null` where the platform does not list them. */
  mounts(): readonly Mount[] | null {
    this.#look();
    return this.#mounts;
  }

  /** @returns what is used of a limit now; `null` where nothing limits it: a limit as large as the machine does not. */
  cpu(cpusOfMachine: number): LimitedCpu | null {
    this.#look();
    const { cpu } = this.#limits;
    if (cpu === null || cpu.cpus >= cpusOfMachine) return null;
    const usedMs = this.#known(cpu.usedMs());
    return usedMs === null ? null : { group: cpu.group, cpus: cpu.cpus, usedMs };
  }

  /** As for the CPU; version 1 writes "none" as a huge number. */
  memory(bytesOfMachine: number): Memory | null {
    this.#look();
    const { memory } = this.#limits;
    if (memory === null || memory.limitBytes >= bytesOfMachine) return null;
    const usedBytes = this.#known(memory.usedBytes());
    return usedBytes === null ? null : { usedBytes, totalBytes: memory.limitBytes };
  }

  /** Where use cannot be read any more, the process is in another group. */
  #known(used: number | null): number | null {
    if (used === null) this.#dueMs = Number.NEGATIVE_INFINITY;
    return used;
  }

  #look(): void {
    const { linux, monotonicMs, readFile } = this.#platform;
    if (!linux || monotonicMs() < this.#dueMs) return;
    this.#dueMs = monotonicMs() + LOOK_AGAIN_MS;
    const mountinfo = readFile('/proc/self/mountinfo');
    this.#mounts = mountinfo === null ? null : parseMountinfo(mountinfo);
    this.#limits =
      this.#mounts === null
        ? NO_LIMITS
        : findCgroupLimits(readFile, this.#mounts, readFile('/proc/self/cgroup') ?? '');
  }
}
