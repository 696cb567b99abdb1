import type { ClientBase } from 'pg';
import { isLasting, mergePoints, storedKind } from '../../../../core/measured.ts';
import { SeriesNames } from '../../../../core/names/series-names.ts';
import { HOUR_MS, SECOND_MS } from '../../../../core/units.ts';
import { totalsStatement } from './add.ts';
import { type TotalRow, totalPoint } from './earlier.ts';

/** Series of a metric that are stored by themselves; a collector shows fewer by name. */
const SERIES_MAX = 5000;
/** At once, so that writers do not wait for long. */
const ROWS_MAX = 20_000;
const LOCK_TIMEOUT_MS = 5 * SECOND_MS;

/**
 * Names come and go for years, and each has its totals. Past the bound the smallest series of a metric become one for each
 * set of labels that are few; what they add up to stays.
 *
 * @returns how many there were of those.
 * @throws DatabaseError 42501 when the role may not delete.
 */
export async function foldTotals(client: ClientBase, seriesMax = SERIES_MAX): Promise<number> {
  const { rows: over } = await client.query<{ metric: string }>(
    'SELECT metric FROM enterprise.totals GROUP BY metric HAVING count(*) > $1',
    [seriesMax],
  );
  // What a later version measures is not for this one to change.
  const metrics = over.map(({ metric }) => metric).filter(isOurs);
  if (metrics.length === 0) return 0;
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    // Writers lock series in one order; here it is known only once none can change any more.
    await client.query('LOCK TABLE enterprise.totals IN SHARE ROW EXCLUSIVE MODE');
    const folded = await foldSmallest(client, metrics, seriesMax);
    await client.query('COMMIT');
    return folded;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more.
    throw error;
  }
}

async function foldSmallest(
  client: ClientBase,
  metrics: readonly string[],
  seriesMax: number,
): Promise<number> {
  const { rows } = await client.query<TotalRow>(
    `WITH placed AS (
       SELECT metric, series, row_number() OVER (PARTITION BY metric ORDER BY count + sum DESC) AS place
       FROM enterprise.totals WHERE metric = ANY ($1)
     ), small AS (SELECT metric, series FROM placed WHERE place > $2 ORDER BY place DESC LIMIT $3)
     DELETE FROM enterprise.totals AS total USING small
     WHERE total.metric = small.metric AND total.series = small.series
     RETURNING total.metric, total.attributes, total.count, total.sum, total.zero_count`,
    [metrics, seriesMax, ROWS_MAX],
  );
  const names = new SeriesNames();
  const points = rows
    .flatMap(totalPoint)
    .map((point) => ({ ...point, attributes: names.withoutAny(point.attributes) }));
  await client.query(totalsStatement(mergePoints(points)));
  return rows.length;
}

function isOurs(name: string): boolean {
  const kind = storedKind(name);
  return kind !== undefined && isLasting({ name, kind });
}

/** Does so every hour, until the returned function is called. @param failed told each time that it could not be done */
export function keepTotalsBounded(
  lend: (work: (client: ClientBase) => Promise<unknown>) => Promise<unknown>,
  failed: (error: unknown) => void,
): () => void {
  const timer = setInterval(() => {
    lend((client) => foldTotals(client)).catch(failed);
  }, HOUR_MS).unref();
  return () => clearInterval(timer);
}
