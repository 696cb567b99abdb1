import type { Mount } from './mounts.ts';

/** The text of a file, `null` when it cannot be read. */
export type ReadFile = (path: string) => string | null;

/** What limits the process, `null` where nothing does. */
export interface CgroupLimits {
  readonly cpu: CpuLimit | null;
  readonly memory: MemoryLimit | null;
}

export interface CpuLimit {
  /** The directory of the limit: usage of different groups must not be compared. */
  readonly group: string;
  /** How many there are to use; may be fractional. */
  readonly cpus: number;
  /** Reads the CPU time used so far by everything under the limit; `null`: it cannot be read. */
  readonly usedMs: () => number | null;
}

export interface MemoryLimit {
  readonly limitBytes: number;
  /**
   * Reads what everything under the limit uses; `null`: it cannot be read. Without inactive page cache, which the kernel takes
   * back before the limit hurts; as `docker stats` counts.
   */
  readonly usedBytes: () => number | null;
}

/** Groups nest; a process deeper than this is measured against the limits of the nearest ones. */
const LEVELS_MAX = 16;
const US_PER_MS = 1000;
const NS_PER_MS = 1e6;

/**
 * Finds the limits the process runs under: the smallest CPU limit and the smallest memory limit among its cgroup and all of
 * its parents, version 1 or 2 for each.
 *
 * @param mounts of `/proc/self/mountinfo`.
 * @param membership text of `/proc/self/cgroup`.
 */
export function findCgroupLimits(
  readFile: ReadFile,
  mounts: readonly Mount[],
  membership: string,
): CgroupLimits {
  const groups = new CgroupTree(mounts, membership);
  const cpuV1 = groups.v1('cpu');
  const memoryV1 = groups.v1('memory');
  return {
    cpu:
      cpuV1.length > 0
        ? cpuLimitV1(readFile, cpuV1, groups.v1('cpuacct'))
        : cpuLimitV2(readFile, groups.v2()),
    memory: memoryV1.length > 0 ? memoryLimitV1(readFile, memoryV1) : memoryLimitV2(readFile, groups.v2()),
  };
}

/** Finds the directories of the process's cgroup and its parents, nearest first. */
class CgroupTree {
  readonly #mounts: readonly Mount[];
  readonly #paths = new Map<string, string>();

  constructor(mounts: readonly Mount[], membership: string) {
    this.#mounts = mounts;
    for (const line of membership.split('\n')) {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (controllers === undefined || path === undefined) continue;
      for (const controller of controllers.split(',')) this.#paths.set(controller, path);
    }
  }

  /** Version 2 has one tree, named by no controller. */
  v2(): string[] {
    return this.#directories(
      this.#mounts.find(({ type }) => type === 'cgroup2'),
      '',
    );
  }

  v1(controller: string): string[] {
    const mount = this.#mounts.find(
      ({ type, superOptions }) => type === 'cgroup' && superOptions.includes(controller),
    );
    return this.#directories(mount, controller);
  }

  #directories(mount: Mount | undefined, controller: string): string[] {
    const path = this.#paths.get(controller);
    if (mount === undefined || path === undefined) return [];
    const names = pathBelow(mount.root, path).split('/').filter(Boolean).slice(0, LEVELS_MAX);
    return [...names.keys(), names.length]
      .map((depth) => [mount.mountPoint, ...names.slice(0, depth)].join('/'))
      .reverse();
  }
}

/** A container may see its own path from the host's point of view, or from outside of its namespace (`/../…`). */
function pathBelow(root: string, path: string): string {
  if (path.includes('..')) return '';
  if (root === '/') return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : '';
}

function cpuLimitV2(readFile: ReadFile, groups: readonly string[]): CpuLimit | null {
  const limits = groups.flatMap((group) => {
    const [quota, period] = numbers(readFile(`${group}/cpu.max`));
    return isLimit(quota) && isLimit(period) ? [{ group, cpus: quota / period }] : [];
  });
  const tightest = limits.sort((a, b) => a.cpus - b.cpus)[0];
  if (tightest === undefined) return null;
  const usedMs = () => {
    const usedUs = keyed(readFile(`${tightest.group}/cpu.stat`), 'usage_usec');
    return usedUs === null ? null : usedUs / US_PER_MS;
  };
  return { ...tightest, usedMs };
}

function cpuLimitV1(
  readFile: ReadFile,
  groups: readonly string[],
  accounts: readonly string[],
): CpuLimit | null {
  const limits = groups.flatMap((group, level) => {
    const [quota] = numbers(readFile(`${group}/cpu.cfs_quota_us`));
    const [period] = numbers(readFile(`${group}/cpu.cfs_period_us`));
    return isLimit(quota) && isLimit(period) ? [{ group, level, cpus: quota / period }] : [];
  });
  const tightest = limits.sort((a, b) => a.cpus - b.cpus)[0];
  if (tightest === undefined) return null;
  const { group, level, cpus } = tightest;
  const usedMs = () => {
    const [usedNs] = numbers(readFile(`${accounts[level] ?? group}/cpuacct.usage`));
    return usedNs === undefined || !Number.isFinite(usedNs) ? null : usedNs / NS_PER_MS;
  };
  return { group, cpus, usedMs };
}

function memoryLimitV2(readFile: ReadFile, groups: readonly string[]): MemoryLimit | null {
  return tightestMemory(readFile, groups, {
    limit: 'memory.max',
    usage: 'memory.current',
    inactive: 'inactive_file',
  });
}

function memoryLimitV1(readFile: ReadFile, groups: readonly string[]): MemoryLimit | null {
  return tightestMemory(readFile, groups, {
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    inactive: 'total_inactive_file',
  });
}

function tightestMemory(
  readFile: ReadFile,
  groups: readonly string[],
  names: { readonly limit: string; readonly usage: string; readonly inactive: string },
): MemoryLimit | null {
  const limits = groups.flatMap((group) => {
    const [limitBytes] = numbers(readFile(`${group}/${names.limit}`));
    return isLimit(limitBytes) ? [{ group, limitBytes }] : [];
  });
  const tightest = limits.sort((a, b) => a.limitBytes - b.limitBytes)[0];
  if (tightest === undefined) return null;
  const { group, limitBytes } = tightest;
  const usedBytes = () => {
    const [current] = numbers(readFile(`${group}/${names.usage}`));
    if (current === undefined || !Number.isFinite(current)) return null;
    return Math.max(0, current - (keyed(readFile(`${group}/memory.stat`), names.inactive) ?? 0));
  };
  return { limitBytes, usedBytes };
}

/** Whether a value limits anything: `max` (not a number) and -1 do not. */
function isLimit(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value > 0;
}

function numbers(text: string | null): number[] {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' ? [] : trimmed.split(/\s+/).map(Number);
}

/** The value of one `key value` line. */
function keyed(text: string | null, key: string): number | null {
  const value = new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1];
  return value === undefined ? null : Number(value);
}
