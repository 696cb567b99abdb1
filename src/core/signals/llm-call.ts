import type { Meter } from '@opentelemetry/api';
import type { Attribution, EventBase } from '../event.ts';
import type { Attributes } from '../frame.ts';
import { COUNTS, DURATIONS, distribution, ERRORS, FAILURES, MONEY, total } from '../history/measures.ts';
import { CALL_COLUMNS } from '../llm/call-columns.ts';
import { type LlmCost, STORED_COST } from '../llm/cost.ts';
import { CALL_MODEL, CALL_OPERATION, CALL_PROVIDER } from '../llm/labels.ts';
import { RATE_LIMIT_ERRORS, TOO_MANY_REQUESTS } from '../llm/rate-limit.ts';
import {
  type BilledUnits,
  completionTokens,
  promptTokens,
  type TokenUsage,
  type UsageSource,
} from '../llm/usage.ts';
import { type Milliseconds, toSeconds, type Usd } from '../units.ts';
import {
  ATTRIBUTION,
  type Check,
  EVENT,
  isBoolean,
  isCount,
  isName,
  isText,
  isWhole,
  oneOf,
  optional,
  orNull,
  recordOf,
  shaped,
} from './checks.ts';
import { allOf, anyOf, asked, equals, isPresent, isWordOf, not } from './facts.ts';
import { type CounterSpec, counterOf, type HistogramSpec, histogramOf } from './instruments.ts';
import { PEOPLE, SENDER } from './row.ts';
import type { Signal } from './signal.ts';

export type LlmOutcome = 'ok' | 'error' | 'aborted';

/** What is known of a call besides tokens and times; `null` where nobody tells. */
export interface LlmCallDetails {
  /** HTTP status of the answer; `null` when none came. */
  readonly statusCode: number | null;
  /** Which try of one operation: 0 the first, 1 the first retry. All have the operation's trace. */
  readonly attempt: number | null;
  /** The provider's own words for a failure, at most 500 characters; only with `NERVECENTER_ERROR_MESSAGES=on`. */
  readonly errorMessage: string | null;
  /** After a refusal for too many requests: when the provider says to come back. */
  readonly rateLimitResetMs: Milliseconds | null;
  /** Why the model stopped, in the provider's word: `stop`, `length`, `content_filter`, `tool_use`. */
  readonly finishReason: string | null;
  /** 95th percentile of the time between two chunks with content. */
  readonly chunkGapP95Ms: Milliseconds | null;
  /** The provider's total is not the sum of its parts. */
  readonly usageMismatch: boolean;
  /** The tier the provider says it served (`priority`, `flex`), which has prices of its own. */
  readonly serviceTier: string | null;
  readonly billedUnits: BilledUnits | null;
}

/** Nothing of it known. */
export const NO_CALL_DETAILS: LlmCallDetails = {
  statusCode: null,
  attempt: null,
  errorMessage: null,
  rateLimitResetMs: null,
  finishReason: null,
  chunkGapP95Ms: null,
  usageMismatch: false,
  serviceTier: null,
  billedUnits: null,
};

/** What metrics show instead of a call's names, where a bound of labels was reached: `other`. */
export interface LlmCallLabels {
  readonly provider?: string;
  readonly model?: string;
  readonly errorType?: string;
}

/** One call of a model provider: chat, completion, embedding, rerank. */
export interface LlmCallEvent extends EventBase, Attribution, LlmCallDetails {
  readonly signal: 'llm-call';
  /** Provider id as in `gen_ai.provider.name` where one exists (`openai`, `anthropic`, `x_ai`), else the host name. */
  readonly provider: string;
  /** Host the call went to, without port; `null` when it is not known (recorder). Used to find the price. */
  readonly serverAddress: string | null;
  /** `chat`, `embeddings`, … (`gen_ai.operation.name`). */
  readonly operation: string;
  /** The model the app asked for; the response's when the request names none; `unknown` when neither does. */
  readonly model: string;
  /** The model the provider says it used (`gpt-4o-2024-08-06`), the better key for a price. */
  readonly responseModel: string | null;
  readonly streaming: boolean;
  /** `null` when no usage is known. */
  readonly usage: TokenUsage | null;
  readonly usageSource: UsageSource;
  readonly durationMs: Milliseconds;
  /** First chunk with content; `null` when the call was not streamed or had none. */
  readonly firstTokenMs: Milliseconds | null;
  readonly outcome: LlmOutcome;
  /** `error.type` by convention: HTTP status as text, an error code (`ECONNRESET`), or the provider's error type. */
  readonly errorType: string | null;
  readonly queryCategory: string | null;
  /** What the provider itself says it billed, when it does. */
  readonly reportedCostUsd: Usd | null;
  /** Absent where metrics show the names themselves. Rows and prices go by the names. */
  readonly labels?: LlmCallLabels;
}

export const LLM_DURATION: HistogramSpec = {
  name: 'gen_ai.client.operation.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of calls to a model provider.',
};
export const LLM_FIRST_CHUNK: HistogramSpec = {
  name: 'gen_ai.client.operation.time_to_first_chunk',
  kind: 'histogram',
  unit: 's',
  description: 'Time to the first chunk with content of a streamed call.',
};
export const LLM_CHUNK_GAPS: HistogramSpec = {
  name: 'gen_ai.client.operation.time_per_output_chunk',
  kind: 'histogram',
  unit: 's',
  description: 'Time from one chunk with content of a streamed call to the next.',
};
export const LLM_TOKENS: HistogramSpec = {
  name: 'gen_ai.client.token.usage',
  kind: 'histogram',
  unit: '{token}',
  description:
    'Tokens per call by gen_ai.token.type: input (cached ones included) or output (reasoning included).',
};
export const LLM_CACHED_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.cache_read.input_tokens',
  kind: 'counter',
  unit: '{token}',
  description: "Input tokens read from the provider's prompt cache.",
};
export const LLM_REASONING_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.reasoning.output_tokens',
  kind: 'counter',
  unit: '{token}',
  description: 'Output tokens spent on reasoning.',
};
export const LLM_ESTIMATED: CounterSpec = {
  name: 'nervecenter.llm.estimated_calls',
  kind: 'counter',
  unit: '{call}',
  description: 'Calls whose tokens are estimated because the provider reported none.',
};
export const LLM_USAGE_MISMATCHES: CounterSpec = {
  name: 'nervecenter.llm.usage_mismatches',
  kind: 'counter',
  unit: '{call}',
  description: "Calls where the provider's total is not the sum of its parts.",
};
export const LLM_RATE_LIMITED: CounterSpec = {
  name: 'nervecenter.llm.rate_limited_calls',
  kind: 'counter',
  unit: '{call}',
  description: "Calls refused because there were too many (status 429, or the provider's word for it).",
};
export const LLM_COST: CounterSpec = {
  name: 'nervecenter.llm.cost',
  kind: 'counter',
  unit: 'USD',
  description: 'Cost of calls whose price is known.',
};
export const LLM_CACHE_SAVINGS: CounterSpec = {
  name: 'nervecenter.llm.cache_savings',
  kind: 'counter',
  unit: 'USD',
  description: "What reading from the providers' prompt caches cost less than the input price.",
};
export const LLM_UNPRICED: CounterSpec = {
  name: 'nervecenter.llm.unpriced_calls',
  kind: 'counter',
  unit: '{call}',
  description: 'Calls that were answered, or have usage or billed units, whose cost is not known.',
};

/** `error.type` of a call that the app gave up. */
export const ABORTED = 'aborted';

/** A call with its cost: the cost is found in the collector, so that pricing costs the app nothing. */
export type PricedLlmCallEvent = LlmCallEvent & { readonly cost: LlmCost };

const BILLED_UNITS_MAX = 10;
const USAGE: Readonly<Record<keyof TokenUsage, Check>> = {
  inputUncached: isCount,
  cacheRead: isCount,
  cacheWrite5m: isCount,
  cacheWrite1h: isCount,
  inputAudio: isCount,
  inputImage: isCount,
  outputText: isCount,
  outputReasoning: isCount,
  outputAudio: isCount,
  outputImage: isCount,
};
const LABELS: Readonly<Record<keyof LlmCallLabels, Check>> = {
  provider: optional(isName),
  model: optional(isName),
  errorType: optional(isName),
};

/** Writers that know no outcome have `success` only. A call the app gave up did not fail. */
const ANSWERED = anyOf(equals('outcome', 'ok'), allOf(not(isPresent('outcome')), equals('success', true)));
const FAILED = anyOf(
  equals('outcome', 'error'),
  allOf(not(isPresent('outcome')), not(equals('success', true))),
);
/**
 * Whether a call was billed as far as anyone can tell: it says for how much, or it was answered. One that failed or was
 * given up without either was not, and counts neither as priced nor as unpriced.
 */
export const BILLED = anyOf(ANSWERED, isPresent('total_tokens'), isPresent('billed_units'));
const UNPRICED = allOf(not(isPresent('cost_usd')), not(isPresent('cost_exact_usd')), BILLED);
const ESTIMATED = equals('usage_source', 'estimated');
/** A call refused because there were too many, by its status or by the provider's word for its failure. */
const RATE_LIMITED = anyOf(
  equals('status_code', TOO_MANY_REQUESTS),
  isWordOf('error_type', RATE_LIMIT_ERRORS),
);
const isUnpriced = asked(UNPRICED, CALL_COLUMNS);
const isEstimated = asked(ESTIMATED, CALL_COLUMNS);
export const isRateLimited = asked(RATE_LIMITED, CALL_COLUMNS);

export const llmCall: Signal<LlmCallEvent> = {
  name: 'llm-call',
  words: { title: 'LLM calls', plural: 'LLM calls' },
  table: 'llm_call_metrics',
  namedBy: ['operation', 'model'],
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
  measure: measureCalls,
  columns: CALL_COLUMNS,
  accepts: {
    ...EVENT,
    ...ATTRIBUTION,
    provider: isText,
    serverAddress: orNull(isText),
    operation: isText,
    model: isText,
    responseModel: orNull(isText),
    streaming: isBoolean,
    usage: orNull(shaped(USAGE)),
    usageSource: oneOf('provider', 'estimated', 'none'),
    durationMs: isCount,
    firstTokenMs: orNull(isCount),
    outcome: oneOf('ok', 'error', 'aborted'),
    errorType: orNull(isText),
    queryCategory: orNull(isText),
    reportedCostUsd: orNull(isCount),
    statusCode: orNull(isWhole),
    attempt: orNull(isWhole),
    errorMessage: orNull(isText),
    rateLimitResetMs: orNull(isCount),
    finishReason: orNull(isText),
    chunkGapP95Ms: orNull(isCount),
    usageMismatch: isBoolean,
    serviceTier: orNull(isText),
    billedUnits: orNull(recordOf(isCount, BILLED_UNITS_MAX)),
    labels: optional(shaped(LABELS)),
  },
  history: {
    dimensions: { model: 'r.model', provider: 'r.provider', ...PEOPLE, ...SENDER },
    fields: {
      value: {
        value: { column: 'elapsed_ms' },
        rolledBy: ['model', 'provider', 'department'],
        hourlyBy: ['user'],
      },
      first_token: {
        value: { column: 'first_token_ms' },
        onlyWithValue: true,
        rolledBy: ['model', 'provider'],
      },
    },
    sums: {
      errors: FAILED,
      cost_usd: STORED_COST,
      cache_savings_usd: 'r.cache_savings_usd',
      tokens: 'r.total_tokens',
      tokens_in: 'r.prompt_tokens',
      tokens_out: 'r.completion_tokens',
      tokens_cached: 'r.cached_tokens',
      tokens_reasoning: 'r.reasoning_tokens',
      tokens_cache_write: 'r.cache_write_tokens',
      unpriced: UNPRICED,
      aborted: equals('outcome', 'aborted'),
      estimated: ESTIMATED,
      rate_limited: RATE_LIMITED,
    },
    measures: {
      ...COUNTS,
      ...DURATIONS,
      ...ERRORS,
      ...distribution({
        unit: 'ms',
        heading: 'First token',
        noun: 'time to first token',
        field: 'first_token',
        prefix: 'first_token_',
      }),
      cost: total('USD', 'cost_usd'),
      cache_savings: total('USD', 'cache_savings_usd', { words: 'savings by caching' }),
      tokens: total('tokens', 'tokens'),
      tokens_in: total('tokens', 'tokens_in', { words: 'input tokens' }),
      tokens_out: total('tokens', 'tokens_out', { words: 'output tokens' }),
      tokens_cached: total('tokens', 'tokens_cached', { words: 'tokens from the cache' }),
      tokens_reasoning: total('tokens', 'tokens_reasoning', { words: 'reasoning tokens' }),
      tokens_cache_write: total('tokens', 'tokens_cache_write', { words: 'tokens written to the cache' }),
      unpriced: total('events', 'unpriced', { words: 'calls without a price', heading: MONEY }),
      estimated: total('events', 'estimated', { words: 'estimated calls', heading: MONEY }),
      aborted: total('events', 'aborted', { words: 'aborted calls', heading: FAILURES }),
      rate_limited: total('events', 'rate_limited', { words: 'rate limits', heading: FAILURES }),
    },
    firstMeasure: 'cost',
  },
  retention: { key: 'llm', days: 90 },
};

/** What metrics tell a call apart by. */
export function callAttributes(event: LlmCallEvent): Attributes {
  return {
    [CALL_OPERATION]: event.operation,
    [CALL_PROVIDER]: event.labels?.provider ?? event.provider,
    [CALL_MODEL]: event.labels?.model ?? event.model,
  };
}

/** `error.type`, `null` where the call did not fail. */
function errorAttribute({ outcome, errorType, labels }: LlmCallEvent): string | null {
  if (outcome === 'ok') return null;
  return outcome === 'aborted' ? ABORTED : (labels?.errorType ?? errorType ?? '_OTHER');
}

/** What is known of a call by itself; what it cost is measured where the collector has found it. */
function measureCalls(meter: Meter): (event: LlmCallEvent) => void {
  const duration = histogramOf(meter, LLM_DURATION);
  const firstChunk = histogramOf(meter, LLM_FIRST_CHUNK);
  const estimated = counterOf(meter, LLM_ESTIMATED);
  const mismatches = counterOf(meter, LLM_USAGE_MISMATCHES);
  const rateLimited = counterOf(meter, LLM_RATE_LIMITED);
  const measureUsage = usageMeasure(meter);
  const measureCost = costMeasure(meter);
  return (event) => {
    const attributes = callAttributes(event);
    const error = errorAttribute(event);
    duration.record(
      toSeconds(event.durationMs),
      error === null ? attributes : { ...attributes, 'error.type': error },
    );
    if (event.firstTokenMs !== null) firstChunk.record(toSeconds(event.firstTokenMs), attributes);
    if (isEstimated(event)) estimated.add(1, attributes);
    if (event.usageMismatch) mismatches.add(1, attributes);
    if (isRateLimited(event)) rateLimited.add(1, attributes);
    if (event.usage !== null) measureUsage(event.usage, attributes);
    if ('cost' in event) measureCost(event as PricedLlmCallEvent, attributes);
  };
}

function usageMeasure(meter: Meter): (usage: TokenUsage, attributes: Attributes) => void {
  const tokens = histogramOf(meter, LLM_TOKENS);
  const cached = counterOf(meter, LLM_CACHED_TOKENS);
  const reasoning = counterOf(meter, LLM_REASONING_TOKENS);
  return (usage, attributes) => {
    tokens.record(promptTokens(usage), { ...attributes, 'gen_ai.token.type': 'input' });
    tokens.record(completionTokens(usage), { ...attributes, 'gen_ai.token.type': 'output' });
    if (usage.cacheRead > 0) cached.add(usage.cacheRead, attributes);
    if (usage.outputReasoning > 0) reasoning.add(usage.outputReasoning, attributes);
  };
}

function costMeasure(meter: Meter): (event: PricedLlmCallEvent, attributes: Attributes) => void {
  const cost = counterOf(meter, LLM_COST);
  const unpriced = counterOf(meter, LLM_UNPRICED);
  const savings = counterOf(meter, LLM_CACHE_SAVINGS);
  return (event, attributes) => {
    const { usd, cacheSavingsUsd } = event.cost;
    if (usd !== null) cost.add(usd, attributes);
    if (isUnpriced(event)) unpriced.add(1, attributes);
    if (cacheSavingsUsd !== null && cacheSavingsUsd > 0) savings.add(cacheSavingsUsd, attributes);
  };
}
