import { KIB } from '../../core/units.ts';

export interface Memory {
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/**
 * Memory of the machine from the text of `/proc/meminfo`; `null` when it is not one. Used is what new work could not get:
 * total minus `MemAvailable`, or minus free memory and caches on kernels before 3.14.
 */
export function parseMeminfo(meminfo: string): Memory | null {
  const bytes = (name: string) => {
    const value = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1];
    return value === undefined ? null : Number(value) * KIB;
  };
  const totalBytes = bytes('MemTotal');
  if (totalBytes === null) return null;
  const cached = (bytes('Buffers') ?? 0) + (bytes('Cached') ?? 0);
  const available = bytes('MemAvailable') ?? (bytes('MemFree') ?? 0) + cached;
  return { usedBytes: Math.max(0, totalBytes - available), totalBytes };
}
