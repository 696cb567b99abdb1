import type { PoolClient } from 'pg';
import type { Point } from '../../../../core/frame.ts';
import {
  BUCKETS_PER_DOUBLING,
  type Distribution,
  HISTOGRAM_SCALE,
  rescale,
} from '../../../../core/histogram.ts';
import { unpack } from '../../../../core/history/packed.ts';
import { PAST, type PastGroup, type PastSignal, type PastSlot } from '../../../../core/past.ts';
import type { SignalName } from '../../../../core/signals/index.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../core/units.ts';
import { WINDOW_SLOTS } from '../../../live/sliding.ts';
import { PARTS_PER_SECOND, totalsSql, windowSql } from './past-sql.ts';

/** One value of one slot, as it comes from the database. */
interface PastRow {
  readonly at: number;
  readonly value: string;
  readonly count: number;
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly histogram: Buffer | null;
  readonly sums: Readonly<Record<string, number | null>>;
}

const SHIFT = Math.log2(PARTS_PER_SECOND) * BUCKETS_PER_DOUBLING;
const EVER = 'infinity';

/** The last window as the rows have it, in the order of time. */
export async function readWindow(
  client: PoolClient,
  range: { readonly fromMs: number; readonly toMs: number; readonly windowMs: number },
): Promise<PastSlot[]> {
  const { fromMs, toMs, windowMs } = range;
  const points = new Map<number, Point[]>();
  for (const [signal, { windows }] of signals()) {
    for (const window of windows) {
      const values = [new Date(fromMs), new Date(toMs), windowMs];
      const { rows } = await client.query<PastRow>(windowSql(signal, window), values);
      for (const row of rows) {
        const slot = points.get(row.at) ?? [];
        points.set(row.at, slot);
        slot.push(...window.measure({ ...groupOf(row), distribution: distributionOf(row) }));
      }
    }
  }
  const slotMs = windowMs / WINDOW_SLOTS;
  return [...points]
    .sort(([a], [b]) => a - b)
    .map(([slot, points]) => ({ atMs: (slot + 0.5) * slotMs, points }));
}

/**
 * Everything that was ever counted.
 *
 * @param untilMs rows from then on do not count; `null` for all.
 */
export async function readTotals(client: PoolClient, untilMs: number | null): Promise<Point[]> {
  const until = (step: number) =>
    untilMs === null ? EVER : new Date(Math.floor(untilMs / step) * step).toISOString();
  const points: Point[] = [];
  for (const [signal, { totals }] of signals()) {
    const values = [signal, until(1), until(MINUTE_MS), until(HOUR_MS)];
    const { rows } = await client.query<PastRow>(totalsSql(signal, totals), values);
    for (const row of rows) points.push(...totals.measure(groupOf(row)));
  }
  return points;
}

const signals = () => Object.entries(PAST) as [SignalName, PastSignal][];

function groupOf({ value, count, sums }: PastRow): PastGroup {
  return {
    value,
    count,
    sums: Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum ?? 0])),
  };
}

/** In seconds; values that are none (NaN, the infinities) are left out, as the live view leaves them out. */
function distributionOf({ sum, min, max, histogram }: PastRow): Distribution {
  const { count, zeroCount, offset, counts } = unpack(histogram ?? new Uint8Array());
  const buckets = rescale(HISTOGRAM_SCALE, offset, counts);
  return {
    count,
    zeroCount,
    offset: buckets.offset - SHIFT,
    counts: buckets.counts,
    sum: (sum ?? 0) / PARTS_PER_SECOND,
    min: (min ?? Number.POSITIVE_INFINITY) / PARTS_PER_SECOND,
    max: (max ?? Number.NEGATIVE_INFINITY) / PARTS_PER_SECOND,
  };
}
