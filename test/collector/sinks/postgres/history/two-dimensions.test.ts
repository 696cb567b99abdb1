import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { pairsOf, SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import { PERCENTILE_ERROR_BOUND } from '../../../../../src/core/histogram.ts';
import { HISTORY } from '../../../../../src/core/history/catalogue.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { assertPoints, CLOSE, exactly } from './exact.ts';
import { fill, openHistory, type TestHistory } from './fixture.ts';

let server: TestPostgres;
let store: TestHistory;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startPostgres();
  store = await openHistory({ onTestFinished: (work) => cleanUp.push(work as () => unknown) }, server);
  await fill(store, 4000);
  assert.equal(await store.rollup().catchUp(), 'done');
});
afterAll(async () => {
  for (const work of cleanUp) await work();
  await server.stop();
});

describe('two dimensions', () => {
  const MEASURES: Readonly<Record<string, string>> = {
    count: 'count(*)',
    sum: 'sum(VALUE)',
    max: 'max(VALUE)',
    p95: 'percentile_disc(0.95) WITHIN GROUP (ORDER BY VALUE)',
    cost: 'sum(coalesce(cost_exact_usd, cost_usd))',
  };
  /** Groups and filters of every pair that is rolled up, each way round, and both as filters. */
  for (const signal of ['request', 'llm-call', 'ws-session'] as const) {
    const { dimensions, fields } = SHAPES[signal];
    const pairs = pairsOf(fields['value'] ?? assert.fail());
    for (const [first, second] of pairs.flatMap(([a, b]) => [
      [a, b],
      [b, a],
    ])) {
      it(`${signal} by ${first} of one ${second} come from rollups and agree with the rows`, async () => {
        const textOf = (name = '') => `coalesce((${dimensions[name]})::text, '')`;
        const [some] = await store.sql<{ a: string; b: string }>(
          `SELECT ${textOf(first)} AS a, ${textOf(second)} AS b FROM ${SHAPES[signal].table} r GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT 1`,
        );
        const { a = '', b = '' } = some ?? {};
        const where = `${textOf(first)} = ${quoted(a)} AND ${textOf(second)} = ${quoted(b)}`;
        for (const [measure, expression] of Object.entries(MEASURES)) {
          if (!(measure in HISTORY[signal].measures)) continue;
          const ask = { signal, measure, from: '-30d', step: '1d', tz: 'America/New_York' };
          const tolerance = measure === 'p95' ? PERCENTILE_ERROR_BOUND : CLOSE;
          const both = await store.history({ ...ask, [first ?? '']: a, [second ?? '']: b });
          assert.match(both.source, /^rollup_/);
          const expected = await exactly(
            store,
            both,
            expression.replaceAll('VALUE', fields['value']?.value ?? ''),
            {
              where,
            },
          );
          assertPoints(both, expected, tolerance);
          const grouped = await store.history({ ...ask, group_by: first ?? '', [second ?? '']: b });
          assert.match(grouped.source, /^rollup_/);
          const own = grouped.series.filter(({ group }) => (group[first ?? ''] ?? '') === a);
          assertPoints({ ...grouped, series: own }, expected, tolerance);
        }
      });
    }
  }

  function quoted(text: string): string {
    return `'${text.replaceAll("'", "''")}'`;
  }
});
