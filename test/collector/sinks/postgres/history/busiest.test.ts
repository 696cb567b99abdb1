import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, openHistory } from './fixture.ts';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

it('groups of very many are the largest, and one of all others whose figures are theirs', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 3000);
  await store.rollup().catchUp();
  for (const [measure, exact] of [
    ['cost', 'sum(coalesce(cost_exact_usd, cost_usd))'],
    ['avg', 'avg(elapsed_ms)'],
    [
      'error_rate',
      `100.0 * count(*) FILTER (WHERE outcome = 'error' OR (outcome IS NULL AND NOT success)) / count(*)`,
    ],
  ] as const) {
    const answer = await store.history({
      signal: 'llm-call',
      measure,
      from: '-30d',
      step: 'all',
      group_by: 'user',
    });
    assert.equal(answer.source, 'rollup_day');
    const shown = answer.series.map(({ group }) => group['user'] ?? '');
    const [row] = await store.sql<{ exact: number }>(
      `SELECT (${exact})::float8 AS exact FROM enterprise.llm_call_metrics
       WHERE timestamp >= $1 AND timestamp < $2 AND coalesce(user_email, '') <> ALL ($3)`,
      [answer.from, answer.to, shown],
    );
    const others = answer.series.find(({ group }) => group['user'] === '<other>')?.points[0]?.[1];
    assert.equal(answer.series.length, 51);
    assert.ok(
      Math.abs((others ?? 0) - (row?.exact ?? Number.NaN)) < 1e-6,
      `${measure}: ${others}, ${row?.exact}`,
    );
  }
});
