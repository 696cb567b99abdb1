import type { HistoryAnswer, HistoryQuery, HistorySource } from '../../../../core/history/query.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import { coverOf, type Stretch, TIERS } from '../rollup/cover.ts';
import { answerOf, type Cell } from './answer.ts';
import { FirstRow } from './first-row.ts';
import { type M4Cell, m4AnswerOf, m4Sql } from './m4.ts';
import { reading } from './reading.ts';
import { readRolled } from './rolled.ts';
import { historySql } from './sql.ts';

const TIMEOUT_MS = 10 * SECOND_MS;

/** Answers from rollups as far as they are exact for the question, for the rest from the rows themselves. */
export function createHistory(lend: Lend): (query: HistoryQuery) => Promise<HistoryAnswer> {
  const firstRow = new FirstRow();
  return async (query) => {
    return lend((client) =>
      reading(client, TIMEOUT_MS, async () => {
        const firstRowMs = await firstRow.read(client, query.nowMs);
        const rolled = await readRolled(client, query);
        const stretches = coverOf(query.buckets.boundariesMs, rolled?.reach ?? {});
        const told = { source: coarsest(stretches), firstRowMs };
        if (query.measure.formula.kind === 'm4') {
          const { text, values } = m4Sql(query, stretches, rolled);
          return m4AnswerOf(query, told, (await client.query<M4Cell>(text, values)).rows);
        }
        const { text, values } = historySql(query, stretches, rolled);
        return answerOf(query, told, (await client.query<Cell>(text, values)).rows);
      }),
    );
  };
}

function coarsest(stretches: readonly Stretch[]): HistorySource {
  return TIERS.find((tier) => stretches.some(({ source }) => source === tier.source))?.source ?? 'rows';
}
