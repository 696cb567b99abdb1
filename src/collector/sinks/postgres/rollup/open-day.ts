import type { PoolClient } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS } from '../../../../core/units.ts';
import { recomputeDays, type Span } from './recompute.ts';
import { OPEN_DAY } from './shape.ts';

/** What a step leaves behind. Milliseconds since the epoch. */
export interface OpenDay {
  /** Recomputed in this transaction. */
  readonly hours: readonly Span[];
  /** The new watermarks of hours and days. */
  readonly hourMs: number;
  readonly dayMs: number;
}

/**
 * Keeps the row of the day that is not over: what lies from its start to the hour watermark, made anew from the hours
 * whenever one of them is. To be called in every step, in the transaction of the hours.
 */
export async function rollUpOpenDay(
  client: PoolClient,
  signal: SignalName,
  { hours, hourMs, dayMs }: OpenDay,
): Promise<void> {
  const reachedMs = await readReached(client, signal);
  // Hours that were set back run through days that are there already, until they reach the open one again.
  const isOpen = hourMs >= dayMs && hourMs < dayMs + DAY_MS;
  const untilMs = isOpen ? hourMs : null;
  const changed = reachedMs !== untilMs || hours.some(({ toMs }) => toMs > dayMs);
  if (isOpen && changed) await recomputeDays(client, signal, [{ fromMs: dayMs, toMs: hourMs }]);
  if (reachedMs !== untilMs) await writeReached(client, signal, untilMs);
}

async function readReached(client: PoolClient, signal: SignalName): Promise<number | null> {
  const { rows } = await client.query<{ bucket: Date }>(
    `SELECT bucket FROM enterprise.rollup_day open WHERE ${OPEN_DAY}`,
    [signal],
  );
  return rows[0]?.bucket.getTime() ?? null;
}

async function writeReached(client: PoolClient, signal: SignalName, untilMs: number | null): Promise<void> {
  await client.query(`DELETE FROM enterprise.rollup_day open WHERE ${OPEN_DAY}`, [signal]);
  if (untilMs === null) return;
  await client.query(
    `INSERT INTO enterprise.rollup_day (signal, field, dimension, bucket, value, count) VALUES ($1, '', '', $2, '', 0)`,
    [signal, new Date(untilMs)],
  );
}
