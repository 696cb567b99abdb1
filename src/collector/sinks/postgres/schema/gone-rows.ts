import type { ClientBase } from 'pg';
import { SIGNALS } from '../../../../core/signals/index.ts';
import type { Partition } from './retention-policy.ts';

/**
 * Says until when rows of a table are gone, or some of them, before they go: rollups of them are not made anew from what is
 * left. Waits for a step of the rollups that reads them.
 */
export async function noteGone(
  client: ClientBase,
  partitions: readonly Pick<Partition, 'table' | 'toMs'>[],
): Promise<void> {
  for (const [table, own] of Map.groupBy(partitions, (partition) => partition.table)) {
    const signal = Object.values(SIGNALS).find((one) => one.table === table)?.name;
    const until = new Date(Math.max(...own.map(({ toMs }) => toMs)));
    await client.query(
      'UPDATE enterprise.nervecenter_rollup_state SET rows_from = greatest(rows_from, $2) WHERE signal = $1',
      [signal, until],
    );
  }
}
