/** CPU time since boot, in whatever unit the platform counts; only ratios of differences are used. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
  readonly count: number;
}

/** Columns of the `cpu` line: user nice system idle iowait irq softirq steal; guest time is inside user and nice. */
const COLUMNS = 8;
const IDLE = 3;
const IOWAIT = 4;

/** Times of all CPUs from the text of `/proc/stat`; `null` when it is not one. Waiting for a disk is not being busy. */
export function parseProcStat(stat: string): CpuTimes | null {
  const all = /^cpu +(.+)$/m.exec(stat)?.[1];
  if (all === undefined) return null;
  const ticks = all.split(/ +/, COLUMNS).map(Number);
  const total = ticks.reduce((sum, value) => sum + value, 0);
  const idle = (ticks[IDLE] ?? 0) + (ticks[IOWAIT] ?? 0);
  const count = stat.match(/^cpu\d+ /gm)?.length ?? 0;
  if (!Number.isFinite(total) || total === 0) return null;
  return { busy: total - idle, total, count: Math.max(1, count) };
}

/** One CPU as `os.cpus()` gives it. */
interface Cpu {
  readonly times: { readonly [mode: string]: number };
}

/** Times of all CPUs from `os.cpus()`. */
export function cpuTimesOf(cpus: readonly Cpu[]): CpuTimes {
  let total = 0;
  let idle = 0;
  for (const { times } of cpus) {
    for (const value of Object.values(times)) total += value;
    idle += times['idle'] ?? 0;
  }
  return { busy: total - idle, total, count: Math.max(1, cpus.length) };
}

/** Percent busy between two readings; `null` when no time was counted in between. */
export function busyPercent(before: CpuTimes, after: CpuTimes): number | null {
  const total = after.total - before.total;
  return total > 0 ? percent((after.busy - before.busy) / total) : null;
}

/** A share as percent, kept within 0 to 100: counters of a CPU taken offline may run backwards. */
export function percent(share: number): number {
  return Math.min(100, Math.max(0, share * 100));
}
