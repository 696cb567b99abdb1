import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';

const SPEC_MIGRATION = join(import.meta.dirname, 'fixtures', 'spec-migration.sql');

/** Per table of the specification, its columns beyond id and timestamp as SQL of a row's number `n`. */
const VALUES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  request_metrics: {
    endpoint: `'/api/' || n % 50`,
    method: `'GET'`,
    status_code: '200 + n % 300',
    response_time_ms: 'n % 997',
    user_email: `'user' || n % 500 || '@example.com'`,
    department: `'sales'`,
    request_size_bytes: 'n',
    response_size_bytes: 'n * 2',
    trace_id: 'md5(n::text)',
  },
  system_metrics: {
    metric_type: `'cpu'`,
    metric_name: `'percent'`,
    value: 'n % 100',
    unit: `'percent'`,
    tags: `jsonb_build_object('host', n % 5)`,
  },
  llm_call_metrics: {
    model: `'model-' || n % 8`,
    provider: `'anthropic'`,
    prompt_tokens: 'n % 4000',
    completion_tokens: 'n % 900',
    total_tokens: 'n % 4000 + n % 900',
    elapsed_ms: 'n % 5000',
    first_token_ms: 'n % 700',
    user_email: 'NULL',
    department: `'law'`,
    query_category: `'faq'`,
    trace_id: 'md5(n::text)',
    cost_usd: 'n % 100 / 1000.0',
    success: 'n % 20 <> 0',
    error_message: `CASE WHEN n % 20 = 0 THEN 'overloaded' END`,
  },
  rag_metrics: {
    trace_id: 'md5(n::text)',
    user_email: 'NULL',
    department: `'law'`,
    query_hash: 'md5(n::text) || md5(n::text)',
    total_ms: 'n % 3000',
    embedding_ms: 'n % 100',
    vector_search_ms: 'n % 200',
    rerank_ms: 'NULL',
    chunks_retrieved: 'n % 20',
    chunks_used: 'n % 5',
    cache_hit: 'n % 3 = 0',
    embedding_cache_hit: 'n % 4 = 0',
    top_score: '0.9',
    avg_score: '0.5',
    threshold_used: '0.3',
  },
  cache_metrics: {
    cache_type: `'rag'`,
    hits: 'n % 100',
    misses: 'n % 10',
    hit_rate: '0.5',
    memory_used_bytes: 'n * 4096::bigint',
    keys_count: 'n % 1000',
  },
};

export const SPEC_TABLES: readonly string[] = Object.keys(VALUES);

/** The columns that the specification gives a table, in its order. */
export function specColumns(table: string): string[] {
  return ['id', 'timestamp', ...Object.keys(VALUES[table] ?? {})];
}

/** A database as the specification's own migration makes it. */
export async function createSpecSchema(client: Client): Promise<void> {
  await client.query('CREATE SCHEMA enterprise');
  await client.query(readFileSync(SPEC_MIGRATION, 'utf8'));
}

/** Rows in every table, evenly spread over this many days up to now. */
export async function fillSpecTables(client: Client, rowsPerTable: number, days: number): Promise<void> {
  for (const [table, values] of Object.entries(VALUES)) {
    await client.query(
      `INSERT INTO enterprise.${table} (timestamp, ${Object.keys(values).join(', ')})
       SELECT now() - n * interval '1 day' * $2 / $1::int, ${Object.values(values).join(', ')}
       FROM generate_series(1, $1::int) AS n`,
      [rowsPerTable, days],
    );
  }
}
