import assert from 'node:assert/strict';
import type { TestHistory } from '../history/fixture.ts';

/** Requests at these moments, whose minutes are marked as a writer marks them. */
export async function insert({ sql }: TestHistory, timesMs: readonly number[], marked = true): Promise<void> {
  const times = timesMs.map((ms) => new Date(ms));
  await sql(
    `WITH stored AS (
       INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
       SELECT at, '/late', 'GET', 200, 10 FROM unnest($1::timestamptz[]) AS at RETURNING timestamp
     )
     INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
     SELECT 'request', array_agg(DISTINCT date_trunc('minute', timestamp)) FROM stored WHERE $2 HAVING count(*) > 0`,
    [times, marked],
  );
}

/** Every rollup of every signal agrees with its rows, up to the watermarks. */
export async function assertAgrees({ sql }: TestHistory): Promise<void> {
  for (const [unit, column] of [
    ['minute', 'minute_watermark'],
    ['hour', 'hour_watermark'],
    // The day that is not over has what the hours have.
    ['day', 'hour_watermark'],
  ]) {
    const wrong = await sql(
      `SELECT * FROM (
         SELECT date_trunc('${unit}', timestamp, 'UTC') AS bucket, count(*) AS count, round(sum(response_time_ms)::numeric, 6) AS sum
         FROM enterprise.request_metrics
         WHERE timestamp < (SELECT ${column} FROM enterprise.nervecenter_rollup_state WHERE signal = 'request') GROUP BY 1
       ) AS rows FULL JOIN (
         SELECT bucket, count, round(sum::numeric, 6) AS sum FROM enterprise.rollup_${unit}
         WHERE signal = 'request' AND field = 'value' AND dimension = ''
       ) AS rolled USING (bucket)
       WHERE rows.count IS DISTINCT FROM rolled.count OR rows.sum IS DISTINCT FROM rolled.sum`,
    );
    assert.deepEqual(wrong, [], unit);
  }
  await assertDays({ sql });
}

/** Every day of every signal and dimension, the open one too, is what its hours are. */
async function assertDays({ sql }: Pick<TestHistory, 'sql'>): Promise<void> {
  const money = (expression: string) => `coalesce(round((${expression})::numeric, 6), 0)`;
  const wrong = await sql(
    `SELECT * FROM (
       SELECT kind, date_trunc('day', bucket, 'UTC') AS bucket, value_id, sum(count) AS count, min(min) AS min,
         max(max) AS max, ${money('sum(sum)')} AS sum, ${money('sum(sum_2)')} AS cost, sum(length(histogram)) > 0 AS distributed
       FROM enterprise.rollup_by_hour JOIN enterprise.rollup_kind ON id = kind JOIN enterprise.nervecenter_rollup_state USING (signal)
       WHERE bucket < hour_watermark GROUP BY 1, 2, 3
     ) AS hours FULL JOIN (
       SELECT kind, bucket, value_id, count, min, max, ${money('sum')} AS sum, ${money('sum_2')} AS cost,
         length(histogram) > 0 AS distributed
       FROM enterprise.rollup_by_day
     ) AS days USING (kind, bucket, value_id)
     WHERE (hours.count, hours.min, hours.max, hours.sum, hours.cost, hours.distributed)
       IS DISTINCT FROM (days.count, days.min, days.max, days.sum, days.cost, days.distributed)`,
  );
  assert.deepEqual(wrong, [], 'days of hours');
  const open = await sql(
    `SELECT FROM enterprise.nervecenter_rollup_state
     WHERE open_day_until IS DISTINCT FROM hour_watermark OR pair_hour_watermark IS DISTINCT FROM hour_watermark
       OR coalesce(pair_open_day_until, hour_watermark) IS DISTINCT FROM hour_watermark`,
  );
  assert.deepEqual(open, [], 'the open day reaches as far as the hours');
  const unnamed = await sql(
    `SELECT FROM (TABLE enterprise.rollup_by_minute UNION ALL TABLE enterprise.rollup_by_hour UNION ALL TABLE enterprise.rollup_by_day) AS rolled
     WHERE value_id NOT IN (SELECT id FROM enterprise.rollup_value)`,
  );
  assert.deepEqual(unnamed, [], 'every value has its text');
}
