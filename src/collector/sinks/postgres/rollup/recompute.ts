import type { PoolClient } from 'pg';
import { VALUE } from '../../../../core/history/measures.ts';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS } from '../../../../core/units.ts';
import { aggregateRollups, aggregateRows } from './aggregate.ts';
import type { Tier } from './cover.ts';
import { OPEN_DAY, SHAPES } from './shape.ts';

/** Milliseconds since the epoch, exclusive of the end. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const INTO = '(signal, field, dimension, bucket, value, count, sum, min, max, histogram, sums)';

/** Makes the minutes of some spans anew from the rows. Spans are whole minutes. */
export async function recomputeMinutes(
  client: PoolClient,
  signal: SignalName,
  spans: readonly Span[],
): Promise<void> {
  if (spans.length === 0) return;
  await client.query(deletion('rollup_minute'), [signal, ...rangesOf(spans), ...keysOf(signal)]);
  for (const [name, { rolledBy }] of Object.entries(SHAPES[signal].fields)) {
    await insertFromRows(client, {
      signal,
      name,
      tier: 'rollup_minute',
      dimensions: ['', ...rolledBy],
      spans,
    });
  }
}

/** Makes the hours of some spans anew: from the minutes, which are right by then, and by the hour from the rows. */
export async function recomputeHours(
  client: PoolClient,
  signal: SignalName,
  spans: readonly Span[],
): Promise<void> {
  if (spans.length === 0) return;
  await recomputeFrom(client, signal, { from: 'rollup_minute', into: 'rollup_hour', unit: '1 hour', spans });
  for (const [name, { hourlyBy = [] }] of Object.entries(SHAPES[signal].fields)) {
    if (hourlyBy.length === 0) continue;
    await insertFromRows(client, { signal, name, tier: 'rollup_hour', dimensions: hourlyBy, spans });
  }
}

/** Makes the days (UTC) of some spans anew from the hours, which are right by then. */
export async function recomputeDays(
  client: PoolClient,
  signal: SignalName,
  spans: readonly Span[],
): Promise<void> {
  if (spans.length === 0) return;
  await recomputeFrom(client, signal, { from: 'rollup_hour', into: 'rollup_day', unit: '1 day', spans });
}

/** What a step leaves behind. Milliseconds since the epoch. */
interface OpenDay {
  /** Recomputed in this transaction. */
  readonly hours: readonly Span[];
  /** The new watermarks of hours and days. */
  readonly hourMs: number;
  readonly dayMs: number;
}

/**
 * Keeps the row of the day that is not over: what lies from its start to the hour watermark, made anew from the hours
 * whenever one of them is. To be called in every step, in the transaction of the hours.
 */
export async function rollUpOpenDay(
  client: PoolClient,
  signal: SignalName,
  { hours, hourMs, dayMs }: OpenDay,
): Promise<void> {
  const reachedMs = await readReached(client, signal);
  // Hours that were set back run through days that are there already, until they reach the open one again.
  const isOpen = hourMs >= dayMs && hourMs < dayMs + DAY_MS;
  const untilMs = isOpen ? hourMs : null;
  const changed = reachedMs !== untilMs || hours.some(({ toMs }) => toMs > dayMs);
  if (isOpen && changed) await recomputeDays(client, signal, [{ fromMs: dayMs, toMs: hourMs }]);
  if (reachedMs !== untilMs) await writeReached(client, signal, untilMs);
}

async function readReached(client: PoolClient, signal: SignalName): Promise<number | null> {
  const { rows } = await client.query<{ bucket: Date }>(
    `SELECT bucket FROM enterprise.rollup_day open WHERE ${OPEN_DAY}`,
    [signal],
  );
  return rows[0]?.bucket.getTime() ?? null;
}

async function writeReached(client: PoolClient, signal: SignalName, untilMs: number | null): Promise<void> {
  await client.query(`DELETE FROM enterprise.rollup_day open WHERE ${OPEN_DAY}`, [signal]);
  if (untilMs === null) return;
  await client.query(
    `INSERT INTO enterprise.rollup_day (signal, field, dimension, bucket, value, count) VALUES ($1, '', '', $2, '', 0)`,
    [signal, new Date(untilMs)],
  );
}

/** Every field and dimension a signal is rolled up by: with them the primary key leads straight to a span. */
export function keysOf(signal: SignalName): [string[], string[]] {
  const fields = Object.entries(SHAPES[signal].fields);
  const dimensions = fields.flatMap(([, { rolledBy, hourlyBy = [] }]) => [...rolledBy, ...hourlyBy]);
  return [fields.map(([name]) => name), [...new Set(['', ...dimensions])]];
}

interface FromRows {
  readonly signal: SignalName;
  /** Of the field. */
  readonly name: string;
  readonly tier: 'rollup_minute' | 'rollup_hour';
  readonly dimensions: readonly string[];
  readonly spans: readonly Span[];
}

async function insertFromRows(client: PoolClient, options: FromRows): Promise<void> {
  const { signal, name, tier, dimensions, spans } = options;
  const shape = SHAPES[signal];
  const field = shape.fields[name];
  if (field === undefined) return;
  const minutes = tier === 'rollup_minute';
  const rows = aggregateRows(shape, field, {
    bucket: `date_bin('${minutes ? '1 minute' : '1 hour'}', r.timestamp, 'epoch'::timestamptz)`,
    dimensions: dimensions.map((dimension) => ({
      name: dimension,
      value: dimension === '' ? `''` : (shape.dimensions[dimension] ?? 'NULL'),
    })),
    // Sums belong to the row, not to one of its further distributions.
    sums: name === VALUE ? Object.keys(shape.sums) : [],
    histogram: minutes,
    from: `unnest($3::timestamptz[], $4::timestamptz[]) AS spans(starts, ends)
      JOIN ${shape.table} r ON r.timestamp >= spans.starts AND r.timestamp < spans.ends`,
    where: 'true',
  });
  await client.query(
    `INSERT INTO enterprise.${tier} ${INTO}
     SELECT $1::text, $2::text, dimension, bucket, value, count, sum, min, max, histogram, sums FROM (${rows}) AS rolled`,
    [signal, name, ...rangesOf(spans)],
  );
}

interface FromRollups {
  readonly from: Tier;
  readonly into: Tier;
  readonly unit: '1 hour' | '1 day';
  readonly spans: readonly Span[];
}

async function recomputeFrom(
  client: PoolClient,
  signal: SignalName,
  { from, into, unit, spans }: FromRollups,
): Promise<void> {
  const key = [signal, ...rangesOf(spans), ...keysOf(signal)];
  await client.query(deletion(into), key);
  const sums = Object.keys(SHAPES[signal].sums);
  await client.query(`INSERT INTO enterprise.${into} ${INTO} ${aggregateRollups({ from, unit, sums })}`, key);
}

/** `$1` signal, `$2` and `$3` spans, `$4` and `$5` what `keysOf` gives. */
function deletion(table: Tier): string {
  return `DELETE FROM enterprise.${table} rolled
    USING unnest($2::timestamptz[], $3::timestamptz[]) AS spans(starts, ends)
    WHERE rolled.signal = $1 AND rolled.field = ANY ($4::text[]) AND rolled.dimension = ANY ($5::text[])
      AND rolled.bucket >= spans.starts AND rolled.bucket < spans.ends`;
}

function rangesOf(spans: readonly Span[]): [Date[], Date[]] {
  return [spans.map(({ fromMs }) => new Date(fromMs)), spans.map(({ toMs }) => new Date(toMs))];
}
