// Fills a scratch server with rows of 30 days and measures the history views over them.
// `node bench/history-data.ts [rows per table]` (default 5,000,000: some 15 minutes, most of them for the rows).
import { Pool } from 'pg';
import { createHistory } from '../src/collector/postgres/history/history.ts';
import type { Read } from '../src/collector/postgres/history/read-lane.ts';
import { migrate } from '../src/collector/postgres/migrate.ts';
import { Rollup } from '../src/collector/postgres/rollup.ts';
import { parseHistoryQuery } from '../src/core/history/parameters.ts';
import { DAY_MS, SECOND_MS } from '../src/core/units.ts';
import { startPostgres } from '../test/support/postgres.ts';

const ROWS = Number(process.argv[2] ?? 5_000_000);
const DAYS = 30;
const CHUNK = 250_000;
const ROUNDS = 9;
const BUDGET_MS = 50;

const server = await startPostgres();
const database = await server.createDatabase();
const { PGHOST = '', PGPORT, PGUSER = '', PGDATABASE = '' } = database.env;
const pool = new Pool({ host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE, max: 2 });
const read: Read = async (work) => {
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
};

try {
  await read(migrate);
  // Days of the past have partitions only where there were rows at the migration.
  await read((client) =>
    client.query(`DO $$
      DECLARE day date; part text;
      BEGIN
        FOR back IN 0..${DAYS} LOOP
          day := (now() AT TIME ZONE 'UTC')::date - back;
          FOREACH part IN ARRAY ARRAY['request_metrics', 'llm_call_metrics'] LOOP
            IF NOT EXISTS (SELECT FROM pg_class WHERE relname = part || '_' || to_char(day, 'YYYYMMDD')
                           OR relname = part || '_p' || to_char(day, 'YYYYMMDD')) THEN
              BEGIN
                EXECUTE format('CREATE TABLE enterprise.%I PARTITION OF enterprise.%I FOR VALUES FROM (%L) TO (%L)',
                  part || '_bench_' || to_char(day, 'YYYYMMDD'), part, day || ' 00:00+00', day + 1 || ' 00:00+00');
              EXCEPTION WHEN invalid_object_definition THEN NULL; -- Another partition has this day.
              END;
            END IF;
          END LOOP;
        END LOOP;
      END $$`),
  );
  await timed(`${ROWS} rows of requests and of LLM calls`, fill);
  await timed('rollups of all of them', () => rollup().catchUp());
  await measure();
} finally {
  await pool.end();
  await server.stop();
}

function rollup(): Rollup {
  return new Rollup({ read, now: () => Date.now(), retentionMs: () => 400 * DAY_MS });
}

async function fill(): Promise<void> {
  const at = `now() - (${ROWS} - i) * interval '${(DAYS * DAY_MS) / SECOND_MS / ROWS} seconds'`;
  const one = (values: string) =>
    `(ARRAY[${values}])[1 + floor(random() * ${values.split(',').length})::int]`;
  for (let from = 1; from <= ROWS; from += CHUNK) {
    const range = `generate_series(${from}, ${Math.min(ROWS, from + CHUNK - 1)}) AS i`;
    await pool.query(`INSERT INTO enterprise.request_metrics
      (timestamp, endpoint, method, status_code, response_time_ms, user_email, department)
      SELECT ${at}, '/route/' || i % 20, ${one(`'GET','POST'`)}, ${one('200,200,200,404,500')}, exp(2 + random() * 5),
        'user' || i % 500 || '@example.com', ${one(`'sales','legal','it'`)} FROM ${range}`);
    await pool.query(`INSERT INTO enterprise.llm_call_metrics
      (timestamp, model, provider, prompt_tokens, completion_tokens, total_tokens, elapsed_ms, first_token_ms, cost_usd, success, outcome)
      SELECT ${at}, 'model-' || i % 8, ${one(`'openai','anthropic'`)}, i % 4000, i % 900, i % 4000 + i % 900,
        exp(5 + random() * 4), exp(4 + random() * 2), (random() / 50)::numeric(10, 6), true, 'ok' FROM ${range}`);
  }
  await pool.query('VACUUM ANALYZE');
}

async function measure(): Promise<void> {
  const history = createHistory(read);
  const views = ['-1h', '-24h', '-30d'].flatMap((from) => [
    { signal: 'request', measure: 'p95', from },
    { signal: 'request', measure: 'error_rate', from },
    { signal: 'request', measure: 'p95', from, group_by: 'endpoint' },
    { signal: 'llm-call', measure: 'p95', from, group_by: 'model' },
    { signal: 'llm-call', measure: 'cost', from, group_by: 'model' },
    { signal: 'request', measure: 'count', from, group_by: 'user' },
    { signal: 'request', measure: 'p95', from, endpoint: '/route/3', department: 'sales' },
  ]);
  for (const view of views) {
    const times: number[] = [];
    let answered = '';
    for (let round = 0; round < ROUNDS; round++) {
      const startedMs = performance.now();
      try {
        const answer = await history(parseHistoryQuery(new URLSearchParams(view), Date.now()));
        answered = `${answer.source}, ${answer.series.length} series`;
      } catch (error) {
        answered = String(error);
      }
      times.push(performance.now() - startedMs);
      if (performance.now() - startedMs > SECOND_MS) break;
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
    const verdict = median <= BUDGET_MS ? 'within' : 'over';
    console.log(
      `${Object.values(view).join(' ').padEnd(44)} ${median.toFixed(1).padStart(8)} ms  ${verdict} ${BUDGET_MS} ms  (${answered})`,
    );
  }
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - startedMs) / SECOND_MS).toFixed(1)} s`);
}
