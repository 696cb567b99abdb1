import type { OtlpSpan } from '../model.ts';
import { type CallNames, COMMON_CALL_KEYS, keysOf, readCall } from './calls.ts';
import type { SpanDialect, SpanRole } from './dialect.ts';
import { GEN_AI_NAMES } from './gen-ai.ts';

const OPERATION = 'ai.operationId';

/** It repeats some by the conventions of its time; its own come first. */
const NAMES: CallNames = {
  ...GEN_AI_NAMES,
  provider: ['ai.model.provider', ...GEN_AI_NAMES.provider],
  model: ['ai.model.id', ...GEN_AI_NAMES.model],
  responseModel: ['ai.response.model', ...GEN_AI_NAMES.responseModel],
  responseId: ['ai.response.id', ...GEN_AI_NAMES.responseId],
  input: ['ai.usage.inputTokens', 'ai.usage.promptTokens', 'ai.usage.tokens', ...GEN_AI_NAMES.input],
  output: ['ai.usage.outputTokens', 'ai.usage.completionTokens', ...GEN_AI_NAMES.output],
  total: ['ai.usage.totalTokens'],
  cacheRead: [
    'ai.usage.inputTokenDetails.cacheReadTokens',
    'ai.usage.cachedInputTokens',
    ...GEN_AI_NAMES.cacheRead,
  ],
  cacheWrite: ['ai.usage.inputTokenDetails.cacheWriteTokens', ...GEN_AI_NAMES.cacheWrite],
  reasoning: [
    'ai.usage.outputTokenDetails.reasoningTokens',
    'ai.usage.reasoningTokens',
    ...GEN_AI_NAMES.reasoning,
  ],
  finish: ['ai.response.finishReason', ...GEN_AI_NAMES.finish],
  firstTokenMs: ['ai.response.msToFirstChunk', 'ai.stream.msToFirstChunk'],
};

/** Operations of the AI SDK that are one call each; all others are around them. */
const CALLS: Readonly<Record<string, string>> = {
  doGenerate: 'chat',
  doStream: 'chat',
  doEmbed: 'embeddings',
  doRerank: 'rerank',
};

/** The AI SDK (Vercel) up to 6, and 7 where it is asked for the older names. Its input tokens include cached ones. */
export const vercel: SpanDialect = {
  keys: [OPERATION, ...keysOf(NAMES), ...COMMON_CALL_KEYS],
  roleOf,
  operationOf: (span) => CALLS[stepOf(span)] ?? 'chat',
  call: (span) =>
    readCall(span, NAMES, {
      operation: CALLS[stepOf(span)] ?? 'chat',
      isStream: stepOf(span) === 'doStream',
    }),
};

function roleOf(span: OtlpSpan): SpanRole | null {
  const operation = span.attributes[OPERATION];
  if (typeof operation !== 'string') return null;
  if (operation === 'ai.toolCall') return 'tool';
  return Object.hasOwn(CALLS, stepOf(span)) ? 'call' : 'rollup';
}

/** `ai.generateText.doGenerate` is a `doGenerate`. */
function stepOf({ attributes }: OtlpSpan): string {
  const operation = attributes[OPERATION];
  return typeof operation === 'string' ? operation.slice(operation.lastIndexOf('.') + 1) : '';
}
