import { tokenCount } from '../../../core/llm/token-counts.ts';
import type { BilledUnits, TokenUsage } from '../../../core/llm/usage.ts';
import type { Found, Wanted } from '../reader/json-scanner.ts';
import { asRecord, type RawUsage, tokenUsage } from '../tokens/raw-usage.ts';
import { COMMON_DIALECT, type Dialect, type Facts, NO_FACTS } from './dialect.ts';
import { endingIn, matching } from './paths.ts';

/** Cohere's counts, `usage` in version 2 and `meta` elsewhere. */
export const WANTED_COUNTS: Wanted = { billed_units: 'value', tokens: 'value', cached_tokens: 'value' };
/** Finish reasons that are failures, with status 200 and in the middle of a stream. */
const FAILURES: readonly unknown[] = ['ERROR', 'ERROR_TOXIC', 'ERROR_LIMIT', 'TIMEOUT'];

/** Cohere's chat, version 2. */
export const cohereChat: Dialect = {
  ...COMMON_DIALECT,
  name: 'cohere-chat',
  operation: 'chat',
  localProvider: 'cohere',
  matchPath: matching(/\/v2\/chat$/),
  requestKeys: ['messages'],
  answerMustTell: true,
  wanted: {
    type: 'value',
    message: 'value',
    finish_reason: 'value',
    usage: WANTED_COUNTS,
    delta: { finish_reason: 'value', error: 'value', usage: WANTED_COUNTS },
  },
  stream: {
    content: /"(?:text|thinking|tool_plan|arguments)"\s*:\s*"[^"]|"type"\s*:\s*"tool-call-start"/,
    facts: /"type"\s*:\s*"message-end"/,
    end: /"type"\s*:\s*"message-end"/,
  },
  read: (found) => readAnswer(found, ['usage', 'delta.usage'], ['finish_reason', 'delta.finish_reason']),
  countTokens: billedTokens,
  totalTokens: () => null,
  billedUnits: searchUnits,
};

/** Cohere's chat, version 1. Streams are lines of JSON; the last one repeats the whole answer. */
export const cohereChatV1: Dialect = {
  ...cohereChat,
  name: 'cohere-chat-v1',
  matchPath: matching(/\/v1\/chat$/),
  requestKeys: ['message'],
  wanted: {
    event_type: 'value',
    message: 'value',
    finish_reason: 'value',
    meta: WANTED_COUNTS,
    response: { meta: WANTED_COUNTS },
  },
  stream: {
    content: /"event_type"\s*:\s*"(?:text-generation|tool-calls-(?:chunk|generation))"/,
    facts: /"event_type"\s*:\s*"(?:stream-start|stream-end)"/,
    end: /"event_type"\s*:\s*"stream-end"/,
  },
  read: (found) => readAnswer(found, ['meta', 'response.meta'], ['finish_reason']),
};

/** Cohere's older completion. */
export const cohereGenerate: Dialect = {
  ...cohereChatV1,
  name: 'cohere-generate',
  operation: 'text_completion',
  matchPath: matching(/\/v1\/generate$/),
  requestKeys: ['prompt'],
  wanted: { ...cohereChatV1.wanted, generations: { '[]': { finish_reason: 'value' } } },
  read: (found) =>
    readAnswer(found, ['meta', 'response.meta'], ['finish_reason', 'generations.[].finish_reason']),
};

/** Cohere's embeddings of texts and images, both versions; Pinecone's, at its own host, count as OpenAI's do. */
export const cohereEmbed: Dialect = {
  ...COMMON_DIALECT,
  name: 'cohere-embed',
  operation: 'embeddings',
  localProvider: 'cohere',
  matchPath: endingIn(['/embed']),
  requestKeys: ['input_type'],
  answerMustTell: true,
  wanted: { message: 'value', meta: WANTED_COUNTS, usage: { total_tokens: 'value' } },
  read: readEmbeddings,
  countTokens: billedTokens,
  billedUnits: searchUnits,
};

function readEmbeddings(found: Found): Facts {
  const total = found.get('usage.total_tokens');
  const facts = readAnswer(found, ['meta'], []);
  return total === undefined ? facts : { ...facts, usage: { total_tokens: total }, telling: true };
}

/** @param countsAt where the counts may be, @param reasonsAt where the reason to stop may be. */
function readAnswer(found: Found, countsAt: readonly string[], reasonsAt: readonly string[]): Facts {
  const usage = countsAt.map((path) => countsIn(found, path)).find((counts) => counts !== null) ?? null;
  const finishReason = reasonsAt.map((path) => found.get(path)).find((reason) => typeof reason === 'string');
  const message = found.get('message');
  return {
    ...NO_FACTS,
    usage,
    failed: FAILURES.includes(finishReason),
    errors: FAILURES.includes(finishReason) ? [finishReason] : [],
    errorMessage: found.get('delta.error') ?? (typeof message === 'string' ? message : undefined),
    finishReason,
    telling:
      usage !== null || found.get('event_type') === 'stream-start' || found.get('type') === 'message-start',
  };
}

/** The counts under a path as one usage, `null` when there are none. */
export function countsIn(found: Found, path: string): RawUsage | null {
  const billed = asRecord(found.get(`${path}.billed_units`));
  const seen = asRecord(found.get(`${path}.tokens`));
  if (billed === null && seen === null) return null;
  return { billed, seen, cached: found.get(`${path}.cached_tokens`) };
}

/**
 * The tokens that are billed. Beside them Cohere counts all tokens that its model saw, its own preambles included, which
 * nobody pays; they stand in only where nothing says what is billed.
 */
export function billedTokens(raw: RawUsage): TokenUsage | null {
  const billed = asRecord(raw['billed']);
  const counts = billed ?? asRecord(raw['seen']);
  const texts = tokenCount(counts?.['input_tokens']) ?? tokenCount(raw['total_tokens']);
  const images = tokenCount(billed?.['image_tokens']);
  const output = tokenCount(counts?.['output_tokens']);
  if (texts === null && images === null && output === null) return null;
  const cacheRead = Math.min(tokenCount(raw['cached']) ?? 0, texts ?? 0);
  return tokenUsage({
    inputUncached: (texts ?? 0) - cacheRead,
    cacheRead,
    inputImage: images ?? 0,
    outputText: output ?? 0,
  });
}

/** Search units, and images where Cohere bills by them: newer models take them apart into tokens. */
export function searchUnits(raw: RawUsage): BilledUnits | null {
  const billed = asRecord(raw['billed']);
  const searches = tokenCount(billed?.['search_units']);
  const images = tokenCount(billed?.['image_tokens']) === null ? tokenCount(billed?.['images']) : null;
  if (searches === null && images === null) return null;
  return { ...(searches === null ? {} : { searches }), ...(images === null ? {} : { images }) };
}
