// History over five million rows in every table: filled, rolled up, asked. Takes half an hour and 20 GB, so it runs only when
// it is named.
import { readFileSync } from 'node:fs';
import { Pool } from 'pg';
import type { Lend } from '../src/collector/sinks/postgres/connect/lend.ts';
import { createHistory } from '../src/collector/sinks/postgres/history/history.ts';
import { Rollup } from '../src/collector/sinks/postgres/rollup/rollup.ts';
import { migrate } from '../src/collector/sinks/postgres/schema/migrate.ts';
import { parseHistoryQuery } from '../src/core/history/parameters.ts';
import type { HistoryAnswer } from '../src/core/history/query.ts';
import { DAY_MS, SECOND_MS } from '../src/core/units.ts';
import { startPostgres } from '../test/support/postgres.ts';
import type { Figure } from './figure.ts';
import { fillTables, TABLE_NAMES } from './history-rows.ts';
import { cpuMs, median, quantile, round } from './measure.ts';

const ROWS = 5_000_000;
const ROUNDS = 15;
const BUDGET_MS = 50;
const BESIDE_BUDGET_MS = 150;
const ROLLUP_BYTES_MAX = 45;
const CATCH_UP_ROWS_PER_SECOND_MIN = 50_000;
const RANGES = ['-1h', '-24h', '-30d'];

/** What a dashboard of history shows. */
const VIEWS: readonly Readonly<Record<string, string>>[] = [
  { signal: 'request', measure: 'p95' },
  { signal: 'request', measure: 'error_rate' },
  { signal: 'request', measure: 'p95', group_by: 'endpoint' },
  { signal: 'request', measure: 'count', group_by: 'status_class' },
  { signal: 'request', measure: 'count', group_by: 'user' },
  { signal: 'llm-call', measure: 'p95', group_by: 'model' },
  { signal: 'llm-call', measure: 'cost', group_by: 'model' },
  { signal: 'llm-call', measure: 'cost', group_by: 'department' },
  { signal: 'llm-call', measure: 'cost', group_by: 'user' },
  { signal: 'rag-query', measure: 'p95', group_by: 'stage' },
  { signal: 'cache', measure: 'hit_rate', group_by: 'cache' },
  { signal: 'system', measure: 'avg', metric: 'metric_3' },
  { signal: 'ws-session', measure: 'p95' },
];
/** What people may ask beside that: by two dimensions, and in days of another zone, which are made of hours. */
const BESIDE: readonly Readonly<Record<string, string>>[] = [
  { signal: 'request', measure: 'p95', group_by: 'endpoint', step: '1d', tz: 'America/New_York' },
  { signal: 'request', measure: 'p95', endpoint: '/api/resources/3/:id', department: 'sales' },
  { signal: 'request', measure: 'p95', group_by: 'endpoint', department: 'sales' },
  {
    signal: 'llm-call',
    measure: 'cost',
    group_by: 'model',
    department: 'sales',
    step: '1d',
    tz: 'America/New_York',
  },
];

interface Ask {
  (parameters: Readonly<Record<string, string>>): Promise<HistoryAnswer>;
  /** CPU time that this process and its server's have used, in milliseconds: others on the machine are not in it. */
  cpuMs(): number;
}

interface Timed {
  readonly times: readonly number[];
  /** Of one answer. */
  readonly cpuMs: number;
}

const TICK_MS = 10;

export async function run(): Promise<Figure[]> {
  const server = await startPostgres();
  try {
    const { env } = await server.createDatabase();
    const { PGHOST = '', PGPORT, PGUSER = '', PGDATABASE = '' } = env;
    const pool = new Pool({ host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE, max: 2 });
    await lendOf(pool)(migrate);
    const nowMs = Date.now();
    await fillTables(pool, { rows: ROWS, nowMs });
    const rollup = new Rollup({ lend: lendOf(pool), now: () => nowMs, retentionMs: () => 400 * DAY_MS });
    const begin = performance.now();
    await rollup.catchUp();
    const seconds = (performance.now() - begin) / SECOND_MS;
    await pool.query('VACUUM ANALYZE');
    const figures = [...(await measure(pool, nowMs)), catchUpFigure(seconds)];
    await pool.end();
    return figures;
  } finally {
    await server.stop();
  }
}

/** The figures of a database that is filled and rolled up. */
export async function measure(pool: Pool, nowMs: number): Promise<Figure[]> {
  const history = createHistory(lendOf(pool));
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const ask: Ask = Object.assign(
    (parameters: Readonly<Record<string, string>>) =>
      history(parseHistoryQuery(new URLSearchParams(parameters), nowMs)),
    { cpuMs: () => cpuMs() + serverCpuMs(rows[0]?.pid) },
  );
  const figures: Figure[] = [];
  for (const from of RANGES) figures.push(await viewsFigure(ask, from));
  for (const view of BESIDE) figures.push(await besideFigure(ask, view));
  figures.push(await exactFigure(pool, ask), ...(await sizeFigures(pool)));
  return figures;
}

function lendOf(pool: Pool): Lend {
  return async (work) => {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  };
}

const nameOf = (view: Readonly<Record<string, string>>) => Object.values(view).join(' ');

/** Of the one connection that asks; not a number where there is no /proc. */
function serverCpuMs(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}

async function timed(ask: Ask, view: Readonly<Record<string, string>>): Promise<Timed> {
  await ask(view);
  const times: number[] = [];
  const before = ask.cpuMs();
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    await ask(view);
    times.push(performance.now() - begin);
  }
  return { times, cpuMs: (ask.cpuMs() - before) / ROUNDS };
}

async function viewsFigure(ask: Ask, from: string): Promise<Figure> {
  const medians: { name: string; ms: number; cpu: number }[] = [];
  const all: number[] = [];
  for (const view of VIEWS) {
    const { times, cpuMs } = await timed(ask, { ...view, from });
    all.push(...times);
    medians.push({ name: nameOf(view), ms: median(times), cpu: cpuMs });
  }
  medians.sort((a, b) => b.ms - a.ms);
  const [slowest] = medians;
  return {
    what: `${VIEWS.length} views of ${from.slice(1)}: the slowest one's median`,
    budget: `<= ${BUDGET_MS} ms`,
    within: (slowest?.ms ?? Number.NaN) <= BUDGET_MS,
    ours: `${round(slowest?.ms ?? Number.NaN)} ms`,
    raw: `all views: p50 ${round(median(all))}, p95 ${round(quantile(all, 0.95))} ms; each (CPU): ${medians.map(({ name, ms, cpu }) => `${name} ${round(ms)} (${round(cpu)})`).join('; ')}`,
  };
}

async function besideFigure(ask: Ask, view: Readonly<Record<string, string>>): Promise<Figure> {
  const { times, cpuMs } = await timed(ask, { ...view, from: '-30d' });
  const { source } = await ask({ ...view, from: '-30d' });
  return {
    what: `${nameOf(view)}, 30d`,
    budget: `<= ${BESIDE_BUDGET_MS} ms`,
    within: median(times) <= BESIDE_BUDGET_MS,
    ours: `${round(median(times))} ms`,
    raw: `from ${source}; p95 ${round(quantile(times, 0.95))} ms, CPU ${round(cpuMs)} ms`,
  };
}

/** Counts and money of every range against plain SQL over the rows. */
async function exactFigure(pool: Pool, ask: Ask): Promise<Figure> {
  let wrong = 0;
  for (const from of RANGES) {
    for (const [measure, expression] of [
      ['count', 'count(*)::float8'],
      ['cost', 'sum(cost_usd)::float8'],
    ] as const) {
      const answer = await ask({ signal: 'llm-call', measure, from });
      const { rows } = await pool.query<{ at: Date; exact: number }>(
        `SELECT date_bin($3::interval, timestamp, 'epoch'::timestamptz) AS at, ${expression} AS exact
         FROM enterprise.llm_call_metrics WHERE timestamp >= $1 AND timestamp < $2 GROUP BY 1`,
        [answer.from, answer.to, `${answer.step_seconds} seconds`],
      );
      const exact = new Map(rows.map((row) => [row.at.getTime(), row.exact]));
      const points = answer.series[0]?.points ?? [];
      wrong += points.filter(([at, value]) => Math.abs((value ?? 0) - (exact.get(at) ?? 0)) > 1e-6).length;
    }
  }
  return {
    what: 'buckets that differ from plain SQL over the rows (count and cost of LLM calls, all ranges)',
    budget: '0',
    within: wrong === 0,
    ours: String(wrong),
    raw: '',
  };
}

async function sizeFigures(pool: Pool): Promise<Figure[]> {
  const { rows } = await pool.query<{ name: string; rows: number; heap: number; indexes: number }>(
    `SELECT tables.name, tables.rows, sum(pg_table_size(part.relid))::float8 AS heap, sum(pg_indexes_size(part.relid))::float8 AS indexes
     FROM (${TABLE_NAMES.map((name) => `SELECT '${name}' AS name, count(*)::float8 AS rows FROM enterprise.${name}`).join(' UNION ALL ')}) AS tables
     CROSS JOIN LATERAL pg_partition_tree(('enterprise.' || tables.name)::regclass) AS part GROUP BY 1, 2`,
  );
  const rollups = await pool.query<{ name: string; rows: number; bytes: number }>(
    ['rollup_by_minute', 'rollup_by_hour', 'rollup_by_day', 'rollup_value']
      .map(
        (name) =>
          `SELECT '${name}' AS name, count(*)::float8 AS rows, pg_total_relation_size('enterprise.${name}')::float8 AS bytes FROM enterprise.${name}`,
      )
      .join(' UNION ALL '),
  );
  const stored = rows.reduce((sum, table) => sum + table.rows, 0);
  const perRow = (bytes: number, count: number) => round(bytes / count);
  const ofRollups = rollups.rows.reduce((sum, { bytes }) => sum + bytes, 0) / stored;
  return [
    {
      what: 'bytes per row of each table, with its two indexes',
      ours: rows.map((t) => `\`${t.name}\` ${perRow(t.heap + t.indexes, t.rows)}`).join('; '),
      raw: rows.map((t) => `${t.name} ${perRow(t.heap, t.rows)} + ${perRow(t.indexes, t.rows)}`).join('; '),
    },
    {
      what: 'bytes of all rollups per row stored',
      budget: `<= ${ROLLUP_BYTES_MAX}`,
      within: ofRollups <= ROLLUP_BYTES_MAX,
      ours: round(ofRollups),
      raw: rollups.rows
        .map(
          (r) =>
            `${r.name} ${round(r.rows)} rows, ${round(r.bytes / 1e6)} MB, ${perRow(r.bytes, r.rows)} B each`,
        )
        .join('; '),
    },
  ];
}

function catchUpFigure(seconds: number): Figure {
  const rows = ROWS * TABLE_NAMES.length;
  return {
    what: 'rollups of all rows from nothing, rows per second',
    budget: `>= ${CATCH_UP_ROWS_PER_SECOND_MIN.toLocaleString('en')}`,
    within: rows / seconds >= CATCH_UP_ROWS_PER_SECOND_MIN,
    ours: round(rows / seconds),
    raw: `${round(rows)} rows in ${round(seconds)} s`,
  };
}
