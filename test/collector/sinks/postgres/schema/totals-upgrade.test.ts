import assert from 'node:assert/strict';
import type { Client, PoolClient } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import {
  migrate,
  readMigrations,
  rollBack,
} from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { storedEarlier } from '../../../../../src/collector/sinks/postgres/totals/earlier.ts';
import { VALUE } from '../../../../../src/core/history/measures.ts';
import { DAY_MS, HOUR_MS } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, NOW } from '../history/fixture.ts';

/** The last migration before totals had a table. */
const BEFORE = 16;
const NUMERIC_ROLLUPS = 21;
const ROWS = 1500;
const HOUR_OF_NOW = Math.floor(NOW / HOUR_MS) * HOUR_MS;
/** Everything before it is in the bucket `-infinity`, and rows stay for half a day longer. */
const FOLDED = at(HOUR_OF_NOW - 20 * DAY_MS);
const GONE = at(HOUR_OF_NOW - 20.5 * DAY_MS);
/** In hours that are rolled up. */
const LATE = at(HOUR_OF_NOW - 5 * DAY_MS + 1234);
const TABLES = ['request_metrics', 'llm_call_metrics', 'rag_metrics', 'cache_metrics', 'ws_session_metrics'];
const PROVIDER_MODEL = 'provider_model';
const FOLDED_BY = `('request', 'endpoint'), ('llm-call', '${PROVIDER_MODEL}'), ('rag-query', ''), ('cache', 'cache'), ('ws-session', '')`;

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

function at(ms: number): string {
  return `to_timestamp(${ms / 1000})`;
}

/** What that version did not know and today's rollup looks at. */
const LOOKED_AT = new Set(['spans', 'request_outcome', 'numeric_rollups', 'rows_from']);
const asBefore = () => readMigrations().filter(({ number, name }) => number <= BEFORE || LOOKED_AT.has(name));

/** Rows of every signal, rolled up but for the last hours, folded where they are old, and some that came late. */
async function fillAsBefore(client: Client): Promise<void> {
  await migrate(client, asBefore());
  const sql = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await client.query<T>(text, values)).rows;
  await fill({ sql } as Parameters<typeof fill>[0], ROWS);
  const lend = <T>(work: (one: PoolClient) => Promise<T>): Promise<T> =>
    work(client as unknown as PoolClient);
  const rollup = new Rollup({ lend, now: () => NOW - 3 * HOUR_MS, retentionMs: () => 400 * DAY_MS });
  assert.equal(await rollup.catchUp(), 'done');
  // Rollups as text, as they were then.
  await rollBack(client, NUMERIC_ROLLUPS - 1);
  await rollUpModels(client);
  await fold(client);
  await addLateRows(client);
}

/** As versions up to then rolled up model calls, but for distributions, which totals do not have. */
async function rollUpModels(client: Client): Promise<void> {
  const { table, sums } = SHAPES['llm-call'];
  const added = Object.entries(sums).map(([name, expression]) => `'${name}', sum(${expression})`);
  for (const unit of ['minute', 'hour']) {
    await client.query(
      `INSERT INTO enterprise.rollup_${unit} (signal, field, dimension, bucket, value, count, sums)
       SELECT 'llm-call', '${VALUE}', '${PROVIDER_MODEL}', date_bin('1 ${unit}', r.timestamp, 'epoch'::timestamptz),
         json_build_array(r.provider, r.model)::text, count(*), jsonb_build_object(${added.join(', ')})
       FROM ${table} r JOIN enterprise.nervecenter_rollup_state ON signal = 'llm-call'
       WHERE r.timestamp < ${unit}_watermark GROUP BY 4, 5`,
    );
  }
}

/** As versions up to then kept what old hours add up to; all rows are kept aside as well. */
async function fold(client: Client): Promise<void> {
  for (const table of TABLES) {
    await client.query(`CREATE TABLE all_${table} AS SELECT * FROM enterprise.${table}`);
    await client.query(`DELETE FROM enterprise.${table} WHERE timestamp < ${GONE}`);
  }
  await client.query(`
    WITH gone AS (DELETE FROM enterprise.rollup_hour WHERE bucket < ${FOLDED} RETURNING *),
    wanted AS (SELECT * FROM gone WHERE field = '${VALUE}' AND (signal, dimension) IN (${FOLDED_BY})),
    counted AS (SELECT signal, dimension, value, sum(count) AS count FROM wanted GROUP BY 1, 2, 3),
    summed AS (
      SELECT signal, dimension, value, jsonb_object_agg(name, total) AS sums FROM (
        SELECT signal, dimension, wanted.value, each.key AS name, sum(each.value::numeric) AS total
        FROM wanted CROSS JOIN LATERAL jsonb_each_text(sums) AS each GROUP BY 1, 2, 3, 4) AS named
      GROUP BY 1, 2, 3)
    INSERT INTO enterprise.rollup_hour (signal, field, dimension, bucket, value, count, sums)
    SELECT signal, '${VALUE}', dimension, '-infinity', value, count, sums FROM counted JOIN summed USING (signal, dimension, value)`);
  await client.query(
    `UPDATE enterprise.nervecenter_rollup_state SET folded_until = ${FOLDED} WHERE signal <> 'system'`,
  );
}

/** Stored with the marks of their minutes, and not rolled up yet. */
async function addLateRows(client: Client): Promise<void> {
  const late = `
    INSERT INTO TO.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
      VALUES (${LATE}, '/late', 'GET', 503, 1), (${LATE}, '/a', 'GET', 200, 1);
    INSERT INTO TO.llm_call_metrics (timestamp, model, provider, elapsed_ms, cost_exact_usd, outcome, reasoning_tokens)
      VALUES (${LATE}, 'late', 'openai', 1, 0.00000001, 'ok', 7), (${LATE}, 'gpt-4o', 'openai', 1, NULL, 'ok', NULL);
    INSERT INTO TO.rag_metrics (timestamp, total_ms, chunks_retrieved) VALUES (${LATE}, 1, 0);
    INSERT INTO TO.cache_metrics (timestamp, cache_type, hits, misses) VALUES (${LATE}, 'late', 1, 0);
    INSERT INTO TO.ws_session_metrics (timestamp, path, duration_ms, messages_out, bytes_out) VALUES (${LATE}, '/late', 1, 3, 4);`;
  await client.query(late.replaceAll('TO.', 'enterprise.'));
  await client.query(late.replaceAll('TO.', 'public.all_'));
  await client.query(`
    INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
    SELECT signal, ARRAY[date_bin('1 minute', ${LATE}, 'epoch'::timestamptz), 'infinity']
    FROM enterprise.nervecenter_rollup_state`);
}

type Row = Readonly<Record<string, number | string | boolean | null>>;
type Figures = readonly [count: number, sum: number, zeros: number];

/** What rows add up to, one by one: a second way to say what the migration says in SQL. */
class Expected {
  readonly #series = new Map<string, [number, number, number]>();

  add(metric: string, attributes: object, [count, sum, zeros]: Figures): void {
    const key = keyOf(metric, attributes);
    const known = this.#series.get(key) ?? [0, 0, 0];
    this.#series.set(key, [known[0] + count, known[1] + sum, known[2] + zeros]);
  }

  get figures(): Map<string, Figures> {
    return rounded([...this.#series].filter(([, [count, sum]]) => count > 0 || sum > 0));
  }
}

function keyOf(metric: string, attributes: object): string {
  return `${metric} ${JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}

function rounded(series: readonly (readonly [string, Figures])[]): Map<string, Figures> {
  const entries = series.map(([key, [count, sum, zeros]]): [string, Figures] => [
    key,
    [count, Number(sum.toFixed(8)), zeros],
  ]);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const once: Figures = [1, 0, 0];
const sumOf = (value: unknown): Figures => [0, Number(value ?? 0), 0];
const inAll = (holds: boolean): Figures => [0, holds ? 1 : 0, 0];

function addRequest(expected: Expected, row: Row): void {
  const failed = Number(row['status_code']) >= 400 ? { 'http.response.status_code': 400 } : {};
  expected.add('http.server.request.duration', { 'http.route': row['endpoint'], ...failed }, once);
}

function addCall(expected: Expected, row: Row): void {
  const model = { 'gen_ai.provider.name': row['provider'], 'gen_ai.request.model': row['model'] };
  const outcome = row['outcome'] ?? (row['success'] ? 'ok' : 'error');
  const cost = row['cost_exact_usd'] ?? row['cost_usd'] ?? null;
  const billed = outcome === 'ok' || row['total_tokens'] !== null;
  const errors: Record<string, object> = {
    error: { 'error.type': '_OTHER' },
    aborted: { 'error.type': 'aborted' },
  };
  expected.add('gen_ai.client.operation.duration', { ...model, ...errors[String(outcome)] }, once);
  const tokens = { ...model, 'gen_ai.token.modality': 'unknown' };
  for (const [name, column] of [
    ['input_tokens', 'prompt_tokens'],
    ['output_tokens', 'completion_tokens'],
    ['cache_read.input_tokens', 'cached_tokens'],
    ['reasoning.output_tokens', 'reasoning_tokens'],
  ] as const) {
    expected.add(`gen_ai.client.inference.usage.${name}`, tokens, sumOf(row[column]));
  }
  const counters: readonly (readonly [string, Figures])[] = [
    ['nervecenter.llm.cost', sumOf(cost)],
    ['nervecenter.llm.cache_savings', sumOf(row['cache_savings_usd'])],
    ['nervecenter.llm.unpriced_calls', inAll(cost === null && billed)],
    ['nervecenter.llm.estimated_calls', inAll(row['usage_source'] === 'estimated')],
    ['nervecenter.llm.rate_limited_calls', inAll(row['status_code'] === 429)],
  ];
  for (const [metric, figures] of counters) expected.add(metric, model, figures);
}

function addQuery(expected: Expected, row: Row): void {
  const failed = row['outcome'] === 'error';
  expected.add('nervecenter.rag.query.duration', failed ? { 'error.type': '_OTHER' } : {}, once);
  const chunks = row['chunks_retrieved'];
  if (!failed && chunks !== null) {
    expected.add('nervecenter.rag.chunks', {}, [1, Number(chunks), chunks === 0 ? 1 : 0]);
  }
}

function addLookUps(expected: Expected, row: Row): void {
  for (const [result, column] of [
    ['hit', 'hits'],
    ['miss', 'misses'],
  ] as const) {
    const attributes = { 'cache.name': row['cache_type'], 'cache.result': result };
    expected.add('nervecenter.cache.requests', attributes, sumOf(row[column]));
  }
}

function addSession(expected: Expected, row: Row): void {
  expected.add('nervecenter.websocket.connections.opened', {}, inAll(true));
  for (const [direction, way] of [
    ['receive', 'in'],
    ['transmit', 'out'],
  ] as const) {
    const attributes = { 'network.io.direction': direction };
    expected.add('nervecenter.websocket.messages', attributes, sumOf(row[`messages_${way}`]));
    expected.add('nervecenter.websocket.bytes', attributes, sumOf(row[`bytes_${way}`]));
  }
}

const ADD = [addRequest, addCall, addQuery, addLookUps, addSession];

async function expectedOf(client: Client, prefix: string): Promise<Map<string, Figures>> {
  const expected = new Expected();
  for (const [index, table] of TABLES.entries()) {
    const { rows } = await client.query<{ row: Row }>(
      `SELECT to_jsonb(t) AS row FROM ${prefix}${table} AS t`,
    );
    for (const { row } of rows) ADD[index]?.(expected, row);
  }
  return expected.figures;
}

async function totalsOf(client: Client): Promise<Map<string, Figures>> {
  const { rows } = await client.query('SELECT * FROM enterprise.totals');
  return rounded(
    rows.map(({ metric, attributes, count, sum, zero_count: zeros }) => [
      keyOf(metric, attributes),
      [count, sum, zeros],
    ]),
  );
}

test('a filled database of the version before gets totals of everything there ever was', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    const expected = await expectedOf(client, 'all_');
    await migrate(client);
    assert.deepEqual(await totalsOf(client), expected);
    const { totals } = await storedEarlier(client);
    assert.equal(totals.length, expected.size, 'every total is one of an instrument that there is');
  });
});

test('nothing is left of what was kept for totals before, and history counts as it did', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    const others = `SELECT * FROM enterprise.rollup_hour WHERE isfinite(bucket) AND dimension <> '${PROVIDER_MODEL}' ORDER BY 1, 2, 3, 4, 5`;
    const { rows: before } = await client.query(others);
    await migrate(client);
    assert.deepEqual((await client.query(others)).rows, before);
    const { rows } = await client.query(
      `SELECT dimension, bucket FROM enterprise.rollup_hour WHERE NOT isfinite(bucket) OR dimension = '${PROVIDER_MODEL}'
       UNION ALL SELECT dimension, bucket FROM enterprise.rollup_minute WHERE dimension = '${PROVIDER_MODEL}'`,
    );
    assert.deepEqual(rows, []);
  });
});

test('without rollups, and undone and done again, totals are those of the rows that are left', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    await client.query(
      'TRUNCATE enterprise.rollup_minute, enterprise.rollup_hour, enterprise.nervecenter_rollup_state',
    );
    const expected = await expectedOf(client, 'enterprise.');
    await migrate(client);
    assert.deepEqual(await totalsOf(client), expected);
    await rollBack(client, BEFORE);
    await migrate(client);
    assert.deepEqual(await totalsOf(client), expected);
  });
});
