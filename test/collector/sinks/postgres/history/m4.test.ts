import assert from 'node:assert/strict';
import { afterAll, beforeAll, it, type TestContext } from 'vitest';
import { MINUTE_MS } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { NOW, openHistory, type TestHistory } from './fixture.ts';

const ROW_MS = 15_000;
const HOUR_MS = 60 * MINUTE_MS;
const HALF_HOUR_MS = 30 * MINUTE_MS;
/** Six hours of a gauge, with half an hour without rows, and one row that is a spike. */
const FROM_MS = NOW - 6 * HOUR_MS;
const GAP = [FROM_MS + 2 * HOUR_MS, FROM_MS + 2.5 * HOUR_MS] as const;
const SPIKE_MS = FROM_MS + 4 * HOUR_MS + 5 * ROW_MS;

const ROWS = `SELECT extract(epoch FROM timestamp)::float8 * 1000 AS at, value FROM enterprise.system_metrics ORDER BY timestamp`;

interface Row {
  readonly at: number;
  readonly value: number;
}

type Ask = (changes?: Readonly<Record<string, string>>) => ReturnType<TestHistory['history']>;

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server?.stop();
});

/** A database with the gauge in it, and a question about all of it. */
async function openGauge(t: TestContext): Promise<TestHistory & { readonly ask: Ask }> {
  const store = await openHistory(t, server);
  await store.sql(
    `INSERT INTO enterprise.system_metrics (timestamp, metric_type, metric_name, value, unit, tags)
     SELECT at, 'cpu', 'cpu_percent', CASE WHEN at = to_timestamp($3::float8) THEN 99 ELSE 20 + 5 * sin(extract(epoch FROM at) / 97) END,
       'percent', '{}' FROM generate_series(to_timestamp($1::float8), to_timestamp($2::float8), interval '15 seconds') AS at
     WHERE at NOT BETWEEN to_timestamp($4::float8) AND to_timestamp($5::float8)`,
    [FROM_MS, NOW, SPIKE_MS, ...GAP].map((ms) => ms / 1000),
  );
  const asked = { signal: 'system', measure: 'value', metric: 'cpu_percent' };
  const range = { from: new Date(FROM_MS).toISOString(), to: new Date(NOW).toISOString() };
  return { ...store, ask: (changes = {}) => store.history({ ...asked, ...range, ...changes }) };
}

/** What M4 is by its definition: of each step the first, lowest, highest and last row. */
function byDefinition(rows: readonly Row[], stepMs: number): [number, number][] {
  const columns = new Map<number, Row[]>();
  for (const row of rows) {
    const column = Math.floor(row.at / stepMs);
    columns.set(column, [...(columns.get(column) ?? []), row]);
  }
  return [...columns.values()].flatMap((own) => {
    const byValue = own.toSorted((a, b) => a.value - b.value || a.at - b.at);
    const four = [own[0]!, byValue[0]!, byValue.at(-1)!, own.at(-1)!];
    return [...new Set(four)]
      .toSorted((a, b) => a.at - b.at)
      .map(({ at, value }): [number, number] => [at, value]);
  });
}

/** Lowest and highest of every half hour. */
function extremes(points: readonly (readonly [number, number])[]): Record<string, [number, number]> {
  const found: Record<string, [number, number]> = {};
  for (const [at, value] of points) {
    const column = new Date(Math.floor(at / HALF_HOUR_MS) * HALF_HOUR_MS).toISOString();
    const [low, high] = found[column] ?? [value, value];
    found[column] = [Math.min(low, value), Math.max(high, value)];
  }
  return found;
}

const known = (points: readonly (readonly [number, number | null])[]) =>
  points.filter((point): point is [number, number] => point[1] !== null);

it('is the rows themselves that draw the line, and a gap where there are none', async (t) => {
  const { ask, sql } = await openGauge(t);
  const rows = await sql<Row>(ROWS);
  const answer = await ask({ step: '10m' });
  assert.equal(answer.source, 'rows');
  const points = answer.series[0]?.points ?? [];
  assert.deepEqual(known(points), byDefinition(rows, 10 * MINUTE_MS));
  const gaps = points.filter(([, value]) => value === null).map(([at]) => at);
  assert.ok(gaps.length >= 2 && gaps.every((at) => at > GAP[0] - 10 * MINUTE_MS && at < GAP[1]));
  const times = points.map(([at]) => at);
  assert.ok(
    times.every((at, index) => index === 0 || at > (times[index - 1] ?? at)),
    'times grow',
  );
});

it('loses no spike over rollups, where the average loses it', async (t) => {
  const { ask, rollup, sql } = await openGauge(t);
  const rows = await sql<Row>(ROWS);
  await rollup().catchUp();
  const answer = await ask({ step: '30m' });
  assert.notEqual(answer.source, 'rows');
  const points = known(answer.series[0]?.points ?? []);
  const spike = points.find(([, value]) => value === 99);
  assert.ok(spike !== undefined && Math.abs(spike[0] - SPIKE_MS) <= MINUTE_MS);
  for (const [at, value] of points)
    assert.ok(value >= 15 - 1e-9 && at >= FROM_MS - 30 * MINUTE_MS && at <= NOW);
  assert.deepEqual(extremes(points), extremes(rows.map(({ at, value }) => [at, value])));
  const { series } = await ask({ step: '30m', measure: 'avg' });
  assert.ok(Math.max(...known(series[0]?.points ?? []).map(([, value]) => value)) < 30);
});

it('has steps of its own: as fine as a chart has columns, never finer than its rows', async (t) => {
  const { ask } = await openGauge(t);
  assert.equal((await ask()).step_seconds, 60);
  assert.equal((await ask({ from: '-30d' })).step_seconds, 7200);
  assert.equal((await ask({ from: '-5m', to: 'now' })).step_seconds, 60);
  assert.equal((await ask({ from: '-5m', to: 'now', measure: 'avg' })).step_seconds, 30);
  assert.throws(() => ask({ step: '10s' }), /at most 1000/);
});

it('tells instances apart, and has nothing where there is nothing', async (t) => {
  const { ask } = await openGauge(t);
  const { series } = await ask({ group_by: 'instance', step: '1h' });
  assert.deepEqual(
    series.map(({ group }) => group),
    [{ instance: null }],
  );
  const nothing = await ask({ metric: 'none', step: '1h' });
  assert.ok(nothing.series[0]?.points.every(([, value]) => value === null));
});
