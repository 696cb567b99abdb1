import type { ClientBase } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { TABLES, TIERS, type Tier } from './cover.ts';
import { floorTo, toDate } from './spans.ts';

const TIERS_OF_TABLES = TIERS.map(({ source, unitMs }) => ({
  table: TABLES[source],
  unitMs: wholeMs(source, unitMs),
}));

/** Minutes go by the hour; a day goes when all of it is past its retention. */
function wholeMs(source: Tier, unitMs: number): number {
  const hour = TIERS.find((tier) => tier.source === 'rollup_hour');
  return source === 'rollup_minute' ? (hour?.unitMs ?? unitMs) : unitMs;
}

/** Rollups are few, and their buckets are rewritten anyway: unlike rows they may be deleted one by one. */
export async function pruneRollups(
  client: ClientBase,
  signal: SignalName,
  keptFromMs: number,
): Promise<void> {
  for (const { table, unitMs } of TIERS_OF_TABLES) {
    await client.query(
      `DELETE FROM enterprise.${table}
       WHERE kind = ANY (ARRAY(SELECT id FROM enterprise.rollup_kind WHERE signal = $1)) AND bucket < $2`,
      [signal, toDate(floorTo(keptFromMs, unitMs))],
    );
  }
  await client.query(FORGET);
}

const OLDEST = TIERS_OF_TABLES.map(
  ({ table }) => `(SELECT min(oldest.bucket) FROM enterprise.rollup_kind CROSS JOIN LATERAL (
      SELECT bucket FROM enterprise.${table} WHERE kind = rollup_kind.id ORDER BY bucket LIMIT 1) AS oldest)`,
);
/** Values that no rollup has any more: those seen last before the day of the oldest one. */
const FORGET = `DELETE FROM enterprise.rollup_value
  WHERE seen < (SELECT date_bin('1 day', least(${OLDEST.join(', ')}), 'epoch'::timestamptz))`;
