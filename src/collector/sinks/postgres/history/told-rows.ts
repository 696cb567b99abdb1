import type { PoolClient } from 'pg';
import type { LlmCost } from '../../../../core/llm/cost.ts';
import { STORED_COST } from '../../../../core/llm/cost.ts';
import type { LlmCallEvent, LlmOutcome, PricedLlmCallEvent } from '../../../../core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../../core/signals/rag-query.ts';
import { milliseconds, usd } from '../../../../core/units.ts';
import { storedCall } from '../../../pricing/stored-call.ts';
import { SHAPES } from '../rollup/shape.ts';

/** A row as the driver gives it. */
type Row = Readonly<Record<string, unknown>>;

// Years that a Date cannot hold are no time of a trace.
const OF_TRACES = `r.trace_id = ANY($1) AND r.timestamp >= '1970-01-01Z' AND r.timestamp < '9999-01-01Z'`;
const TIME = 'extract(epoch FROM r.timestamp)::float8 * 1000 AS time_ms';
const CALLS = `SELECT r.*, ${STORED_COST}::float8 AS usd, ${TIME} FROM ${SHAPES['llm-call'].table} r WHERE ${OF_TRACES}`;
const QUERIES = `SELECT r.*, ${TIME} FROM ${SHAPES['rag-query'].table} r WHERE ${OF_TRACES}`;

/** The model calls, with what they cost, and the queries that the rows of some traces are of. */
export async function toldIn(
  client: PoolClient,
  traceIds: readonly string[],
): Promise<(PricedLlmCallEvent | RagQueryEvent)[]> {
  const calls = await client.query<Row>(CALLS, [traceIds]);
  const queries = await client.query<Row>(QUERIES, [traceIds]);
  return [...calls.rows.map(callOf), ...queries.rows.map(queryOf)];
}

function callOf(row: Row): PricedLlmCallEvent {
  const errorType = textOf(row['error_type']);
  return {
    signal: 'llm-call',
    ...whatAndWhose(row),
    ...storedCall(row),
    operation: textOf(row['operation']) ?? 'chat',
    streaming: row['streaming'] === true,
    usageSource: (textOf(row['usage_source']) ?? 'none') as LlmCallEvent['usageSource'],
    durationMs: milliseconds(Number(row['elapsed_ms'])),
    firstTokenMs: durationOf(row['first_token_ms']),
    outcome: (textOf(row['outcome']) ?? 'ok') as LlmOutcome,
    errorType,
    queryCategory: textOf(row['query_category']),
    statusCode: numberOf(row['status_code']),
    attempt: numberOf(row['attempt']),
    errorMessage: row['error_message'] === errorType ? null : textOf(row['error_message']),
    rateLimitResetMs: durationOf(row['rate_limit_reset_ms']),
    finishReason: textOf(row['finish_reason']),
    chunkGapP95Ms: durationOf(row['chunk_gap_p95_ms']),
    usageMismatch: row['usage_mismatch'] === true,
    cost: costOf(row),
  };
}

function costOf(row: Row): LlmCost {
  const money = (value: unknown) => {
    const amount = numberOf(value);
    return amount === null ? null : usd(amount);
  };
  return {
    usd: money(row['usd']),
    cacheSavingsUsd: money(row['cache_savings_usd']),
    source: (textOf(row['cost_source']) ?? 'none') as LlmCost['source'],
    priceVersion: textOf(row['price_version']),
  };
}

function queryOf(row: Row): RagQueryEvent {
  return {
    signal: 'rag-query',
    ...whatAndWhose(row),
    durationMs: milliseconds(Number(row['total_ms'])),
    stages: (row['stages'] ?? {}) as RagQueryEvent['stages'],
    chunksRetrieved: numberOf(row['chunks_retrieved']),
    chunksUsed: numberOf(row['chunks_used']),
    cacheHit: flagOf(row['cache_hit']),
    embeddingCacheHit: flagOf(row['embedding_cache_hit']),
    topScore: numberOf(row['top_score']),
    avgScore: numberOf(row['avg_score']),
    threshold: numberOf(row['threshold_used']),
    queryHash: textOf(row['query_hash']),
    outcome: row['outcome'] === 'error' ? 'error' : 'ok',
    errorType: textOf(row['error_type']),
  };
}

function whatAndWhose(row: Row) {
  const [service, instanceId] = [textOf(row['service']), textOf(row['instance_id'])];
  return {
    id: String(row['id']),
    timeMs: milliseconds(Number(row['time_ms'])),
    ...(service !== null && instanceId !== null && { sender: { service, instanceId } }),
    traceId: textOf(row['trace_id']),
    userEmail: textOf(row['user_email']),
    department: textOf(row['department']),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function flagOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** `numeric` comes as text. */
function numberOf(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function durationOf(value: unknown) {
  const ms = numberOf(value);
  return ms === null ? null : milliseconds(ms);
}
