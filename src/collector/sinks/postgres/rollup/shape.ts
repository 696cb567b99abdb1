import type { SignalName } from '../../../../core/event.ts';
import type { Dimension } from '../../../../core/history/catalogue.ts';
import { RATE_LIMIT_ERRORS, TOO_MANY_REQUESTS } from '../../../../core/llm/rate-limit.ts';
import { PROVIDER_MODEL } from '../../../../core/past.ts';

/** What rows are added up by: what history can be asked for, and what a start reads its totals by. */
export type RolledDimension = Dimension | typeof PROVIDER_MODEL;

/** Where a distribution comes from: an expression over the row `r`, and what else is joined to it. */
export interface FieldShape {
  readonly value: string;
  /** Appended to the FROM clause. */
  readonly join?: string;
  /** Rows without a value are not part of it (default: they are counted). */
  readonly onlyWithValue?: boolean;
  /** Dimensions the rollups have it by, the totals aside. */
  readonly rolledBy: readonly RolledDimension[];
  /** Dimensions with about as many values as a minute has rows: rolled up by the hour and day, and without histograms. */
  readonly hourlyBy?: readonly RolledDimension[];
}

/**
 * The row of `rollup_day` (as `open`, of the signal `$1`) whose bucket tells until when the day that is not over is rolled
 * up. It counts only while that is the hour watermark: one that was set back, or moved on by a version that knows no such
 * day, says that the day is not to be read.
 */
export const OPEN_DAY = `open.signal = $1 AND open.field = '' AND open.dimension = '' AND open.value = ''`;

/** How a signal's rows are read: SQL expressions over the row `r`. None of it ever comes from outside. */
export interface RowShape {
  readonly table: string;
  readonly fields: Readonly<Record<string, FieldShape>>;
  readonly dimensions: Readonly<Partial<Record<RolledDimension, string>>>;
  /** What adds up, by name. Money is `numeric`, so that sums are exact. */
  readonly sums: Readonly<Record<string, string>>;
}

const PEOPLE = { department: 'r.department', user: 'r.user_email' } as const;
/** In no rollup: every start of a process is a new instance, so that their number has no bound. */
const SENDER = { instance: 'r.instance_id', service: 'r.service' } as const;
const oneIf = (condition: string): string => `CASE WHEN ${condition} THEN 1 ELSE 0 END`;

/** Stages as our rows have them, or the columns of the specification where another writer filled only those. */
const STAGES = `CASE WHEN jsonb_typeof(r.stages) = 'object' THEN r.stages ELSE jsonb_strip_nulls(jsonb_build_object(
  'embedding', r.embedding_ms, 'vector_search', r.vector_search_ms, 'rerank', r.rerank_ms)) END`;
/** A score that adds up: one NaN would make every later sum of its minute one. */
const finite = (column: string): string => `${column} > '-Infinity' AND ${column} < 'Infinity'`;
const RAG_FAILED = `r.outcome IS NOT DISTINCT FROM 'error'`;

/** Writers that know no outcome have `success` only. */
const CALL_OUTCOME = `coalesce(r.outcome, CASE WHEN r.success THEN 'ok' ELSE 'error' END)`;

/** Whether a call was billed as far as anyone can tell: as the live view counts it (`measureCost`). */
export const CALL_BILLED = `(${CALL_OUTCOME} = 'ok' OR r.total_tokens IS NOT NULL OR r.billed_units IS NOT NULL)`;

/** As the live view counts it (`isRateLimited`). */
const CALL_RATE_LIMITED = `(r.status_code = ${TOO_MANY_REQUESTS} OR lower(r.error_type) IN (${RATE_LIMIT_ERRORS.map((word) => `'${word}'`).join(', ')}))`;

/** `cost_usd` has six decimals; where that is not enough there is a column beside it. */
const EXACT_COST = 'coalesce(r.cost_exact_usd, r.cost_usd)';

export const SHAPES: Readonly<Record<SignalName, RowShape>> = {
  request: {
    table: 'enterprise.request_metrics',
    fields: {
      value: {
        value: 'r.response_time_ms',
        rolledBy: ['endpoint', 'method', 'status_class', 'department'],
        hourlyBy: ['user'],
      },
    },
    dimensions: {
      ...PEOPLE,
      ...SENDER,
      endpoint: 'r.endpoint',
      method: 'r.method',
      status_class: `(r.status_code / 100)::text || 'xx'`,
    },
    sums: { errors: oneIf('r.status_code >= 400') },
  },
  'llm-call': {
    table: 'enterprise.llm_call_metrics',
    fields: {
      value: {
        value: 'r.elapsed_ms',
        rolledBy: ['model', 'provider', PROVIDER_MODEL, 'department'],
        hourlyBy: ['user'],
      },
      first_token: { value: 'r.first_token_ms', onlyWithValue: true, rolledBy: ['model', 'provider'] },
    },
    dimensions: {
      ...PEOPLE,
      ...SENDER,
      model: 'r.model',
      provider: 'r.provider',
      [PROVIDER_MODEL]: 'json_build_array(r.provider, r.model)::text',
    },
    sums: {
      // A call the app gave up did not fail.
      errors: oneIf(`${CALL_OUTCOME} = 'error'`),
      cost_usd: EXACT_COST,
      cache_savings_usd: 'r.cache_savings_usd',
      tokens: 'r.total_tokens',
      tokens_in: 'r.prompt_tokens',
      tokens_out: 'r.completion_tokens',
      tokens_cached: 'r.cached_tokens',
      tokens_reasoning: 'r.reasoning_tokens',
      tokens_cache_write: 'r.cache_write_tokens',
      unpriced: oneIf(`${EXACT_COST} IS NULL AND ${CALL_BILLED}`),
      aborted: oneIf(`r.outcome = 'aborted'`),
      estimated: oneIf(`r.usage_source = 'estimated'`),
      rate_limited: oneIf(CALL_RATE_LIMITED),
    },
  },
  'rag-query': {
    table: 'enterprise.rag_metrics',
    fields: {
      value: { value: 'r.total_ms', rolledBy: ['department'], hourlyBy: ['user'] },
      stage: {
        value: `CASE WHEN jsonb_typeof(stage.ms) = 'number' THEN stage.ms::float8 END`,
        join: `CROSS JOIN LATERAL jsonb_each(${STAGES}) AS stage(name, ms)`,
        onlyWithValue: true,
        rolledBy: ['stage'],
      },
    },
    dimensions: { ...PEOPLE, ...SENDER, stage: 'stage.name' },
    sums: {
      errors: oneIf(RAG_FAILED),
      cache_hits: oneIf('r.cache_hit'),
      cache_lookups: oneIf('r.cache_hit IS NOT NULL'),
      chunks: `CASE WHEN NOT (${RAG_FAILED}) THEN r.chunks_retrieved END`,
      answered: oneIf(`r.chunks_retrieved IS NOT NULL AND NOT (${RAG_FAILED})`),
      answered_empty: oneIf(`r.chunks_retrieved = 0 AND NOT (${RAG_FAILED})`),
      top_scores: `CASE WHEN ${finite('r.top_score')} THEN r.top_score END`,
      top_scored: oneIf(finite('r.top_score')),
      avg_scores: `CASE WHEN ${finite('r.avg_score')} THEN r.avg_score END`,
      avg_scored: oneIf(finite('r.avg_score')),
    },
  },
  cache: {
    table: 'enterprise.cache_metrics',
    fields: { value: { value: 'NULL::float8', rolledBy: ['cache'] } },
    dimensions: { ...SENDER, cache: 'r.cache_type' },
    sums: { hits: 'r.hits', misses: 'r.misses', lookups: 'r.hits::bigint + r.misses' },
  },
  system: {
    table: 'enterprise.system_metrics',
    fields: { value: { value: 'r.value', rolledBy: ['metric'] } },
    dimensions: { metric: 'r.metric_name', instance: `r.tags->>'instance_id'` },
    sums: {},
  },
  'ws-session': {
    table: 'enterprise.ws_session_metrics',
    fields: { value: { value: 'r.duration_ms', rolledBy: ['path', 'department'], hourlyBy: ['user'] } },
    dimensions: { ...PEOPLE, ...SENDER, path: 'r.path' },
    sums: {
      messages_in: 'r.messages_in',
      messages_out: 'r.messages_out',
      bytes_in: 'r.bytes_in',
      bytes_out: 'r.bytes_out',
    },
  },
};
