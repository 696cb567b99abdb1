import { amountUsd, fromInclusive, partsOf, TOKENS_MAX, tokenCount } from '../../../core/llm/token-counts.ts';
import type { BilledUnits, TokenUsage } from '../../../core/llm/usage.ts';
import { tokens, type Usd, usd } from '../../../core/units.ts';

/** A provider's `usage` object as it came: nothing about it is trusted. */
export type RawUsage = Readonly<Record<string, unknown>>;

/** xAI reports cost in ticks of 1e-10 USD. */
const XAI_TICKS_PER_USD = 10_000_000_000;

export function asRecord(value: unknown): RawUsage | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawUsage) : null;
}

interface Buckets {
  readonly inputUncached?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite5m?: number | undefined;
  readonly cacheWrite1h?: number | undefined;
  readonly inputAudio?: number | undefined;
  readonly inputImage?: number | undefined;
  readonly outputText?: number | undefined;
  readonly outputReasoning?: number | undefined;
  readonly outputAudio?: number | undefined;
  readonly outputImage?: number | undefined;
}

export function tokenUsage(buckets: Buckets): TokenUsage {
  return {
    inputUncached: tokens(buckets.inputUncached ?? 0),
    cacheRead: tokens(buckets.cacheRead ?? 0),
    cacheWrite5m: tokens(buckets.cacheWrite5m ?? 0),
    cacheWrite1h: tokens(buckets.cacheWrite1h ?? 0),
    inputAudio: tokens(buckets.inputAudio ?? 0),
    inputImage: tokens(buckets.inputImage ?? 0),
    outputText: tokens(buckets.outputText ?? 0),
    outputReasoning: tokens(buckets.outputReasoning ?? 0),
    outputAudio: tokens(buckets.outputAudio ?? 0),
    outputImage: tokens(buckets.outputImage ?? 0),
  };
}

/** `usage` of chat completions, completions and embeddings, with the spellings of the compatible providers. */
export function chatUsage(raw: RawUsage): TokenUsage | null {
  const input = asRecord(raw['prompt_tokens_details']);
  const output = asRecord(raw['completion_tokens_details']);
  return fromInclusive({
    input: tokenCount(raw['prompt_tokens']),
    output: tokenCount(raw['completion_tokens']),
    total: tokenCount(raw['total_tokens']),
    cacheRead:
      tokenCount(input?.['cached_tokens']) ??
      tokenCount(raw['prompt_cache_hit_tokens']) ?? // DeepSeek
      tokenCount(raw['cached_tokens']) ?? // Moonshot
      tokenCount(raw['cache_read_input_tokens']), // LiteLLM, for Anthropic's models
    cacheWrite:
      tokenCount(input?.['cache_write_tokens']) ?? // OpenRouter
      tokenCount(raw['cache_creation_input_tokens']), // LiteLLM
    inputAudio: tokenCount(input?.['audio_tokens']),
    inputImage: tokenCount(input?.['image_tokens']), // xAI
    reasoning: tokenCount(output?.['reasoning_tokens']) ?? tokenCount(raw['reasoning_tokens']),
    outputAudio: tokenCount(output?.['audio_tokens']),
    outputImage: tokenCount(output?.['image_tokens']), // OpenRouter
  });
}

/** `usage` of the Responses API, and of OpenAI's images and transcriptions, which count alike. */
export function responsesUsage(raw: RawUsage): TokenUsage | null {
  const input = asRecord(raw['input_tokens_details']) ?? asRecord(raw['input_token_details']); // Transcriptions.
  const output = asRecord(raw['output_tokens_details']) ?? asRecord(raw['output_token_details']);
  return fromInclusive({
    input: tokenCount(raw['input_tokens']),
    output: tokenCount(raw['output_tokens']),
    total: tokenCount(raw['total_tokens']),
    cacheRead: tokenCount(input?.['cached_tokens']),
    cacheWrite: tokenCount(input?.['cache_write_tokens']),
    inputAudio: tokenCount(input?.['audio_tokens']),
    inputImage: tokenCount(input?.['image_tokens']),
    reasoning: tokenCount(output?.['reasoning_tokens']),
    outputAudio: tokenCount(output?.['audio_tokens']),
    outputImage: tokenCount(output?.['image_tokens']),
  });
}

/** `usage` of Anthropic messages: the buckets are disjoint already, thinking is part of the output. */
export function messagesUsage(raw: RawUsage): TokenUsage | null {
  const own = messageUsage(raw);
  return own === null ? null : compactions(raw).reduce(sumOf, own);
}

/** Compacting the context is a run of the model of its own, billed, and not part of the counts at the top. */
function compactions(raw: RawUsage): TokenUsage[] {
  const iterations: readonly unknown[] = Array.isArray(raw['iterations']) ? raw['iterations'] : [];
  return iterations
    .map(asRecord)
    .map((run) => (run?.['type'] === 'compaction' ? messageUsage(run) : null))
    .filter((usage) => usage !== null);
}

function sumOf(one: TokenUsage, other: TokenUsage): TokenUsage {
  const sum = (bucket: keyof TokenUsage) => Math.min(one[bucket] + other[bucket], TOKENS_MAX);
  return tokenUsage({
    inputUncached: sum('inputUncached'),
    cacheRead: sum('cacheRead'),
    cacheWrite5m: sum('cacheWrite5m'),
    cacheWrite1h: sum('cacheWrite1h'),
    outputText: sum('outputText'),
    outputReasoning: sum('outputReasoning'),
  });
}

function messageUsage(raw: RawUsage): TokenUsage | null {
  const input = tokenCount(raw['input_tokens']);
  const output = tokenCount(raw['output_tokens']);
  if (input === null && output === null) return null;
  const split = asRecord(raw['cache_creation']);
  const oneHour = tokenCount(split?.['ephemeral_1h_input_tokens']) ?? 0;
  const fiveMinutes = tokenCount(split?.['ephemeral_5m_input_tokens']) ?? 0;
  const written = tokenCount(raw['cache_creation_input_tokens']) ?? oneHour + fiveMinutes;
  const cacheWrite1h = Math.min(oneHour, written);
  const thinking = tokenCount(asRecord(raw['output_tokens_details'])?.['thinking_tokens']);
  const [outputReasoning, outputText] = partsOf(output ?? 0, [thinking]);
  return tokenUsage({
    inputUncached: input ?? 0,
    cacheRead: tokenCount(raw['cache_read_input_tokens']) ?? 0,
    cacheWrite1h,
    cacheWrite5m: written - cacheWrite1h,
    outputText,
    outputReasoning,
  });
}

/** Web searches that the model made and that cost apart: Perplexity's, OpenRouter's and Anthropic's, xAI's sources. */
export function searchesMade(usage: RawUsage): BilledUnits | null {
  const searches =
    tokenCount(usage['num_search_queries']) ??
    tokenCount(asRecord(usage['server_tool_use'])?.['web_search_requests']) ??
    tokenCount(usage['num_sources_used']);
  return searches === null || searches === 0 ? null : { searches };
}

/**
 * What the provider says the call cost: xAI's ticks, OpenRouter's `cost`, Perplexity's `cost.total_cost`. With a key of
 * one's own OpenRouter's `cost` is its fee alone, and the model is paid to its provider.
 */
export function reportedCost(raw: RawUsage): Usd | null {
  const ticks = raw['cost_in_usd_ticks'];
  if (typeof ticks === 'number') return amountUsd(ticks / XAI_TICKS_PER_USD);
  const cost = amountUsd(asRecord(raw['cost'])?.['total_cost'] ?? raw['cost']);
  const details = raw['is_byok'] === true ? asRecord(raw['cost_details']) : null;
  const upstream = amountUsd(details?.['upstream_inference_cost']);
  return upstream === null ? cost : usd((cost ?? 0) + upstream);
}
