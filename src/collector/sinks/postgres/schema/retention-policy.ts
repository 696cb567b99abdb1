import { DAY_MS, MINUTE_MS, type Milliseconds, milliseconds } from '../../../../core/units.ts';

/** The rows of one table for a span of time, which can only go as a whole. */
export interface Partition {
  readonly table: string;
  readonly name: string;
  readonly fromMs: Milliseconds;
  /** Exclusive. */
  readonly toMs: Milliseconds;
  readonly bytes: number;
}

/** Days made before they begin, so that a collector that is down over a weekend finds its first day made. */
export const DAYS_AHEAD = 3;
/** Of one table in one run; the rest follows in the next. */
const DAYS_PER_RUN_MAX = 100;

/** The beginning of a point in time's day in UTC. */
export function dayOf(timeMs: Milliseconds): Milliseconds {
  return milliseconds(Math.floor(timeMs / DAY_MS) * DAY_MS);
}

/** Rows from here on are kept; whole days, because retention drops whole days. */
export function keptFrom(nowMs: Milliseconds, retentionMs: Milliseconds): Milliseconds {
  return dayOf(milliseconds(nowMs - retentionMs));
}

/**
 * The days of one table that need a partition: today, the days ahead, and those that rows without one belong to. The
 * newest first, because that is where rows arrive now.
 *
 * @param strayDays days of rows in the default partition, as `dayOf` gives them.
 */
export function missingDays(
  partitions: readonly Partition[],
  strayDays: readonly Milliseconds[],
  nowMs: Milliseconds,
): Milliseconds[] {
  const today = dayOf(nowMs);
  const ahead = Array.from({ length: DAYS_AHEAD + 1 }, (_, days) => milliseconds(today + days * DAY_MS));
  const covered = (day: Milliseconds) =>
    partitions.some(({ fromMs, toMs }) => fromMs < day + DAY_MS && toMs > day);
  return [...new Set([...ahead, ...strayDays])]
    .filter((day) => !covered(day))
    .sort((a, b) => b - a)
    .slice(0, DAYS_PER_RUN_MAX);
}

/** The partitions of one table whose rows are all older than what is kept. */
export function expired(partitions: readonly Partition[], keptFromMs: Milliseconds): Partition[] {
  return partitions.filter(({ toMs }) => toMs <= keptFromMs);
}

/**
 * What must go for `totalBytes` to fit `maxBytes`: the oldest over all tables first. What rows arrive in now and later stays,
 * whatever it takes.
 */
export function beyondBudget(
  partitions: readonly Partition[],
  totalBytes: number,
  maxBytes: number,
  nowMs: Milliseconds,
): Partition[] {
  const oldestFirst = partitions
    .filter(({ toMs }) => toMs <= nowMs)
    .sort((a, b) => a.toMs - b.toMs || b.bytes - a.bytes);
  let excess = totalBytes - maxBytes;
  const dropped: Partition[] = [];
  for (const partition of oldestFirst) {
    if (excess <= 0) break;
    dropped.push(partition);
    excess -= partition.bytes;
  }
  return dropped;
}

/** Of a table's room, what one partition may take before it is divided, so that a part of a day can go. */
const SLICE_SHARE = 1 / 8;
/** Slices begin at whole minutes, by which they are named. */
const SLICE_GRAIN_MS = MINUTE_MS;

/**
 * Where the partition that rows arrive in now is to end, so that it can be dropped once it has to; `null`: it is small enough,
 * or ends within the minute.
 */
export function sliceEnd(
  partitions: readonly Partition[],
  maxBytes: number,
  nowMs: Milliseconds,
): { readonly partition: Partition; readonly endMs: Milliseconds } | null {
  const partition = partitions.find(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
  if (partition === undefined || partition.bytes <= maxBytes * SLICE_SHARE) return null;
  const endMs = milliseconds(Math.floor(nowMs / SLICE_GRAIN_MS + 1) * SLICE_GRAIN_MS);
  return endMs < partition.toMs ? { partition, endMs } : null;
}
