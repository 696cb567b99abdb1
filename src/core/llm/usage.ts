import type { Tokens } from '../units.ts';

/**
 * Tokens of one call in disjoint buckets. Providers overlap them (OpenAI's `prompt_tokens` includes cached ones,
 * Anthropic's `input_tokens` does not), so parsers take them apart before anything is counted.
 */
export interface TokenUsage {
  readonly inputUncached: Tokens;
  readonly cacheRead: Tokens;
  readonly cacheWrite5m: Tokens;
  readonly cacheWrite1h: Tokens;
  /** Audio and images sent, where the provider counts them apart from text. */
  readonly inputAudio: Tokens;
  readonly inputImage: Tokens;
  readonly outputText: Tokens;
  readonly outputReasoning: Tokens;
  readonly outputAudio: Tokens;
  readonly outputImage: Tokens;
}

/** What a provider bills besides tokens; absent where it does not say. */
export interface BilledUnits {
  /** Cohere's search units, and web searches a model made. */
  readonly searches?: number;
  readonly images?: number;
  /** Audio transcribed. */
  readonly audioSeconds?: number;
}

export type UsageSource = 'provider' | 'estimated' | 'none';

/** The sum of everything sent to the model, cached or not: the spec's `prompt_tokens`. */
export function promptTokens(usage: TokenUsage): Tokens {
  const cached = usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
  return (usage.inputUncached + cached + usage.inputAudio + usage.inputImage) as Tokens;
}

/** The sum of everything the model produced, reasoning included: the spec's `completion_tokens`. */
export function completionTokens(usage: TokenUsage): Tokens {
  return (usage.outputText + usage.outputReasoning + usage.outputAudio + usage.outputImage) as Tokens;
}
