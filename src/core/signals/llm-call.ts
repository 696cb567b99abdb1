import {
  completionTokens,
  type LlmCallEvent,
  type LlmCost,
  promptTokens,
  type TokenUsage,
} from '../event.ts';
import type { Attributes } from '../frame.ts';
import { isRateLimited } from '../llm/rate-limit.ts';
import { eventColumns, int4, senderColumns, text } from '../row.ts';
import type { Column, InstrumentSpec, RecordMeasurement, Signal } from '../signal.ts';
import { milliseconds, toSeconds, type Usd } from '../units.ts';

export const LLM_DURATION: InstrumentSpec = {
  name: 'gen_ai.client.operation.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of calls to a model provider.',
};
export const LLM_FIRST_CHUNK: InstrumentSpec = {
  name: 'gen_ai.client.operation.time_to_first_chunk',
  kind: 'histogram',
  unit: 's',
  description: 'Time to the first chunk with content of a streamed call.',
};
export const LLM_CHUNK_GAPS: InstrumentSpec = {
  name: 'gen_ai.client.operation.time_per_output_chunk',
  kind: 'histogram',
  unit: 's',
  description: 'Time from one chunk with content of a streamed call to the next.',
};
export const LLM_TOKENS: InstrumentSpec = {
  name: 'gen_ai.client.token.usage',
  kind: 'histogram',
  unit: '{token}',
  description:
    'Tokens per call by gen_ai.token.type: input (cached ones included) or output (reasoning included).',
};
export const LLM_CACHED_TOKENS: InstrumentSpec = {
  name: 'gen_ai.client.inference.usage.cache_read.input_tokens',
  kind: 'counter',
  unit: '{token}',
  description: "Input tokens read from the provider's prompt cache.",
};
export const LLM_REASONING_TOKENS: InstrumentSpec = {
  name: 'gen_ai.client.inference.usage.reasoning.output_tokens',
  kind: 'counter',
  unit: '{token}',
  description: 'Output tokens spent on reasoning.',
};
export const LLM_ESTIMATED: InstrumentSpec = {
  name: 'nervecenter.llm.estimated_calls',
  kind: 'counter',
  unit: '{call}',
  description: 'Calls whose tokens are estimated because the provider reported none.',
};
export const LLM_USAGE_MISMATCHES: InstrumentSpec = {
  name: 'nervecenter.llm.usage_mismatches',
  kind: 'counter',
  unit: '{call}',
  description: "Calls where the provider's total is not the sum of its parts.",
};
export const LLM_RATE_LIMITED: InstrumentSpec = {
  name: 'nervecenter.llm.rate_limited_calls',
  kind: 'counter',
  unit: '{call}',
  description: "Calls refused because there were too many (status 429, or the provider's word for it).",
};
export const LLM_COST: InstrumentSpec = {
  name: 'nervecenter.llm.cost',
  kind: 'counter',
  unit: 'USD',
  description: 'Cost of calls whose price is known.',
};
export const LLM_CACHE_SAVINGS: InstrumentSpec = {
  name: 'nervecenter.llm.cache_savings',
  kind: 'counter',
  unit: 'USD',
  description: "What reading from the providers' prompt caches cost less than the input price.",
};
export const LLM_UNPRICED: InstrumentSpec = {
  name: 'nervecenter.llm.unpriced_calls',
  kind: 'counter',
  unit: '{call}',
  description: 'Calls that were answered, or have usage or billed units, whose cost is not known.',
};

/** `error.type` of a call that the app gave up. */
export const ABORTED = 'aborted';

/** A call with its cost: the cost is found in the collector, so that pricing costs the app nothing. */
export type PricedLlmCallEvent = LlmCallEvent & { readonly cost: LlmCost };

const NO_COST: LlmCost = { usd: null, cacheSavingsUsd: null, source: 'none', priceVersion: null };
const costOf = (event: LlmCallEvent): LlmCost => (event as Partial<PricedLlmCallEvent>).cost ?? NO_COST;

export const llmCall: Signal<LlmCallEvent> = {
  name: 'llm-call',
  table: 'llm_call_metrics',
  instruments: [
    LLM_DURATION,
    LLM_FIRST_CHUNK,
    LLM_CHUNK_GAPS,
    LLM_TOKENS,
    LLM_CACHED_TOKENS,
    LLM_REASONING_TOKENS,
    LLM_ESTIMATED,
    LLM_USAGE_MISMATCHES,
    LLM_RATE_LIMITED,
    LLM_COST,
    LLM_CACHE_SAVINGS,
    LLM_UNPRICED,
  ],
  measure: measureCall,
  columns: [
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
  ],
};

/** `cost_usd` is the specification's DECIMAL(10,6): it rounds what is finer and refuses what is 10,000 USD and more. */
const COST_DECIMALS = 6;
const COST_USD_LIMIT = 9999.999_999_5;

function columnCost(usd: Usd | null): number | null {
  return usd === null || usd >= COST_USD_LIMIT ? null : usd;
}

/** The cost where that column cannot hold it; `null` where it can. */
function exactCost(usd: Usd | null): number | null {
  return usd !== null && Number(columnCost(usd)?.toFixed(COST_DECIMALS)) !== usd ? usd : null;
}

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

/** What metrics tell calls apart by. */
export function callAttributes(event: LlmCallEvent): Attributes {
  return {
    'gen_ai.operation.name': event.operation,
    'gen_ai.provider.name': event.labels?.provider ?? event.provider,
    'gen_ai.request.model': event.labels?.model ?? event.model,
  };
}

/** `error.type`, `null` where the call did not fail. */
function errorAttribute({ outcome, errorType, labels }: LlmCallEvent): string | null {
  if (outcome === 'ok') return null;
  return outcome === 'aborted' ? ABORTED : (labels?.errorType ?? errorType ?? '_OTHER');
}

function measureCall(event: LlmCallEvent, record: RecordMeasurement): void {
  const attributes = callAttributes(event);
  const error = errorAttribute(event);
  record(
    LLM_DURATION,
    toSeconds(event.durationMs),
    error === null ? attributes : { ...attributes, 'error.type': error },
  );
  if (event.firstTokenMs !== null) record(LLM_FIRST_CHUNK, toSeconds(event.firstTokenMs), attributes);
  if (event.usageSource === 'estimated') record(LLM_ESTIMATED, 1, attributes);
  if (event.usageMismatch) record(LLM_USAGE_MISMATCHES, 1, attributes);
  if (isRateLimited(event.statusCode, event.errorType)) record(LLM_RATE_LIMITED, 1, attributes);
  if (event.usage === null) return;
  record(LLM_TOKENS, promptTokens(event.usage), { ...attributes, 'gen_ai.token.type': 'input' });
  record(LLM_TOKENS, completionTokens(event.usage), { ...attributes, 'gen_ai.token.type': 'output' });
  if (event.usage.cacheRead > 0) record(LLM_CACHED_TOKENS, event.usage.cacheRead, attributes);
  if (event.usage.outputReasoning > 0) record(LLM_REASONING_TOKENS, event.usage.outputReasoning, attributes);
}

/**
 * Whether a call was billed as far as anyone can tell: it says for how much, or it was answered. One that failed or was
 * given up without either was not, and counts neither as priced nor as unpriced.
 */
function isBilled({ outcome, usage, billedUnits }: LlmCallEvent): boolean {
  return outcome === 'ok' || usage !== null || billedUnits !== null;
}

/** The cost instruments, recorded in the collector once the price is known. */
export function measureCost(event: PricedLlmCallEvent, record: RecordMeasurement): void {
  const attributes = callAttributes(event);
  const { usd, cacheSavingsUsd } = event.cost;
  if (usd !== null) record(LLM_COST, usd, attributes);
  else if (isBilled(event)) record(LLM_UNPRICED, 1, attributes);
  if (cacheSavingsUsd !== null && cacheSavingsUsd > 0) record(LLM_CACHE_SAVINGS, cacheSavingsUsd, attributes);
}
