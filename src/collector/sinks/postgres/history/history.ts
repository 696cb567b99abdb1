import type { PoolClient } from 'pg';
import type { Dimension } from '../../../../core/history/measures.ts';
import type { HistoryAnswer, HistoryQuery, HistorySource } from '../../../../core/history/query.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import { coverOf, type Reach, type Stretch, TIERS, type Tier } from '../rollup/cover.ts';
import { OPEN_DAY, SHAPES } from '../rollup/shape.ts';
import { answerOf, type Cell } from './answer.ts';
import { FirstRow } from './first-row.ts';
import { type M4Cell, m4AnswerOf, m4Sql } from './m4.ts';
import { reading } from './reading.ts';
import { historySql } from './sql.ts';

const TIMEOUT_MS = 10 * SECOND_MS;

/** Answers from rollups as far as they are exact for the question, for the rest from the rows themselves. */
export function createHistory(lend: Lend): (query: HistoryQuery) => Promise<HistoryAnswer> {
  const firstRow = new FirstRow();
  return async (query) => {
    return lend((client) =>
      reading(client, TIMEOUT_MS, async () => {
        const firstRowMs = await firstRow.read(client, query.nowMs);
        const stretches = coverOf(query.buckets.boundariesMs, await readReach(client, query));
        const told = { source: coarsest(stretches), firstRowMs };
        if (query.measure.formula.kind === 'm4') {
          const { text, values } = m4Sql(query, stretches);
          return m4AnswerOf(query, told, (await client.query<M4Cell>(text, values)).rows);
        }
        const { text, values } = historySql(query, stretches);
        return answerOf(query, told, (await client.query<Cell>(text, values)).rows);
      }),
    );
  };
}

/** The rollups that can answer: they know one dimension at a time, and those by the hour no percentiles. */
export function tiersOf({ signal, measure, groupBy, filters }: HistoryQuery): readonly Tier[] {
  const asked = new Set([...(groupBy === null ? [] : [groupBy]), ...(Object.keys(filters) as Dimension[])]);
  const [dimension, ...more] = asked;
  const { rolledBy = [], hourlyBy = [] } = SHAPES[signal].fields[measure.field] ?? {};
  if (more.length > 0) return [];
  if (dimension === undefined || rolledBy.includes(dimension)) return TIERS.map(({ source }) => source);
  const hourly = hourlyBy.includes(dimension) && measure.formula.kind !== 'percentile';
  return hourly ? ['rollup_day', 'rollup_hour'] : [];
}

async function readReach(client: PoolClient, query: HistoryQuery): Promise<Reach> {
  const tiers = tiersOf(query);
  if (tiers.length === 0) return {};
  const { rows } = await client.query<Record<Tier, Date | null>>(
    `SELECT coalesce(open.bucket, day_watermark) AS rollup_day, hour_watermark AS rollup_hour, minute_watermark AS rollup_minute
     FROM enterprise.nervecenter_rollup_state
     LEFT JOIN enterprise.rollup_day open ON ${OPEN_DAY} AND open.bucket = hour_watermark
     WHERE nervecenter_rollup_state.signal = $1`,
    [query.signal],
  );
  const [reached] = rows;
  return Object.fromEntries(
    tiers.flatMap((tier) => (reached?.[tier] ? [[tier, reached[tier].getTime()]] : [])),
  );
}

function coarsest(stretches: readonly Stretch[]): HistorySource {
  return TIERS.find((tier) => stretches.some(({ source }) => source === tier.source))?.source ?? 'rows';
}
