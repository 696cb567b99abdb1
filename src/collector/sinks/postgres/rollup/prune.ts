import type { ClientBase } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { TABLES } from './cover.ts';
import { SHAPES } from './shape.ts';
import { toDate } from './spans.ts';

const ALL = Object.values(TABLES);
/** Values that no rollup has any more. */
const FORGET = `DELETE FROM enterprise.rollup_value AS named WHERE seen < $1${ALL.map(
  (table) => ` AND NOT EXISTS (SELECT FROM enterprise.${table} WHERE value_id = named.id)`,
).join('')}`;

/**
 * Deletes what is older: rollups are few, and their buckets are rewritten anyway, so unlike rows they may be deleted one by one.
 * And the values that none has any more, users among them.
 *
 * @param keptFromMs the beginning of a day, because a day is made of all of its hours whenever one of them changes.
 */
export async function pruneRollups(
  client: ClientBase,
  signal: SignalName,
  keptFromMs: number,
): Promise<void> {
  if ((await deleteBefore(client, 'signal = $1', signal, keptFromMs)) > 0)
    await client.query(FORGET, [toDate(keptFromMs)]);
}

/** Deletes what is older of signals that this version does not know. */
export async function pruneUnknown(client: ClientBase, keptFromMs: number): Promise<void> {
  if ((await deleteBefore(client, 'signal <> ALL ($1)', Object.keys(SHAPES), keptFromMs)) > 0)
    await client.query(FORGET, [toDate(keptFromMs)]);
}

async function deleteBefore(
  client: ClientBase,
  condition: string,
  signals: string | readonly string[],
  keptFromMs: number,
): Promise<number> {
  let deleted = 0;
  for (const table of ALL) {
    const { rowCount } = await client.query(
      `DELETE FROM enterprise.${table}
       WHERE kind = ANY (ARRAY(SELECT id FROM enterprise.rollup_kind WHERE ${condition})) AND bucket < $2`,
      [signals, toDate(keptFromMs)],
    );
    deleted += rowCount ?? 0;
  }
  return deleted;
}
