import type { ClientBase } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS, HOUR_MS } from '../../../../core/units.ts';
import { keysOf } from './recompute.ts';

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
  for (const [table, unitMs] of PRUNED) {
    await client.query(
      `DELETE FROM enterprise.${table} WHERE signal = $1 AND field = ANY ($2) AND dimension = ANY ($3)
         AND bucket < $4`,
      [signal, ...keysOf(signal), new Date(Math.floor(keptFromMs / unitMs) * unitMs)],
    );
  }
}
