import { tokens, type Usd, usd } from '../units.ts';
import type { TokenUsage } from './usage.ts';

/** More tokens than any model takes or makes in one call: such a number is a mistake, and would not fit its column. */
export const TOKENS_MAX = 1_000_000_000;

/** A single call never costs more: such a number is in another unit. */
const USD_MAX = 1_000_000;

/** The value as a whole number of tokens, `null` when it is anything else. */
export function tokenCount(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= TOKENS_MAX
    ? (value as number) + 0 // JSON knows -0, accounts do not.
    : null;
}

/** The value as an amount of money, `null` when it is anything else. */
export function amountUsd(value: unknown): Usd | null {
  return typeof value === 'number' && value >= 0 && value <= USD_MAX ? usd(value) : null;
}

/** How OpenAI counts: cached, audio and image tokens are part of the input; reasoning, audio and images of the output. */
export interface InclusiveCounts {
  readonly input: number | null;
  readonly output: number | null;
  readonly total: number | null;
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
  readonly inputAudio: number | null;
  readonly inputImage: number | null;
  readonly reasoning: number | null;
  readonly outputAudio: number | null;
  readonly outputImage: number | null;
}

const NO_TOKENS: TokenUsage = {
  inputUncached: tokens(0),
  cacheRead: tokens(0),
  cacheWrite5m: tokens(0),
  cacheWrite1h: tokens(0),
  inputAudio: tokens(0),
  inputImage: tokens(0),
  outputText: tokens(0),
  outputReasoning: tokens(0),
  outputAudio: tokens(0),
  outputImage: tokens(0),
};

/** Most calls tell two numbers. */
function hasNoParts(parts: InclusiveCounts): boolean {
  return (
    parts.cacheRead === null &&
    parts.cacheWrite === null &&
    parts.inputAudio === null &&
    parts.inputImage === null &&
    parts.reasoning === null &&
    parts.outputAudio === null &&
    parts.outputImage === null
  );
}

/** Takes inclusive counts apart; `null` when neither input nor output is known. */
export function fromInclusive(counts: InclusiveCounts): TokenUsage | null {
  const { total } = counts;
  if (counts.input === null && counts.output === null && total === null) return null;
  const output = counts.output ?? 0;
  const input = counts.input ?? Math.max(0, (total ?? 0) - output);
  if (hasNoParts(counts)) return { ...NO_TOKENS, inputUncached: tokens(input), outputText: tokens(output) };
  const outside = partsOutside(input, output, counts);
  const cached = [counts.cacheRead, counts.cacheWrite];
  const cachedOutside = outside.cached ? cached : [];
  const reasoningOutside = outside.reasoning ? (counts.reasoning ?? 0) : 0;
  const [cacheRead, cacheWrite, inputAudio, inputImage, inputUncached] = partsOf(input, [
    ...(outside.cached ? [0, 0] : cached),
    counts.inputAudio,
    counts.inputImage,
  ]);
  const [reasoning, outputAudio, outputImage, outputText] = partsOf(output, [
    outside.reasoning ? 0 : counts.reasoning,
    counts.outputAudio,
    counts.outputImage,
  ]);
  return {
    inputUncached: tokens(inputUncached ?? 0),
    cacheRead: tokens((cacheRead ?? 0) + (cachedOutside[0] ?? 0)),
    cacheWrite5m: tokens((cacheWrite ?? 0) + (cachedOutside[1] ?? 0)),
    cacheWrite1h: tokens(0),
    inputAudio: tokens(inputAudio ?? 0),
    inputImage: tokens(inputImage ?? 0),
    outputText: tokens(outputText ?? 0),
    outputReasoning: tokens((reasoning ?? 0) + reasoningOutside),
    outputAudio: tokens(outputAudio ?? 0),
    outputImage: tokens(outputImage ?? 0),
  };
}

/**
 * The parts of a whole, and what is left of it. A part is never larger than what the earlier ones leave: cached audio is
 * counted as cached, and no claim makes a bucket negative.
 */
export function partsOf(whole: number, claims: readonly (number | null)[]): number[] {
  let rest = whole;
  const parts = claims.map((claim) => {
    const part = Math.min(claim ?? 0, rest);
    rest -= part;
    return part;
  });
  return [...parts, rest];
}

interface Outside {
  readonly cached: boolean;
  readonly reasoning: boolean;
}

/**
 * xAI's chat API counts reasoning next to the completion, everybody else inside it; some gateways count cached tokens next
 * to the input. What is larger than the whole cannot be its part; else the sum that the total equals is the true one.
 */
function partsOutside(input: number, output: number, counts: InclusiveCounts): Outside {
  const { total } = counts;
  if (counts.input === null && counts.output === null) return { cached: false, reasoning: false };
  const cachedTokens = (counts.cacheRead ?? 0) + (counts.cacheWrite ?? 0);
  const reasoningTokens = counts.reasoning ?? 0;
  const cached = counts.input !== null && cachedTokens > input;
  const reasoning = reasoningTokens > output;
  if (total === null) return { cached, reasoning };
  const rest = total - input - output - (cached ? cachedTokens : 0) - (reasoning ? reasoningTokens : 0);
  if (rest <= 0) return { cached, reasoning };
  if (!reasoning && rest === reasoningTokens) return { cached, reasoning: true };
  if (!cached && rest === cachedTokens) return { cached: true, reasoning };
  return !cached && !reasoning && rest === cachedTokens + reasoningTokens
    ? { cached: true, reasoning: true }
    : { cached, reasoning };
}
