import type { ClientBase } from 'pg';
import type { Attributes, Point } from '../../../../core/frame.ts';
import { CALL_MODEL, CALL_OPERATION, CALL_PROVIDER, OTHER } from '../../../../core/llm/labels.ts';
import { fromMeasured, mergePoints, SERVICE } from '../../../../core/measured.ts';
import { totalsStatement } from './add.ts';

/** By how much a counter of model calls is different from what was added to it. */
export interface Correction {
  readonly metric: string;
  /** What metrics tell the calls apart by, as far as their rows say it. */
  readonly attributes: Attributes;
  readonly by: number;
}

interface StoredSeries {
  readonly metric: string;
  readonly attributes: Attributes;
  sum: number;
}

/** Corrects the totals, in the transaction that changes the rows. No series falls below nothing. */
export async function correctTotals(client: ClientBase, corrections: readonly Correction[]): Promise<void> {
  const changes = corrections.filter(({ by }) => by !== 0);
  if (changes.length === 0) return;
  // Writers lock series in one order; which ones a correction needs is known only once they cannot change any more.
  await client.query('LOCK TABLE enterprise.totals IN SHARE ROW EXCLUSIVE MODE');
  const stored = await storedSeries(client, changes);
  const points = changes.flatMap((change) =>
    change.by > 0 ? toPoints(change, change.by) : lowered(change, stored),
  );
  await client.query(totalsStatement(mergePoints(points)));
}

async function storedSeries(
  client: ClientBase,
  changes: readonly Correction[],
): Promise<readonly StoredSeries[]> {
  const { rows } = await client.query<StoredSeries>(
    `SELECT metric, attributes, sum(sum) AS sum FROM enterprise.totals
     WHERE metric = ANY ($1) AND attributes ->> '${CALL_MODEL}' = ANY ($2) GROUP BY 1, 2`,
    [
      changes.map(({ metric }) => metric),
      [...changes.map(({ attributes }) => attributes[CALL_MODEL]), OTHER],
    ],
  );
  return rows;
}

/**
 * Takes it from the series of the call, and what that one does not have from the next of kin: totals of earlier versions know
 * no operation and no service, and a model past the bound of labels is counted as `other`.
 */
function lowered({ metric, attributes, by }: Correction, stored: readonly StoredSeries[]): Point[] {
  const distance = (series: StoredSeries): number =>
    [CALL_MODEL, CALL_PROVIDER, CALL_OPERATION, SERVICE].reduce(
      (sum, name) => sum * 2 + (series.attributes[name] === attributes[name] ? 0 : 1),
      0,
    );
  const nearest = stored
    .filter((series) => series.metric === metric)
    .sort((a, b) => distance(a) - distance(b));
  let left = -by;
  return nearest.flatMap((series) => {
    const taken = Math.min(left, Math.max(0, series.sum));
    left -= taken;
    series.sum -= taken;
    return taken > 0 ? toPoints(series, -taken) : [];
  });
}

function toPoints({ metric, attributes }: Pick<Correction, 'metric' | 'attributes'>, by: number): Point[] {
  return fromMeasured([[metric, attributes, by]]);
}
