import type { PoolClient } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import { pruneRollups, pruneUnknown } from './prune.ts';
import { Recompute } from './recompute.ts';
import { pairsOf, SHAPES } from './shape.ts';
import { floorTo, joined, type Span, unitsOf } from './spans.ts';
import {
  minutesWithin,
  putBack,
  type Reached,
  reachable,
  readState,
  type State,
  takeMarks,
  writeState,
} from './state.ts';
import { isTooLong, ROWS_MAX, StepSize } from './step-size.ts';

/** "roll" in ASCII: whoever rolls up a database holds this advisory lock for the transaction. */
export const ROLLUP_LOCK = 0x72_6f_6c_6c;
/** A minute is rolled up this long after its end; rows that come later mark it again. */
const GRACE_MS = 15 * SECOND_MS;
const STATEMENT_TIMEOUT_MS = 20 * SECOND_MS;
/** What one transaction takes on besides its rows: so much time, so many batches' marks, so many late minutes. */
const SPAN_MS_MAX = 31 * DAY_MS;
const MARKS_MAX = 5000;
const LATE_MINUTES_MAX = 500;

export interface RollupOptions {
  readonly lend: Lend;
  readonly now: () => number;
  /** How long the rows of a signal are kept: its rollups go with them. */
  readonly retentionMs: (signal: SignalName) => number;
}

/** What one step did. `behind`: there is more to do at once. `busy`: another collector is at it. */
export type RollupStep = 'done' | 'behind' | 'busy';

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
  readonly #sizes = new Map<SignalName, StepSize>();

  constructor(options: RollupOptions) {
    this.#options = options;
  }

  /**
   * Brings the rollups of every signal a bounded step further.
   *
   * @throws DatabaseError 57014 when the steps of a signal take too long again and again; those of the others were made.
   */
  async step(): Promise<RollupStep> {
    let outcome: RollupStep = 'done';
    let tooLong: unknown = null;
    for (const signal of Object.keys(SHAPES) as SignalName[]) {
      const one = await this.#stepOf(signal).catch((error: unknown) => {
        if (!isTooLong(error)) throw error;
        tooLong = error;
        return 'behind' as const;
      });
      if (one === 'busy') return 'busy';
      if (one === 'behind') outcome = 'behind';
    }
    if (tooLong !== null) throw tooLong;
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
    const size = this.#sizeOf(signal);
    try {
      const step = await this.#options.lend((client) =>
        inTransaction(client, () => this.#rollUp(client, signal)),
      );
      size.succeeded();
      return step;
    } catch (error) {
      if (!isTooLong(error) || size.tookTooLong()) throw error;
      return 'behind';
    }
  }

  #sizeOf(signal: SignalName): StepSize {
    const size = this.#sizes.get(signal) ?? new StepSize();
    this.#sizes.set(signal, size);
    return size;
  }

  async #rollUp(client: PoolClient, signal: SignalName): Promise<RollupStep> {
    const lock = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS mine', [
      ROLLUP_LOCK,
    ]);
    if (!lock.rows[0]?.mine) return 'busy';
    const { rowsMax } = this.#sizeOf(signal);
    const marked = await takeMarks(client, signal, MARKS_MAX);
    const closedMs = floorTo(this.#options.now() - GRACE_MS, MINUTE_MS);
    const keptFromMs = floorTo(this.#options.now() - this.#options.retentionMs(signal), DAY_MS);
    const state = await readState(client, signal, closedMs);
    const rowsFromMs = Math.max(keptFromMs, Math.ceil(state.rowsFromMs / HOUR_MS) * HOUR_MS);
    const untilMs = await reachable(client, SHAPES[signal], {
      fromMs: state.minuteMs,
      boundMs: Math.min(closedMs, state.minuteMs + SPAN_MS_MAX),
      unitMs: MINUTE_MS,
      rowsMax,
    });
    const late = lateMinutes(marked, state, rowsFromMs);
    // Each may be of another hour, all of which is read.
    const some = late.slice(0, Math.ceil((LATE_MINUTES_MAX * rowsMax) / ROWS_MAX));
    const postponed = late.splice(await minutesWithin(client, SHAPES[signal], some, rowsMax));
    if (postponed.length > 0) await putBack(client, signal, postponed);
    const minutes = joined([
      ...late.map((minute) => ({ fromMs: minute, toMs: minute + MINUTE_MS })),
      { fromMs: state.minuteMs, toMs: untilMs },
    ]);
    const recompute = new Recompute(client, signal, rowsFromMs);
    await recompute.minutes(minutes);
    const hoursUntilMs = floorTo(untilMs, HOUR_MS);
    const hours = unitsOf(minutes, HOUR_MS, state.hourMs, hoursUntilMs);
    await recompute.hours(hours);
    const hourMs = Math.max(state.hourMs, hoursUntilMs);
    const reached = await daysUntil(recompute, 'singles', { hours, before: state, hourMs });
    const pairs = await this.#rollUpPairs(client, signal, { recompute, hours, before: state.pairs, hourMs });
    await writeState(client, signal, { minuteMs: untilMs, ...reached, pairs });
    // Not past the hours that are rolled up: what minutes alone have would be in no hour.
    if (hoursUntilMs > state.hourMs) await this.#prune(client, signal, Math.min(keptFromMs, hoursUntilMs));
    const more = untilMs < closedMs || postponed.length > 0 || marked.length >= MARKS_MAX;
    return more || pairs.hourMs < hourMs ? 'behind' : 'done';
  }

  async #prune(client: PoolClient, signal: SignalName, keptFromMs: number): Promise<void> {
    const { now, retentionMs } = this.#options;
    await pruneRollups(client, signal, floorTo(keptFromMs, DAY_MS));
    const longestMs = Math.max(...(Object.keys(SHAPES) as SignalName[]).map(retentionMs));
    await pruneUnknown(client, floorTo(now() - longestMs, DAY_MS));
  }

  /** By two dimensions: what was recomputed of the hours before, and a bounded part of those that are missing. */
  async #rollUpPairs(
    client: PoolClient,
    signal: SignalName,
    { recompute, hours: all, before, hourMs }: Coarser & { readonly recompute: Recompute },
  ): Promise<Reached> {
    const shape = SHAPES[signal];
    if (Object.values(shape.fields).every((field) => pairsOf(field).length === 0))
      return { hourMs, dayMs: floorTo(hourMs, DAY_MS), openDayMs: null };
    const untilMs = await reachable(client, shape, {
      fromMs: before.hourMs,
      boundMs: Math.min(hourMs, before.hourMs + SPAN_MS_MAX),
      unitMs: HOUR_MS,
      rowsMax: this.#sizeOf(signal).rowsMax,
    });
    const again = all.map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.min(toMs, before.hourMs) }));
    const hours = joined([...again, { fromMs: before.hourMs, toMs: untilMs }]);
    await recompute.pairHours(hours);
    return daysUntil(recompute, 'pairs', { hours, before, hourMs: untilMs });
  }
}

/** Those rolled up before; not of rows that are gone, because what is left of them would stand for all of them. */
function lateMinutes(marked: readonly number[], { minuteMs }: State, rowsFromMs: number): number[] {
  return marked.filter((minute) => minute < minuteMs && minute >= rowsFromMs).sort((a, b) => a - b);
}

/** What a step has done to the hours. */
interface Coarser {
  /** Recomputed in this transaction. */
  readonly hours: readonly Span[];
  readonly before: Reached;
  /** Until when there are hours now. */
  readonly hourMs: number;
}

/**
 * Makes the days of hours that were recomputed anew, and keeps the row of the day that is not over: what lies from its start to
 * the hour watermark.
 */
async function daysUntil(
  recompute: Recompute,
  which: 'singles' | 'pairs',
  { hours, before, hourMs }: Coarser,
): Promise<Reached> {
  const daysUntilMs = floorTo(hourMs, DAY_MS);
  const dayMs = Math.max(before.dayMs, daysUntilMs);
  await recompute.days(which, unitsOf(hours, DAY_MS, before.dayMs, daysUntilMs));
  // Hours that were set back run through days that are there already, until they reach the open one again.
  const isOpen = hourMs >= dayMs && hourMs < dayMs + DAY_MS;
  const openDayMs = isOpen ? hourMs : null;
  const changed = before.openDayMs !== openDayMs || hours.some(({ toMs }) => toMs > dayMs);
  if (isOpen && changed && hourMs > dayMs) await recompute.days(which, [{ fromMs: dayMs, toMs: hourMs }]);
  return { hourMs, dayMs, openDayMs };
}

/**
 * All rows that a cursor is about are read, so it is planned like any query; what it groups is held in memory as long as it is
 * some thousand groups.
 */
const BEGIN = `BEGIN; SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET LOCAL jit = off; SET LOCAL work_mem = '32MB';
  SET LOCAL cursor_tuple_fraction = 1; SET LOCAL bytea_output = 'hex'`;

async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query(BEGIN);
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more.
    throw error;
  }
}
