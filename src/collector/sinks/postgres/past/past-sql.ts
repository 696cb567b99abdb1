import { VALUE } from '../../../../core/history/measures.ts';
import { OTHER_VALUES, type PastTotals, type PastWindow } from '../../../../core/past.ts';
import type { SignalName } from '../../../../core/signals/index.ts';
import { WINDOW_SLOTS } from '../../../live/sliding.ts';
import { aggregateRows } from '../rollup/aggregate.ts';
import { type FieldShape, type RowShape, SHAPES } from '../rollup/shape.ts';

/** Values of one dimension that are read back by themselves, the largest; fewer than the live view has room for. */
const VALUES_MAX = 150;
/**
 * Durations are read in 1/1024 s, whose histogram buckets are those of seconds moved by a whole number: 8 per doubling.
 * The live view measures in seconds, in which the store's buckets would end at a millisecond.
 */
export const PARTS_PER_SECOND = 1024;
const PARTS_PER_MS = PARTS_PER_SECOND / 1000;

/**
 * Everything a signal's rows ever added up to, `value, count, sums`, in one statement so that it is of one moment: hours as
 * far as they are rolled up, minutes after them, rows after those. A minute that has rows which its rollup does not know yet
 * is read from the rows, and the other minutes of its hour from their own rollups.
 *
 * `$1` signal, `$2` instant before which rows count or `infinity`, `$3` and `$4` the same rounded down to minute and hour.
 */
export function totalsSql(signal: SignalName, { by, sums }: PastTotals): string {
  const shape = SHAPES[signal];
  const counted = (from: string, where: string) =>
    `SELECT 0 AS at, value, count, NULL::float8 AS sum, NULL::float8 AS min, NULL::float8 AS max, NULL::bytea AS histogram, sums
     FROM (${aggregateRows(shape, fieldOf(shape, VALUE), { bucket: '0', dimensions: dimensionOf(shape, by), sums, histogram: false, from, where })}) AS rows`;
  const rolled = (from: string, where: string) =>
    `SELECT 0, value, count, NULL::float8, NULL::float8, NULL::float8, NULL::bytea, sums
     FROM ${from} WHERE signal = $1 AND field = '${VALUE}' AND dimension = '${by}' AND ${where}`;
  return bounded(
    `reached AS MATERIALIZED (
       SELECT least(greatest(minute_watermark, folded_until, 'epoch'), $3::timestamptz) AS minutes,
         least(greatest(hour_watermark, folded_until, 'epoch'), $4::timestamptz) AS hours, coalesce(folded_until, 'epoch') AS folded
       FROM (VALUES ($1::text)) AS wanted(signal) LEFT JOIN enterprise.nervecenter_rollup_state USING (signal)
     ), late AS MATERIALIZED (
       SELECT DISTINCT date_trunc('minute', minute) AS minute
       FROM enterprise.nervecenter_rollup_pending CROSS JOIN LATERAL unnest(minutes) AS minute
       WHERE signal = $1 AND isfinite(minute)
         AND minute >= (SELECT folded FROM reached) AND minute < (SELECT reached.minutes FROM reached)
     ), late_hours AS MATERIALIZED (SELECT DISTINCT date_bin('1 hour', minute, 'epoch'::timestamptz) AS hour FROM late)`,
    [
      counted(
        `${shape.table} r`,
        'r.timestamp >= (SELECT minutes FROM reached) AND r.timestamp < $2::timestamptz',
      ),
      counted(
        `late JOIN ${shape.table} r ON r.timestamp >= minute AND r.timestamp < minute + interval '1 minute'`,
        'true',
      ),
      rolled(
        'enterprise.rollup_hour',
        'bucket < (SELECT hours FROM reached) AND bucket NOT IN (SELECT hour FROM late_hours)',
      ),
      rolled(
        'enterprise.rollup_minute',
        `bucket >= (SELECT hours FROM reached) AND bucket < (SELECT minutes FROM reached)
         AND bucket NOT IN (SELECT minute FROM late)`,
      ),
      rolled(
        `late_hours JOIN enterprise.rollup_minute ON bucket >= hour AND bucket < hour + interval '1 hour'`,
        'hour < (SELECT hours FROM reached) AND bucket NOT IN (SELECT minute FROM late)',
      ),
    ],
    sums,
  );
}

/** The window of one field by slots: `$1` and `$2` its ends, `$3` its length in milliseconds. */
export function windowSql(signal: SignalName, { field, by, sums }: PastWindow): string {
  const shape = SHAPES[signal];
  const own = fieldOf(shape, field);
  const rows = aggregateRows(
    shape,
    { ...own, value: `(${own.value}) * ${PARTS_PER_MS}` },
    {
      bucket: `floor(extract(epoch FROM r.timestamp) * 1000 * ${WINDOW_SLOTS} / $3::numeric)`,
      dimensions: dimensionOf(shape, by),
      sums,
      histogram: true,
      from: `${shape.table} r`,
      where: 'r.timestamp >= $1::timestamptz AND r.timestamp < $2::timestamptz',
    },
  );
  const parts = `SELECT bucket::float8 AS at, value, count, sum, min, max, histogram, sums FROM (${rows}) AS slots`;
  return bounded(null, [parts], sums);
}

function fieldOf({ fields }: RowShape, name: string): FieldShape {
  const field = fields[name];
  if (field === undefined) throw new Error(`no field ${name}`);
  return field;
}

function dimensionOf({ dimensions }: RowShape, by: PastTotals['by']): { name: string; value: string }[] {
  return [{ name: by, value: by === '' ? `''` : (dimensions[by] ?? `''`) }];
}

/** Adds the parts up by slot and value, all values past the bound as one. */
function bounded(before: string | null, parts: readonly string[], sums: readonly string[]): string {
  const added = sums.map((name) => `'${name}', sum((sums->>'${name}')::numeric)`).join(', ');
  return `
    WITH ${before === null ? '' : `${before}, `}parts AS MATERIALIZED (${parts.join(' UNION ALL ')}),
    ranked AS (
      SELECT value, row_number() OVER (ORDER BY value = '${OTHER_VALUES}', sum(count) DESC, value) > ${VALUES_MAX} AS other
      FROM parts GROUP BY value
    )
    SELECT at, CASE WHEN other THEN '${OTHER_VALUES}' ELSE value END AS value, sum(count)::float8 AS count, sum(sum) AS sum,
      min(min) AS min, max(max) AS max, string_agg(histogram, ''::bytea) AS histogram, jsonb_build_object(${added}) AS sums
    FROM parts JOIN ranked USING (value) GROUP BY 1, 2 ORDER BY 1, 3 DESC`;
}
