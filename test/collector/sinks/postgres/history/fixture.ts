import { Pool } from 'pg';
import type { TestContext } from 'vitest';
import type { Lend } from '../../../../../src/collector/sinks/postgres/connect/lend.ts';
import { createEvents } from '../../../../../src/collector/sinks/postgres/history/events.ts';
import { createHistory } from '../../../../../src/collector/sinks/postgres/history/history.ts';
import { Rollup } from '../../../../../src/collector/sinks/postgres/rollup/rollup.ts';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { parseEventsQuery, parseHistoryQuery } from '../../../../../src/core/history/parameters.ts';
import type { EventsAnswer, HistoryAnswer } from '../../../../../src/core/history/query.ts';
import { DAY_MS } from '../../../../../src/core/units.ts';
import type { TestPostgres } from '../../../../support/postgres.ts';

/** Everything happens around this moment. */
export const NOW = Date.UTC(2026, 3, 2, 12, 34, 56);

export interface TestHistory {
  readonly lend: Lend;
  readonly sql: <T extends object = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ) => Promise<T[]>;
  /** A collector's rollup at this moment. */
  readonly rollup: (nowMs?: number, retentionMs?: number) => Rollup;
  readonly history: (parameters: Record<string, string>) => Promise<HistoryAnswer>;
  readonly events: (parameters: Record<string, string>) => Promise<EventsAnswer>;
}

/** A migrated database of its own, closed with the test. */
export async function openHistory(
  test: Pick<TestContext, 'onTestFinished'>,
  server: TestPostgres,
): Promise<TestHistory> {
  const database = await server.createDatabase();
  await server.using(database, (client) => migrate(client));
  const { PGHOST = '', PGPORT, PGUSER = '', PGDATABASE = '' } = database.env;
  const pool = new Pool({ host: PGHOST, port: Number(PGPORT), user: PGUSER, database: PGDATABASE, max: 4 });
  // The pool does not wait for its connections to close, so the server may end them first.
  pool.on('error', () => {});
  test.onTestFinished(() => pool.end());
  const lend: Lend = async (work) => {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  };
  const history = createHistory(lend);
  const events = createEvents(lend);
  return {
    lend,
    sql: async (text, values = []) => (await pool.query(text, values)).rows,
    rollup: (nowMs = NOW, retentionMs = 400 * DAY_MS) =>
      new Rollup({ lend, now: () => nowMs, retentionMs: () => retentionMs }),
    history: (parameters) => history(parseHistoryQuery(new URLSearchParams(parameters), NOW)),
    events: (parameters) => events(parseEventsQuery(new URLSearchParams(parameters), NOW)),
  };
}

/** Rows of every signal, spread over the days before `NOW`, with everything that is easy to get wrong among them. */
export async function fill({ sql }: TestHistory, rows: number, days = 31): Promise<void> {
  const at = `to_timestamp(${NOW / 1000}) - (random() ^ 2) * interval '${days} days'`;
  const pick = (...values: string[]) =>
    `(ARRAY[${values.map((one) => `'${one}'`).join(', ')}])[1 + floor(random() * ${values.length})::int]`;
  const sender = `'shop' || (i % 2), nullif('00000000-0000-4000-8000-00000000000' || (i % 4), '00000000-0000-4000-8000-000000000003')::uuid`;
  await sql('SELECT setseed(0.5)');
  await sql(`INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, department, user_email, service, instance_id)
    SELECT ${at}, ${pick('/a', '/b/:id', '/c,"x"')}, ${pick('GET', 'POST')}, (ARRAY[200, 204, 404, 500])[1 + floor(random() * 4)::int],
      CASE WHEN i % 50 = 0 THEN 0 WHEN i % 51 = 0 THEN 2 ^ (i % 9) ELSE exp(random() * 8) END,
      nullif(${pick('sales', 'legal', '')}, ''), 'user' || (i % 70), ${sender}
    FROM generate_series(1, ${rows}) AS i`);
  await sql(`INSERT INTO enterprise.llm_call_metrics (timestamp, model, provider, prompt_tokens, completion_tokens, total_tokens,
      elapsed_ms, first_token_ms, department, user_email, cost_usd, success, outcome, cached_tokens,
      cache_write_tokens, cache_savings_usd, status_code, usage_source, service, instance_id)
    SELECT ${at}, ${pick('gpt-4o', 'claude', 'grok')}, ${pick('openai', 'anthropic')}, i % 1000, i % 77, i % 1000 + i % 77,
      exp(random() * 10), CASE WHEN i % 3 > 0 THEN exp(random() * 5) END, ${pick('sales', 'legal')}, 'user' || (i % 70),
      CASE WHEN i % 7 > 0 THEN (random() / 100)::numeric(10, 6) END, i % 11 > 0,
      CASE WHEN i % 11 = 0 THEN 'error' WHEN i % 13 = 0 THEN 'aborted' WHEN i % 2 = 0 THEN 'ok' END, i % 5,
      nullif(i % 6, 0), CASE WHEN i % 5 > 0 THEN (i % 5) * 0.000001 END, CASE WHEN i % 11 = 0 THEN 429 WHEN i % 3 = 0 THEN 200 END,
      ${pick('provider', 'estimated')}, ${sender}
    FROM generate_series(1, ${rows}) AS i`);
  await sql(`INSERT INTO enterprise.rag_metrics (timestamp, total_ms, embedding_ms, vector_search_ms, chunks_retrieved, cache_hit,
      top_score, avg_score, department, user_email, outcome, stages, service, instance_id)
    SELECT ${at}, exp(random() * 7), CASE WHEN i % 2 = 0 THEN exp(random() * 3) END, exp(random() * 4), i % 6,
      (ARRAY[true, false, NULL])[1 + i % 3],
      (ARRAY[random(), 'NaN', NULL])[1 + i % 3], CASE WHEN i % 5 > 0 THEN random() END, ${pick('sales', 'legal')}, 'user' || (i % 70),
      CASE WHEN i % 9 = 0 THEN 'error' ELSE 'ok' END, CASE WHEN i % 4 = 0 THEN '{"rerank": 7.5, "odd": "text"}'::jsonb END, ${sender}
    FROM generate_series(1, ${rows}) AS i`);
  await sql(`INSERT INTO enterprise.cache_metrics (timestamp, cache_type, hits, misses, service, instance_id)
    SELECT ${at}, ${pick('rag', 'embedding')}, i % 40, i % 7, ${sender} FROM generate_series(1, ${rows}) AS i`);
  await sql(`INSERT INTO enterprise.system_metrics (timestamp, metric_type, metric_name, value, unit, tags)
    SELECT ${at}, 'cpu', ${pick('cpu_percent', 'load_1m')}, random() * 100, 'percent', jsonb_build_object('instance_id', 'i' || i % 3, 'service', 's' || i % 2)
    FROM generate_series(1, ${rows}) AS i`);
  await sql(`INSERT INTO enterprise.ws_session_metrics (timestamp, path, duration_ms, messages_in, bytes_in, department, user_email, service, instance_id)
    SELECT ${at}, ${pick('/chat', '/feed')}, exp(random() * 12), i % 100, 5000000000, ${pick('sales', 'legal')}, 'user' || (i % 70), ${sender}
    FROM generate_series(1, ${rows}) AS i`);
  await sql('ANALYZE');
}

/** The same of spans, which databases of before do not have. */
export async function fillSpans({ sql }: TestHistory, rows: number, days = 7): Promise<void> {
  await sql('SELECT setseed(0.5)');
  await sql(`INSERT INTO enterprise.spans (timestamp, trace_id, span_id, name, kind, duration_ms, status, scope, service, instance_id)
    SELECT to_timestamp(${NOW / 1000}) - random() * interval '${days} days', md5('t' || i / 5), left(md5('s' || i), 16), (ARRAY['GET /a', 'chat gpt-4o', 'retrieve'])[1 + i % 3], (ARRAY['server', 'client', 'internal'])[1 + i % 3],
      exp(random() * 8), CASE WHEN i % 9 = 0 THEN 'error' ELSE 'unset' END, 'http', 'shop', NULL
    FROM generate_series(1, ${rows}) AS i`);
}
