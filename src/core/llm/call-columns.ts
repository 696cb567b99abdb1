import type { LlmCallEvent, PricedLlmCallEvent } from '../signals/llm-call.ts';
import { eventColumns, int4, senderColumns, text } from '../signals/row.ts';
import type { Column } from '../signals/signal.ts';
import { milliseconds, toSeconds } from '../units.ts';
import { columnCost, exactCost, type LlmCost, NO_COST } from './cost.ts';
import { completionTokens, promptTokens, type TokenUsage } from './usage.ts';

const costOf = (event: LlmCallEvent): LlmCost => (event as Partial<PricedLlmCallEvent>).cost ?? NO_COST;

/** How a call is stored: it can be priced anew from its row (`collector/pricing/stored-call.ts`). */
export const CALL_COLUMNS: readonly Column<LlmCallEvent>[] = [
  ...eventColumns<LlmCallEvent>(),
  { name: 'model', type: 'varchar', value: (event) => text(event.model, 100) },
  { name: 'provider', type: 'varchar', value: (event) => text(event.provider, 50) },
  {
    name: 'prompt_tokens',
    type: 'integer',
    value: (event) => int4(event.usage && promptTokens(event.usage)),
  },
  {
    name: 'completion_tokens',
    type: 'integer',
    value: (event) => int4(event.usage && completionTokens(event.usage)),
  },
  {
    name: 'total_tokens',
    type: 'integer',
    value: ({ usage }) => int4(usage && promptTokens(usage) + completionTokens(usage)),
  },
  { name: 'elapsed_ms', type: 'double precision', value: (event) => event.durationMs },
  { name: 'first_token_ms', type: 'double precision', value: (event) => event.firstTokenMs },
  { name: 'user_email', type: 'varchar', value: (event) => text(event.userEmail, 255) },
  { name: 'department', type: 'varchar', value: (event) => text(event.department, 50) },
  { name: 'query_category', type: 'varchar', value: (event) => text(event.queryCategory, 50) },
  { name: 'trace_id', type: 'varchar', value: (event) => text(event.traceId, 32) },
  { name: 'cost_usd', type: 'numeric', value: (event) => columnCost(costOf(event).usd) },
  { name: 'success', type: 'boolean', value: (event) => event.outcome === 'ok' },
  {
    name: 'error_message',
    type: 'text',
    value: (event) => text(event.errorMessage ?? event.errorType, 500),
  },
  { name: 'cached_tokens', type: 'integer', value: (event) => int4(event.usage?.cacheRead ?? null) },
  {
    name: 'cache_write_tokens',
    type: 'integer',
    value: ({ usage }) => int4(usage && usage.cacheWrite5m + usage.cacheWrite1h),
  },
  {
    name: 'reasoning_tokens',
    type: 'integer',
    value: (event) => int4(event.usage?.outputReasoning ?? null),
  },
  { name: 'usage_source', type: 'varchar', value: (event) => event.usageSource },
  { name: 'cost_source', type: 'varchar', value: (event) => costOf(event).source },
  { name: 'price_version', type: 'varchar', value: (event) => text(costOf(event).priceVersion, 50) },
  { name: 'outcome', type: 'varchar', value: (event) => event.outcome },
  ...bucketColumns(),
  ...detailColumns(),
  ...senderColumns<LlmCallEvent>(),
];

/** The buckets no other column has: with them a stored call can be priced anew. */
function bucketColumns(): Column<LlmCallEvent>[] {
  const bucket = (name: string, field: keyof TokenUsage): Column<LlmCallEvent> => ({
    name,
    type: 'integer',
    value: ({ usage }) => int4(usage?.[field] || null),
  });
  return [
    bucket('cache_write_1h_tokens', 'cacheWrite1h'),
    bucket('audio_in_tokens', 'inputAudio'),
    bucket('image_in_tokens', 'inputImage'),
    bucket('audio_out_tokens', 'outputAudio'),
    bucket('image_out_tokens', 'outputImage'),
  ];
}

function detailColumns(): Column<LlmCallEvent>[] {
  return [
    { name: 'operation', type: 'varchar', value: (event) => text(event.operation, 30) },
    { name: 'response_model', type: 'varchar', value: (event) => text(event.responseModel, 100) },
    { name: 'server_address', type: 'varchar', value: (event) => text(event.serverAddress, 255) },
    { name: 'streaming', type: 'boolean', value: (event) => event.streaming },
    { name: 'status_code', type: 'integer', value: (event) => int4(event.statusCode) },
    { name: 'attempt', type: 'integer', value: (event) => int4(event.attempt) },
    { name: 'error_type', type: 'varchar', value: (event) => text(event.errorType, 100) },
    { name: 'rate_limit_reset_ms', type: 'double precision', value: (event) => event.rateLimitResetMs },
    { name: 'finish_reason', type: 'varchar', value: (event) => text(event.finishReason, 50) },
    { name: 'chunk_gap_p95_ms', type: 'double precision', value: (event) => event.chunkGapP95Ms },
    { name: 'tokens_per_second', type: 'double precision', value: tokensPerSecond },
    { name: 'usage_mismatch', type: 'boolean', value: (event) => event.usageMismatch || null },
    { name: 'service_tier', type: 'varchar', value: (event) => text(event.serviceTier, 30) },
    {
      name: 'billed_units',
      type: 'jsonb',
      value: ({ billedUnits }) => (billedUnits === null ? null : JSON.stringify(billedUnits)),
    },
    { name: 'cache_savings_usd', type: 'numeric', value: (event) => costOf(event).cacheSavingsUsd },
    { name: 'cost_exact_usd', type: 'numeric', value: (event) => exactCost(costOf(event).usd) },
  ];
}

/** Output tokens per second from the first to the last of a stream; `null` where there is no such stretch. */
export function tokensPerSecond({ usage, firstTokenMs, durationMs }: LlmCallEvent): number | null {
  if (usage === null || firstTokenMs === null || durationMs <= firstTokenMs) return null;
  return completionTokens(usage) / toSeconds(milliseconds(durationMs - firstTokenMs));
}
