// Thirty days of made-up rows in every table, in the order of their times, as a busy app would have left them.
import type { Pool, PoolClient } from 'pg';
import { ensurePartitions } from '../src/collector/sinks/postgres/schema/partitions.ts';
import { DAY_MS, milliseconds, SECOND_MS } from '../src/core/units.ts';

export const DAYS = 30;
const CHUNK = 250_000;
/** Spread over the rows so that the busiest user has a tenth of them and the rarest a handful. */
const USERS = 500;
const USER = `'user' || floor(${USERS} * random() ^ 2)::int || '@example.com'`;

const pick = (...values: readonly string[]) =>
  `(ARRAY[${values.map((value) => `'${value}'`).join(', ')}])[1 + floor(random() * ${values.length})::int]`;
const PEOPLE = `${USER}, ${pick('sales', 'legal', 'it')}, '0af7651916cd43dd8448eb211c80319c'`;

/** Of each table: columns beside `id` and `timestamp`, and an expression for each over the row number `i`. */
const TABLES: Readonly<Record<string, { readonly columns: string; readonly values: string }>> = {
  request_metrics: {
    columns:
      'endpoint, method, status_code, response_time_ms, response_size_bytes, user_email, department, trace_id',
    values: `'/api/resources/' || i % 20 || '/:id', ${pick('GET', 'POST')}, (${pick('200', '200', '200', '404', '500')})::int,
      exp(2 + random() * 5), 512, ${PEOPLE}`,
  },
  llm_call_metrics: {
    columns: `model, provider, prompt_tokens, completion_tokens, total_tokens, elapsed_ms, first_token_ms, cost_usd, success,
      outcome, cached_tokens, reasoning_tokens, usage_source, cost_source, price_version, user_email, department, trace_id`,
    values: `'model-' || i % 8, ${pick('openai', 'anthropic')}, i % 4000, i % 900, i % 4000 + i % 900, exp(5 + random() * 4),
      exp(4 + random() * 2), (random() / 50)::numeric(10, 6), true, 'ok', 0, 0, 'provider', 'table', '2026-11-01', ${PEOPLE}`,
  },
  rag_metrics: {
    columns: `total_ms, embedding_ms, vector_search_ms, chunks_retrieved, chunks_used, cache_hit, embedding_cache_hit, top_score,
      avg_score, threshold_used, query_hash, outcome, stages, user_email, department, trace_id`,
    values: `ms, ms / 10, ms / 5, 8, 4, random() < 0.4, random() < 0.5, 0.9, 0.5, 0.3, repeat('f', 64), 'ok',
      jsonb_build_object('embedding', ms / 10, 'vector_search', ms / 5, 'generation', ms * 0.6), ${PEOPLE}`,
  },
  cache_metrics: {
    columns: 'cache_type, hits, misses, hit_rate, memory_used_bytes, keys_count',
    values: `${pick('rag', 'embedding')}, i % 40, i % 7, 0.8, 1000000, 500`,
  },
  system_metrics: {
    columns: 'metric_type, metric_name, value, unit, tags',
    values: `'gauge', 'metric_' || i % 20, random() * 100, 'percent', '{"instance_id": "one"}'`,
  },
  ws_session_metrics: {
    columns:
      'path, duration_ms, messages_in, messages_out, bytes_in, bytes_out, close_code, user_email, department, trace_id',
    values: `${pick('/chat', '/feed')}, exp(random() * 12), i % 100, i % 300, i % 9000, i % 70000, 1000, ${PEOPLE}`,
  },
};

export const TABLE_NAMES = Object.keys(TABLES);

interface Filling {
  readonly rows: number;
  readonly nowMs: number;
  /** @default all of them */
  readonly tables?: readonly string[];
}

/** Fills tables with so many rows each of the `DAYS` before `nowMs`; the last ones are of the last second. */
export async function fillTables(pool: Pool, { rows, nowMs, tables = TABLE_NAMES }: Filling): Promise<void> {
  await withPartitions(pool, nowMs);
  for (const table of tables) await fillTable(pool, { table, rows, nowMs });
  await pool.query('VACUUM ANALYZE');
}

/** A row a day calls for a partition a day, which the rows then go to; it stays as one more row. */
async function withPartitions(pool: Pool, nowMs: number): Promise<void> {
  const firstMs = nowMs - DAYS * DAY_MS;
  const client: PoolClient = await pool.connect();
  try {
    for (const [table, { columns, values }] of Object.entries(TABLES)) {
      await client.query(
        `INSERT INTO enterprise.${table} (timestamp, ${columns})
         SELECT to_timestamp(${firstMs / SECOND_MS}) + i * interval '1 day', ${values}
         FROM generate_series(0, ${DAYS}) AS i CROSS JOIN LATERAL (SELECT exp(random() * 7) AS ms) AS drawn`,
      );
      await ensurePartitions(client, table, milliseconds(firstMs - DAY_MS), milliseconds(nowMs));
    }
  } finally {
    client.release();
  }
}

async function fillTable(
  pool: Pool,
  { table, rows, nowMs }: { readonly table: string; readonly rows: number; readonly nowMs: number },
): Promise<void> {
  const { columns = '', values = '' } = TABLES[table] ?? {};
  const interval = `interval '${(DAYS * DAY_MS) / SECOND_MS / rows} seconds'`;
  const at = `to_timestamp(${nowMs / SECOND_MS}) - (${rows} - i) * ${interval}`;
  for (let from = 1; from <= rows; from += CHUNK) {
    await pool.query(
      `INSERT INTO enterprise.${table} (id, timestamp, ${columns})
       SELECT uuidv7(at - clock_timestamp()), at, ${values}
       FROM generate_series(${from}, ${Math.min(rows, from + CHUNK - 1)}) AS i
       CROSS JOIN LATERAL (SELECT ${at} AS at, exp(random() * 7) AS ms) AS drawn`,
    );
  }
}
