import { completionTokens, type TokenUsage } from '../../../core/llm/usage.ts';
import { tokens } from '../../../core/units.ts';
import { tokenUsage } from './raw-usage.ts';
import { jsonStringWeight } from './token-weight.ts';

/**
 * No more than the context of common models: what is longer carries images or files, whose bytes have nothing to do with
 * their tokens.
 */
export const ESTIMATED_INPUT_MAX = 128_000;
/**
 * Most providers send one event per token, a few send several tokens in one. An event that weighs less than this is one
 * token, as only two of a thousand tokens weigh more.
 */
const ONE_TOKEN_WEIGHT_MAX = 2.5;
/** Where streams carry text, reasoning, and the arguments of tools. */
const TEXT =
  /"(?:content|reasoning_content|reasoning|thinking|text|delta|partial_json|arguments|refusal)"\s*:\s*"/g;

/** What is known of a call whose provider said nothing (final) about tokens. */
export interface EstimateBasis {
  /** Of the request, by `RequestWeight`. */
  readonly inputTokens: number;
  /** Of the stream's events with content, by `contentTokens`. */
  readonly outputTokens: number;
  /** Counts from the beginning of the stream, as Anthropic sends them. */
  readonly provisional: TokenUsage | null;
}

/** A guess that is marked as one (`usageSource: 'estimated'`). More text never gives fewer tokens. */
export function estimateUsage(basis: EstimateBasis): TokenUsage {
  const { provisional } = basis;
  const seen = Math.round(basis.outputTokens);
  if (provisional !== null) {
    const more = Math.max(0, seen - completionTokens(provisional));
    return { ...provisional, outputText: tokens(provisional.outputText + more) };
  }
  return tokenUsage({ inputUncached: basis.inputTokens, outputText: seen });
}

/**
 * Where the text of an event with content begins, behind its quote; -1 when it has none. The first only: some repeat it under
 * a second key.
 *
 * @param text the event's data, bytes as characters (latin1).
 * @param from where to look for it: at or before its key.
 */
export function textAt(text: string, from: number): number {
  TEXT.lastIndex = from;
  return TEXT.test(text) ? TEXT.lastIndex : -1;
}

/** Tokens of one event with content: at least 1. @param wordAt what `textAt` says. */
export function contentTokens(text: string, wordAt: number): number {
  const weight = wordAt === -1 ? 0 : jsonStringWeight(text, wordAt);
  return weight < ONE_TOKEN_WEIGHT_MAX ? 1 : weight;
}
