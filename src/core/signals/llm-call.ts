import type { Attribution, EventBase } from '../event.ts';
import { COUNTS, DURATIONS, distribution, ERRORS, FAILURES, MONEY, total } from '../history/measures.ts';
import { CALL_COLUMNS } from '../llm/call-columns.ts';
import { ESTIMATED, FAILED, RATE_LIMITED, UNPRICED } from '../llm/call-facts.ts';
import { CALL_INSTRUMENTS } from '../llm/call-instruments.ts';
import { measureCalls } from '../llm/call-measure.ts';
import { type LlmCost, STORED_COST } from '../llm/cost.ts';
import type { BilledUnits, TokenUsage, UsageSource } from '../llm/usage.ts';
import { ATTRIBUTION_RECORD, EVENT_RECORD } from '../records/layout.ts';
import type { Milliseconds, Usd } from '../units.ts';
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
import { equals } from './facts.ts';
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
  /** Absent: the default of its protocol, or not known. */
  readonly serverPort?: number;
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
  /**
   * The span that it happened in, `parentSpanId`, is one of the app's own that says the same: it goes out, and none of ours.
   * In no row.
   *
   * @default false
   */
  readonly hasAppSpan?: boolean;
  /** Absent where metrics show the names themselves. Rows and prices go by the names. */
  readonly labels?: LlmCallLabels;
}

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

export const llmCall: Signal<LlmCallEvent> = {
  name: 'llm-call',
  words: { title: 'LLM calls', plural: 'LLM calls' },
  table: 'llm_call_metrics',
  namedBy: ['operation', 'model'],
  instruments: CALL_INSTRUMENTS,
  measure: measureCalls,
  columns: CALL_COLUMNS,
  record: {
    ...EVENT_RECORD,
    ...ATTRIBUTION_RECORD,
    provider: 'name',
    serverAddress: 'name',
    serverPort: 'number',
    operation: 'name',
    model: 'name',
    responseModel: 'name',
    streaming: 'flag',
    usage: 'numbers',
    usageSource: 'name',
    durationMs: 'number',
    firstTokenMs: 'number',
    outcome: 'name',
    errorType: 'name',
    queryCategory: 'name',
    reportedCostUsd: 'number',
    hasAppSpan: 'flag',
    statusCode: 'number',
    attempt: 'number',
    errorMessage: 'text',
    rateLimitResetMs: 'number',
    finishReason: 'name',
    chunkGapP95Ms: 'number',
    usageMismatch: 'flag',
    serviceTier: 'name',
    billedUnits: 'numbers',
    labels: 'json',
  },
  accepts: {
    ...EVENT,
    ...ATTRIBUTION,
    provider: isText,
    serverAddress: orNull(isText),
    serverPort: optional(isWhole),
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
    hasAppSpan: optional(isBoolean),
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
