import { type ClientBase, DatabaseError, type PoolClient } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import {
  keysOf,
  recomputeDays,
  recomputeHours,
  recomputeMinutes,
  rollUpOpenDay,
  type Span,
} from './recompute.ts';
import { type RowShape, SHAPES } from './shape.ts';

/** "roll" in ASCII: whoever rolls up a database holds this advisory lock for the transaction. */
const LOCK_KEY = 0x72_6f_6c_6c;
/** A minute is rolled up this long after its end; rows that come later mark it again. */
const GRACE_MS = 15 * SECOND_MS;
const STATEMENT_TIMEOUT_MS = 20 * SECOND_MS;
/** What one transaction takes on: so many new rows and so much time, so many batches' marks, so many late minutes. */
const ROWS_MAX = 50_000;
const SPAN_MS_MAX = 31 * DAY_MS;
const MARKS_MAX = 5000;
const LATE_MINUTES_MAX = 500;
const STATEMENT_TIMED_OUT = '57014';

export interface RollupOptions {
  readonly lend: Lend;
  readonly now: () => number;
  /** How long the rows of a signal are kept: its rollups go with them. */
  readonly retentionMs: (signal: SignalName) => number;
}

/** What one step did. `behind`: there is more to do at once. `busy`: another collector is at it. */
export type RollupStep = 'done' | 'behind' | 'busy';

interface State {
  readonly minuteMs: number;
  readonly hourMs: number;
  readonly dayMs: number;
}

/**
 * Keeps the rollups: every minute that has closed since the last step, and every earlier one that a batch has touched since
 * (rows that come late). Both are computed from the rows anew, so a bucket is right whatever happened to it before, and a
 * step that was interrupted is simply done again.
 *
 * Any number of collectors may do this on one database. A writer leaves a mark in the transaction of its rows, so the marks
 * a step takes away belong to rows that it sees; what commits later brings its own mark and is seen by the next step. Rows
 * of other writers are found while their minute is still open, or not at all.
 */
export class Rollup {
  readonly #options: RollupOptions;
  /** Halved when a step takes too long, doubled when it does not. */
  #rowsMax = ROWS_MAX;

  constructor(options: RollupOptions) {
    this.#options = options;
  }

  /** Brings the rollups of every signal a bounded step further. */
  async step(): Promise<RollupStep> {
    let outcome: RollupStep = 'done';
    for (const signal of Object.keys(SHAPES) as SignalName[]) {
      const one = await this.#stepOf(signal);
      if (one === 'busy') return 'busy';
      if (one === 'behind') outcome = 'behind';
    }
    return outcome;
  }

  /** Steps until nothing is left, or another collector is at it. */
  async catchUp(): Promise<RollupStep> {
    for (;;) {
      const step = await this.step();
      if (step !== 'behind') return step;
    }
  }

  async #stepOf(signal: SignalName): Promise<RollupStep> {
    try {
      const step = await this.#options.lend((client) =>
        inTransaction(client, () => this.#rollUp(client, signal)),
      );
      this.#rowsMax = Math.min(ROWS_MAX, this.#rowsMax * 2);
      return step;
    } catch (error) {
      const tooLong = error instanceof DatabaseError && error.code === STATEMENT_TIMED_OUT;
      if (!tooLong || this.#rowsMax === 1) throw error;
      this.#rowsMax = Math.ceil(this.#rowsMax / 2);
      return 'behind';
    }
  }

  async #rollUp(client: PoolClient, signal: SignalName): Promise<RollupStep> {
    const lock = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
      LOCK_KEY,
    ]);
    if (!lock.rows[0]?.mine) return 'busy';
    const shape = SHAPES[signal];
    const marked = await takeMarks(client, signal);
    const closedMs = floorTo(this.#options.now() - GRACE_MS, MINUTE_MS);
    const state = await readState(client, signal, shape, closedMs);
    const untilMs = await this.#until(client, shape, state, closedMs);
    const late = marked.filter((minute) => minute < state.minuteMs).sort((a, b) => a - b);
    const postponed = late.splice(LATE_MINUTES_MAX);
    if (postponed.length > 0) await putBack(client, signal, postponed);
    const minutes = joined([
      ...late.map((minute) => ({ fromMs: minute, toMs: minute + MINUTE_MS })),
      { fromMs: state.minuteMs, toMs: untilMs },
    ]);
    await recomputeMinutes(client, signal, minutes);
    const hoursUntilMs = floorTo(untilMs, HOUR_MS);
    const hours = unitsOf(minutes, HOUR_MS, state.hourMs, hoursUntilMs);
    await recomputeHours(client, signal, hours);
    const hourMs = Math.max(state.hourMs, hoursUntilMs);
    const daysUntilMs = floorTo(hourMs, DAY_MS);
    const dayMs = Math.max(state.dayMs, daysUntilMs);
    await recomputeDays(client, signal, unitsOf(hours, DAY_MS, state.dayMs, daysUntilMs));
    await rollUpOpenDay(client, signal, { hours, hourMs, dayMs });
    await writeState(client, signal, { minuteMs: untilMs, hourMs, dayMs });
    if (hoursUntilMs > state.hourMs) {
      const keptFromMs = floorTo(this.#options.now() - this.#options.retentionMs(signal), HOUR_MS);
      // Not past the hours that are rolled up: what minutes alone have would be in no hour.
      await pruneRollups(client, signal, Math.min(keptFromMs, hoursUntilMs));
    }
    const more = untilMs < closedMs || postponed.length > 0 || marked.length >= MARKS_MAX;
    return more ? 'behind' : 'done';
  }

  /** How far this step goes: at least a minute, to the last one that has closed if there are not too many rows before. */
  async #until(
    client: PoolClient,
    { table }: RowShape,
    { minuteMs }: State,
    closedMs: number,
  ): Promise<number> {
    const boundMs = Math.min(closedMs, minuteMs + SPAN_MS_MAX);
    if (boundMs <= minuteMs) return minuteMs;
    const { rows } = await client.query<{ timestamp: Date }>(
      `SELECT timestamp FROM ${table} WHERE timestamp >= $1 AND timestamp < $2 ORDER BY timestamp OFFSET $3 LIMIT 1`,
      [toDate(minuteMs), toDate(boundMs), this.#rowsMax],
    );
    const [beyond] = rows;
    if (beyond === undefined) return boundMs;
    return Math.max(minuteMs + MINUTE_MS, floorTo(beyond.timestamp.getTime(), MINUTE_MS));
  }
}

async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query(`BEGIN; SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET LOCAL jit = off`);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more.
    throw error;
  }
}

/** The minutes touched since the last step, each once. */
async function takeMarks(client: PoolClient, signal: SignalName): Promise<number[]> {
  const { rows } = await client.query<{ minute: Date }>(
    `WITH taken AS (
       DELETE FROM enterprise.nervecenter_rollup_pending
       WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM enterprise.nervecenter_rollup_pending WHERE signal = $1 LIMIT ${MARKS_MAX}))
       RETURNING minutes
     )
     SELECT DISTINCT minute FROM taken CROSS JOIN LATERAL unnest(minutes) AS minute WHERE isfinite(minute)`,
    [signal],
  );
  return rows.map(({ minute }) => floorTo(minute.getTime(), MINUTE_MS));
}

async function putBack(client: PoolClient, signal: SignalName, minutes: readonly number[]): Promise<void> {
  await client.query('INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes) VALUES ($1, $2)', [
    signal,
    minutes.map(toDate),
  ]);
}

/** How far the rollups are; a stretch without any rows is leapt over. */
async function readState(
  client: PoolClient,
  signal: SignalName,
  { table }: RowShape,
  closedMs: number,
): Promise<State> {
  const { rows } = await client.query<Record<'minute' | 'hour' | 'day' | 'first', Date | null>>(
    `SELECT state.minute_watermark AS minute, state.hour_watermark AS hour, state.day_watermark AS day,
       (SELECT timestamp FROM ${table}
        WHERE timestamp >= coalesce(state.minute_watermark, 'epoch') AND timestamp < $2
        ORDER BY timestamp LIMIT 1) AS first
     FROM (VALUES ($1::text)) AS wanted(signal) LEFT JOIN enterprise.nervecenter_rollup_state state USING (signal)`,
    [signal, toDate(closedMs)],
  );
  const [row] = rows;
  const reached = row?.minute?.getTime() ?? 0;
  const next = row?.first ? floorTo(row.first.getTime(), MINUTE_MS) : closedMs;
  const minuteMs = Math.max(reached, next);
  // Hours without rows have no rollups: the first one that can lack some is that of the last minute reached.
  const hourMs = row?.hour?.getTime() ?? floorTo(minuteMs, HOUR_MS);
  const dayMs = row?.day?.getTime() ?? floorTo(minuteMs, DAY_MS);
  return { minuteMs, hourMs, dayMs };
}

async function writeState(
  client: PoolClient,
  signal: SignalName,
  { minuteMs, hourMs, dayMs }: State,
): Promise<void> {
  await client.query(
    `INSERT INTO enterprise.nervecenter_rollup_state AS state (signal, minute_watermark, hour_watermark, day_watermark)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (signal) DO UPDATE SET
       minute_watermark = greatest(state.minute_watermark, excluded.minute_watermark),
       hour_watermark = greatest(state.hour_watermark, excluded.hour_watermark),
       day_watermark = greatest(state.day_watermark, excluded.day_watermark)`,
    [signal, toDate(minuteMs), toDate(hourMs), toDate(dayMs)],
  );
}

/** Whole units of the finer spans recomputed, as far as they are complete, and those that have become so. */
function unitsOf(finer: readonly Span[], unitMs: number, reachedMs: number, untilMs: number): Span[] {
  const units = finer.map(({ fromMs, toMs }) => ({
    fromMs: floorTo(fromMs, unitMs),
    toMs: Math.min(Math.ceil(toMs / unitMs) * unitMs, untilMs),
  }));
  // The one that was open when the last step ended, though nothing new may be in it since.
  if (reachedMs < untilMs) units.push({ fromMs: reachedMs, toMs: reachedMs + unitMs });
  return joined(units.sort((a, b) => a.fromMs - b.fromMs));
}

/** Spans in order, touching and overlapping ones as one, empty ones left out. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (span.toMs <= span.fromMs) continue;
    if (last !== undefined && span.fromMs <= last.toMs) {
      result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, span.toMs) };
    } else result.push(span);
  }
  return result;
}

function floorTo(ms: number, step: number): number {
  return Math.floor(ms / step) * step;
}

function toDate(ms: number): Date {
  return new Date(ms);
}

const PRUNED = [
  ['rollup_minute', HOUR_MS],
  ['rollup_hour', HOUR_MS],
  // A day goes when all of it is past its retention.
  ['rollup_day', DAY_MS],
] as const;

/** Rollups are few, and their buckets are rewritten anyway: unlike rows they may be deleted one by one. */
async function pruneRollups(client: ClientBase, signal: SignalName, keptFromMs: number): Promise<void> {
  for (const [table, unitMs] of PRUNED) {
    await client.query(
      `DELETE FROM enterprise.${table} WHERE signal = $1 AND field = ANY ($2) AND dimension = ANY ($3)
         AND bucket < $4`,
      [signal, ...keysOf(signal), new Date(Math.floor(keptFromMs / unitMs) * unitMs)],
    );
  }
}
