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

/** What is used of limits, `null` where nothing limits the process or its use cannot be read. */
interface Limited {
  readonly cpu: LimitedCpu | null;
  readonly memory: Memory | null;
}

/** What there is without a limit: one that is as large limits nothing, and version 1 writes "none" as a huge number. */
interface Machine {
  readonly cpus: number;
  readonly bytes: number;
}

/**
 * What `/proc` tells about the process: where file systems are mounted, and what limits it. At most a minute old; looked for at
 * once where use cannot be what it was of.
 */
export class Surroundings {
  readonly #platform: Pick<Platform, 'linux' | 'readFile' | 'monotonicMs'>;
  #mounts: Mount[] | null = null;
  #limits = NO_LIMITS;
  #dueMs = Number.NEGATIVE_INFINITY;
  /** To look again did not help. */
  #staysOdd = false;

  constructor(platform: Pick<Platform, 'linux' | 'readFile' | 'monotonicMs'>) {
    this.#platform = platform;
  }

  /** `null` where the platform does not list them. */
  mounts(): readonly Mount[] | null {
    const { linux, monotonicMs } = this.#platform;
    if (linux && monotonicMs() >= this.#dueMs) this.#look();
    return this.#mounts;
  }

  /** As they were when mounts were asked for. */
  limited(machine: Machine): Limited {
    const { isOdd, ...limited } = this.#limited(machine);
    if (isOdd && !this.#staysOdd) {
      this.#look();
      const again = this.#limited(machine);
      this.#staysOdd = again.isOdd;
      return again;
    }
    this.#staysOdd = isOdd;
    return limited;
  }

  /** Use that cannot be read, or is more than may be, is that of a process whose limit has changed. */
  #limited({ cpus, bytes }: Machine): Limited & { readonly isOdd: boolean } {
    const cpu = this.#limits.cpu !== null && this.#limits.cpu.cpus < cpus ? this.#limits.cpu : null;
    const memory =
      this.#limits.memory !== null && this.#limits.memory.limitBytes < bytes ? this.#limits.memory : null;
    const usedMs = cpu?.usedMs() ?? null;
    const usedBytes = memory?.usedBytes() ?? null;
    return {
      cpu: cpu === null || usedMs === null ? null : { group: cpu.group, cpus: cpu.cpus, usedMs },
      memory: memory === null || usedBytes === null ? null : { usedBytes, totalBytes: memory.limitBytes },
      isOdd:
        (cpu !== null && usedMs === null) ||
        (memory !== null && (usedBytes === null || usedBytes > memory.limitBytes)),
    };
  }

  /** What cannot be read now is as it was, and looked for by the next sample. */
  #look(): void {
    const { monotonicMs, readFile } = this.#platform;
    const mountinfo = readFile('/proc/self/mountinfo');
    const membership = readFile('/proc/self/cgroup');
    if (mountinfo === null) return;
    this.#dueMs = monotonicMs() + LOOK_AGAIN_MS;
    this.#mounts = parseMountinfo(mountinfo);
    this.#limits = findCgroupLimits(readFile, this.#mounts, membership ?? '');
  }
}
