import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, NOW, openHistory } from './fixture.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

it('tells how the values of each bucket are spread, from rollups and rows alike', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 400, 2);
  const ask = () =>
    store.history({ signal: 'rag-query', measure: 'p95', from: '-24h', step: '1h', bands: '12' });
  const fromRows = await ask();
  await store.rollup().step();
  const answer = await ask();
  assert.notEqual(answer.source, 'rows');
  assert.deepEqual(answer.distribution, fromRows.distribution);
  const { bounds = [], counts = [] } = answer.distribution ?? {};
  assert.equal(counts.length, answer.series[0]?.points.length);
  const rows = await store.sql<{ at: number; ms: number }>(
    'SELECT extract(epoch FROM timestamp)::float8 * 1000 AS at, total_ms AS ms FROM enterprise.rag_metrics',
  );
  const stepMs = answer.step_seconds * 1000;
  const expected = answer.series[0]?.points.map(([from]) =>
    bounds.slice(1).map((high, band) => {
      const low = bounds[band] ?? 0;
      return rows.filter(({ at, ms }) => at >= from && at < from + stepMs && ms > low && ms <= high).length;
    }),
  );
  assert.deepEqual(counts, expected);
  assert.equal((await store.history({ signal: 'rag-query', measure: 'p95' })).distribution, undefined);
});

it('has bands of ungrouped percentiles only', async (t) => {
  const store = await openHistory(t, server);
  const refused: readonly [Record<string, string>, RegExp][] = [
    [{ measure: 'avg', bands: '12' }, /bands: expected nothing, unless/],
    [{ measure: 'p95', bands: '12', group_by: 'department' }, /bands: expected nothing, unless/],
    [{ measure: 'p95', bands: '1' }, /bands: expected a whole number from 4 to 48, got "1"/],
    [{ measure: 'p95', bands: 'many' }, /bands: expected a whole number/],
  ];
  for (const [parameters, expected] of refused)
    await assert.rejects(async () => store.history({ signal: 'rag-query', ...parameters }), expected);
});

it('gives the slowest events of a time in one page', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 60, 2);
  const from = new Date(NOW - 86_400_000).toISOString();
  for (const [signal, table, column] of [
    ['request', 'request_metrics', 'response_time_ms'],
    ['llm-call', 'llm_call_metrics', 'elapsed_ms'],
    ['rag-query', 'rag_metrics', 'total_ms'],
    ['ws-session', 'ws_session_metrics', 'duration_ms'],
  ] as const) {
    const { events, next_cursor } = await store.events({ signal, from, limit: '5', order: 'slowest' });
    const expected = await store.sql<{ ms: number }>(
      `SELECT ${column} AS ms FROM enterprise.${table} WHERE timestamp >= $1 ORDER BY 1 DESC LIMIT 5`,
      [from],
    );
    assert.deepEqual(
      events.map((event) => event[column]),
      expected.map(({ ms }) => ms),
    );
    assert.equal(next_cursor, null);
  }
  const ask = (signal: string, more: Record<string, string>) => async () => store.events({ signal, ...more });
  await assert.rejects(ask('cache', { order: 'slowest' }), /order: expected newest, as these rows/);
  await assert.rejects(ask('request', { order: 'fastest' }), /order: expected newest, or slowest/);
  const { next_cursor } = await store.events({ signal: 'request', limit: '2' });
  await assert.rejects(
    ask('request', { order: 'slowest', cursor: next_cursor ?? '' }),
    /slowest without a cursor/,
  );
});
