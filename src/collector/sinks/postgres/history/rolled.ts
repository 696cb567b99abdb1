import type { PoolClient } from 'pg';
import { type Dimension, sumsOf } from '../../../../core/history/measures.ts';
import type { HistoryQuery } from '../../../../core/history/query.ts';
import { type Reach, TIERS, type Tier } from '../rollup/cover.ts';
import { type Kind, kindFor, SHAPES } from '../rollup/shape.ts';

/** What a question reads of the rollups. */
export interface Rolled {
  readonly reach: Reach;
  /** The numbers of its kind, and of the kind of all rows. */
  readonly kind: number;
  readonly whole: number;
  /** Whether it is of two dimensions. */
  readonly isPair: boolean;
  /** Of the value that the question groups by, and of each that it filters by. */
  readonly columnOf: (dimension: Dimension) => 'value' | 'second';
  /** The column of a named sum; `NULL` where no rollup has it yet. */
  readonly sumColumn: (name: string) => string;
}

/** The kind of rollups that can answer, and which of them; none for a question that only rows can answer. */
export function tiersOf(query: HistoryQuery): {
  readonly kind: Kind | null;
  readonly tiers: readonly Tier[];
} {
  const { signal, measure, groupBy, filters } = query;
  const asked = [...new Set([...(groupBy === null ? [] : [groupBy]), ...Object.keys(filters)])];
  const { hourlyBy = [] } = SHAPES[signal].fields[measure.field] ?? {};
  const kind = kindFor(signal, measure.field, asked);
  const hourly = kind !== null && hourlyBy.includes(kind.dimension);
  if (kind === null || (hourly && measure.formula.kind === 'percentile')) return { kind: null, tiers: [] };
  return {
    kind,
    tiers: hourly || kind.second !== '' ? ['rollup_day', 'rollup_hour'] : TIERS.map(({ source }) => source),
  };
}

interface Row extends Record<Tier, Date | null> {
  readonly kind: number | null;
  readonly whole: number | null;
  readonly places: Readonly<Record<string, number>> | null;
}

const KIND = 'SELECT id FROM enterprise.rollup_kind WHERE signal = $1 AND field = $2';
/** Hours that were set back hold for two dimensions as well: what came late behind them is marked no more. */
const PAIR_HOURS =
  'CASE WHEN pair_hour_watermark > hour_watermark THEN hour_watermark ELSE pair_hour_watermark END';
/** An open day counts only while it reaches as far as the hours. */
const reached = (hours: string, days: string, open: string) =>
  `coalesce(CASE WHEN ${open} = ${hours} THEN ${open} END, ${days}) AS rollup_day, ${hours} AS rollup_hour`;
const REACHED = reached('hour_watermark', 'day_watermark', 'open_day_until');
const PAIRS_REACHED = reached(PAIR_HOURS, 'pair_day_watermark', 'pair_open_day_until');

/** How far the rollups reach that can answer; `null`: none can. */
export async function readRolled(client: PoolClient, query: HistoryQuery): Promise<Rolled | null> {
  const { kind, tiers } = tiersOf(query);
  if (kind === null) return null;
  const { dimension, second } = kind;
  const { rows } = await client.query<Row>(
    `SELECT ${second === '' ? REACHED : PAIRS_REACHED}, minute_watermark AS rollup_minute,
       (${KIND} AND dimension = $3 AND second = $4) AS kind, (${KIND} AND dimension = '' AND second = '') AS whole,
       (SELECT jsonb_object_agg(name, place) FROM enterprise.rollup_sum WHERE signal = $1) AS places
     FROM enterprise.nervecenter_rollup_state WHERE signal = $1`,
    [query.signal, query.measure.field, dimension, second],
  );
  const [row] = rows;
  if (row === undefined || row.kind === null || row.whole === null) return null;
  const { places } = row;
  return {
    reach: Object.fromEntries(tiers.flatMap((tier) => (row[tier] ? [[tier, row[tier].getTime()]] : []))),
    kind: row.kind,
    whole: row.whole,
    isPair: second !== '',
    columnOf: (asked) => (second !== '' && asked === second ? 'second' : 'value'),
    sumColumn: (name) => {
      const place = places?.[name];
      return place === undefined ? 'NULL::numeric' : `sum_${Number(place)}`;
    },
  };
}

/** The named sums that a question is about. */
export function sumNames({ measure }: HistoryQuery): string[] {
  const { part, whole } = sumsOf(measure.formula);
  return [part, whole].filter((name) => name !== null);
}
