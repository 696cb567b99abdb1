import type { ClientBase } from 'pg';
import type { SignalName } from '../../../../core/event.ts';
import { VALUE } from '../../../../core/history/catalogue.ts';
import { OTHER_VALUES, PAST } from '../../../../core/past.ts';
import { DAY_MS, HOUR_MS } from '../../../../core/units.ts';
import { keysOf } from './recompute.ts';

/** Values kept apart for ever; paths that another writer stored raw have no bound of their own. */
const FOLDED_VALUES_MAX = 1000;
const PRUNED = [
  ['rollup_minute', HOUR_MS],
  ['rollup_hour', HOUR_MS],
  // A day goes when all of it is past its retention.
  ['rollup_day', DAY_MS],
] as const;

/** Rollups are few, and their buckets are rewritten anyway: unlike rows they may be deleted one by one. */
export async function pruneRollups(
  client: ClientBase,
  signal: SignalName,
  keptFromMs: number,
): Promise<void> {
  const keptFrom = new Date(keptFromMs);
  await foldHours(client, signal, keptFrom);
  for (const [table, unitMs] of PRUNED) {
    await client.query(
      `DELETE FROM enterprise.${table} WHERE signal = $1 AND field = ANY ($2) AND dimension = ANY ($3)
         AND bucket > '-infinity' AND bucket < $4`,
      [signal, ...keysOf(signal), new Date(Math.floor(keptFromMs / unitMs) * unitMs)],
    );
  }
}

/**
 * Adds what the hours before `keptFrom` hold to the bucket `-infinity` of their signal, from which no history is read: the
 * totals of all time outlive the hours, which are to be deleted in the same transaction. Past the bound of values the
 * smallest ones become `<other>`.
 */
async function foldHours(client: ClientBase, signal: SignalName, keptFrom: Date): Promise<void> {
  const totals = PAST[signal]?.totals;
  if (totals === undefined) return;
  const key = `signal = $1 AND field = '${VALUE}' AND dimension = '${totals.by}'`;
  const sums = totals.sums.map((name) => `'${name}', sum((sums->>'${name}')::numeric)`);
  await client.query(
    `WITH gone AS (
       DELETE FROM enterprise.rollup_hour WHERE ${key} AND bucket < $2 RETURNING value, count, sums
     ), ranked AS (
       SELECT value, row_number() OVER (ORDER BY value = '${OTHER_VALUES}', sum(count) DESC, value) AS rank
       FROM gone GROUP BY value
     )
     INSERT INTO enterprise.rollup_hour (signal, field, dimension, bucket, value, count, sums)
     SELECT $1::text, '${VALUE}', '${totals.by}', '-infinity',
       CASE WHEN rank > ${FOLDED_VALUES_MAX} THEN '${OTHER_VALUES}' ELSE value END, sum(count), jsonb_build_object(${sums.join(', ')})
     FROM gone JOIN ranked USING (value) GROUP BY 5`,
    [signal, keptFrom],
  );
  await client.query(
    `UPDATE enterprise.nervecenter_rollup_state SET folded_until = greatest(folded_until, $2) WHERE signal = $1`,
    [signal, keptFrom],
  );
}
