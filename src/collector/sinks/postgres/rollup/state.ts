import type { ClientBase, PoolClient } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../core/units.ts';
import { type RowShape, SHAPES } from './shape.ts';
import { floorTo, toDate } from './spans.ts';

/** Until when hours and days are rolled up; milliseconds since the epoch. */
export interface Reached {
  readonly hourMs: number;
  readonly dayMs: number;
  /** The day that is not over is rolled up until then; `null`: it is not. */
  readonly openDayMs: number | null;
}

/** How far the rollups of a signal are. */
export interface State extends Reached {
  readonly minuteMs: number;
  /** Rows before are gone, or some of them. */
  readonly rowsFromMs: number;
  /** By two dimensions, which may be behind. */
  readonly pairs: Reached;
}

type Row = Record<
  | 'minute'
  | 'hour'
  | 'day'
  | 'open'
  | 'rows_from'
  | 'pair_hour'
  | 'pair_day'
  | 'pair_open'
  | 'first'
  | 'first_pair',
  Date | null
>;

/** A stretch without any rows is leapt over. @param closedMs until when minutes are over. */
export async function readState(client: PoolClient, signal: SignalName, closedMs: number): Promise<State> {
  const first = (since: string) =>
    `(SELECT timestamp FROM ${SHAPES[signal].table}
      WHERE timestamp >= coalesce(${since}, 'epoch') AND timestamp < $2 ORDER BY timestamp LIMIT 1)`;
  // Whoever drops rows says so here before, and so waits until this step has read them.
  await client.query('SELECT FROM enterprise.nervecenter_rollup_state WHERE signal = $1 FOR UPDATE', [
    signal,
  ]);
  const { rows } = await client.query<Row>(
    `SELECT rows_from, minute_watermark AS minute, hour_watermark AS hour, day_watermark AS day, open_day_until AS open,
       pair_hour_watermark AS pair_hour, pair_day_watermark AS pair_day, pair_open_day_until AS pair_open,
       ${first('state.minute_watermark')} AS first, ${first('state.pair_hour_watermark')} AS first_pair
     FROM (VALUES ($1::text)) AS wanted(signal) LEFT JOIN enterprise.nervecenter_rollup_state state USING (signal)`,
    [signal, toDate(closedMs)],
  );
  const row = rows[0] ?? null;
  const reached = row?.minute?.getTime() ?? 0;
  const next = row?.first ? floorTo(row.first.getTime(), MINUTE_MS) : closedMs;
  const minuteMs = Math.max(reached, next);
  // Hours without rows have no rollups: the first one that can lack some is that of the last minute reached.
  const hourMs = row?.hour?.getTime() ?? floorTo(minuteMs, HOUR_MS);
  const dayMs = row?.day?.getTime() ?? floorTo(minuteMs, DAY_MS);
  const pairs = pairsReached(row, hourMs, closedMs);
  const rowsFromMs = row?.rows_from?.getTime() ?? 0;
  return { minuteMs, hourMs, dayMs, openDayMs: row?.open?.getTime() ?? null, rowsFromMs, pairs };
}

function pairsReached(row: Row | null, hourMs: number, closedMs: number): Reached {
  const reached = row?.pair_hour?.getTime() ?? 0;
  const next = floorTo(row?.first_pair?.getTime() ?? closedMs, HOUR_MS);
  // Never past the hours, which may have been set back: what came late behind them is marked no more.
  const pairHourMs = Math.min(Math.max(reached, next), hourMs);
  const dayMs = row?.pair_day?.getTime() ?? floorTo(pairHourMs, DAY_MS);
  return { hourMs: pairHourMs, dayMs, openDayMs: row?.pair_open?.getTime() ?? null };
}

export async function writeState(
  client: PoolClient,
  signal: SignalName,
  state: Omit<State, 'rowsFromMs'>,
): Promise<void> {
  const { minuteMs, hourMs, dayMs, openDayMs, pairs } = state;
  await client.query(
    `INSERT INTO enterprise.nervecenter_rollup_state AS state (signal, minute_watermark, hour_watermark, day_watermark,
       open_day_until, pair_hour_watermark, pair_day_watermark, pair_open_day_until)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (signal) DO UPDATE SET
       minute_watermark = greatest(state.minute_watermark, excluded.minute_watermark),
       hour_watermark = greatest(state.hour_watermark, excluded.hour_watermark),
       day_watermark = greatest(state.day_watermark, excluded.day_watermark),
       open_day_until = excluded.open_day_until,
       pair_hour_watermark = excluded.pair_hour_watermark,
       pair_day_watermark = greatest(state.pair_day_watermark, excluded.pair_day_watermark),
       pair_open_day_until = excluded.pair_open_day_until`,
    [
      signal,
      ...[minuteMs, hourMs, dayMs].map(toDate),
      ...[openDayMs, pairs.hourMs, pairs.dayMs, pairs.openDayMs].map((ms) =>
        ms === null ? null : toDate(ms),
      ),
    ],
  );
}

/** The minutes touched since the last step, each once. @param marksMax so many batches' marks are taken. */
export async function takeMarks(client: PoolClient, signal: SignalName, marksMax: number): Promise<number[]> {
  const { rows } = await client.query<{ minute: Date }>(
    `WITH taken AS (
       DELETE FROM enterprise.nervecenter_rollup_pending
       WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM enterprise.nervecenter_rollup_pending WHERE signal = $1 LIMIT ${marksMax}))
       RETURNING minutes
     )
     SELECT DISTINCT minute FROM taken CROSS JOIN LATERAL unnest(minutes) AS minute WHERE isfinite(minute)`,
    [signal],
  );
  return rows.map(({ minute }) => floorTo(minute.getTime(), MINUTE_MS));
}

export async function putBack(
  client: PoolClient,
  signal: SignalName,
  minutes: readonly number[],
): Promise<void> {
  await client.query('INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes) VALUES ($1, $2)', [
    signal,
    minutes.map(toDate),
  ]);
}

interface Stretch {
  readonly fromMs: number;
  readonly boundMs: number;
  readonly unitMs: number;
  readonly rowsMax: number;
}

/** How far one step goes: at least a unit, to the bound if there are not too many rows before. */
export async function reachable(
  client: ClientBase,
  { table }: RowShape,
  { fromMs, boundMs, unitMs, rowsMax }: Stretch,
): Promise<number> {
  if (boundMs <= fromMs) return fromMs;
  const { rows } = await client.query<{ timestamp: Date }>(
    `SELECT timestamp FROM ${table} WHERE timestamp >= $1 AND timestamp < $2 ORDER BY timestamp OFFSET $3 LIMIT 1`,
    [toDate(fromMs), toDate(boundMs), rowsMax],
  );
  const [beyond] = rows;
  if (beyond === undefined) return boundMs;
  return Math.max(fromMs + unitMs, floorTo(beyond.timestamp.getTime(), unitMs));
}

/** How many of some minutes, in order, are of hours that have together no more rows than these; one hour at least. */
export async function minutesWithin(
  client: ClientBase,
  { table }: RowShape,
  minutes: readonly number[],
  rowsMax: number,
): Promise<number> {
  let left = rowsMax;
  let hourMs = Number.NaN;
  for (const [index, minute] of minutes.entries()) {
    if (floorTo(minute, HOUR_MS) === hourMs) continue;
    hourMs = floorTo(minute, HOUR_MS);
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT FROM ${table} WHERE timestamp >= $1 AND timestamp < $2 LIMIT $3) AS counted`,
      [toDate(hourMs), toDate(hourMs + HOUR_MS), left + 1],
    );
    left -= rows[0]?.count ?? 0;
    if (left < 0 && index > 0) return index;
    if (left < 0) left = 0;
  }
  return minutes.length;
}
