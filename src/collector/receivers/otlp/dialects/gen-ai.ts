import type { OtlpSpan } from '../model.ts';
import { type CallNames, COMMON_CALL_KEYS, keysOf, readCall } from './calls.ts';
import type { CallFacts, SpanDialect, SpanRole } from './dialect.ts';
import { operationNamed } from './operations.ts';
import { documentsFound } from './retrievals.ts';
import { textOf } from './values.ts';

const OPERATION = 'gen_ai.operation.name';
const DOCUMENTS = 'gen_ai.retrieval.documents';
const QUERY_TEXT = 'gen_ai.retrieval.query.text';

/** Names of calls since the first convention; those who build on it (OpenLLMetry, OpenLIT, the AI SDK) have names beside it. */
export const GEN_AI_NAMES: CallNames = {
  provider: ['gen_ai.provider.name', 'gen_ai.system'],
  model: ['gen_ai.request.model'],
  responseModel: ['gen_ai.response.model'],
  responseId: ['gen_ai.response.id'],
  input: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'llm.usage.prompt_tokens'],
  output: ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens', 'llm.usage.completion_tokens'],
  total: ['gen_ai.usage.total_tokens', 'llm.usage.total_tokens'],
  cacheRead: [
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_read_input_tokens',
    'gen_ai.usage.prompt_tokens_details.cache_read',
    'gen_ai.usage.details.cache_read_tokens',
  ],
  cacheWrite: [
    'gen_ai.usage.cache_write.input_tokens',
    'gen_ai.usage.cache_creation.input_tokens',
    'gen_ai.usage.cache_creation_input_tokens',
    'gen_ai.usage.prompt_tokens_details.cache_write',
    'gen_ai.usage.details.cache_write_tokens',
  ],
  reasoning: [
    'gen_ai.usage.reasoning.output_tokens',
    'gen_ai.usage.reasoning_tokens',
    'gen_ai.usage.completion_tokens_details.reasoning',
    'gen_ai.usage.details.reasoning_tokens',
  ],
  inputAudio: ['gen_ai.usage.audio.input_tokens'],
  inputImage: ['gen_ai.usage.image.input_tokens'],
  cachedAudio: ['gen_ai.usage.audio.cache_read.input_tokens'],
  cachedImage: ['gen_ai.usage.image.cache_read.input_tokens'],
  outputAudio: ['gen_ai.usage.audio.output_tokens'],
  outputImage: ['gen_ai.usage.image.output_tokens'],
  finish: [
    'gen_ai.response.finish_reasons',
    'gen_ai.response.finish_reason',
    'gen_ai.completion.0.finish_reason',
  ],
  streaming: ['gen_ai.request.stream', 'gen_ai.request.is_stream', 'llm.is_streaming'],
  firstTokenSeconds: [
    'gen_ai.response.time_to_first_chunk',
    'gen_ai.client.operation.time_to_first_chunk',
    'gen_ai.server.time_to_first_token',
  ],
  firstTokenMs: [],
  cost: ['gen_ai.usage.cost', 'gen_ai.usage.cost.amount'],
  tier: [
    'openai.response.service_tier',
    'gen_ai.openai.response.service_tier',
    'anthropic.response.service_tier',
  ],
};

/** The conventions of OpenTelemetry, of every generation, Anthropic's SDK and the AI SDK 7. */
export const genAi: SpanDialect = {
  keys: [OPERATION, DOCUMENTS, QUERY_TEXT, ...keysOf(GEN_AI_NAMES), ...COMMON_CALL_KEYS],
  roleOf,
  operationOf,
  call,
  retrieval: ({ attributes }) => documentsFound(attributes[DOCUMENTS], attributes[QUERY_TEXT]),
};

function roleOf(span: OtlpSpan): SpanRole | null {
  const word = span.attributes[OPERATION];
  if (typeof word !== 'string') return null;
  const operation = operationNamed(word);
  if (operation !== undefined) return operation.role;
  // Of an operation nobody knows yet: a call goes to a server and names a model.
  return span.kind === 'client' && textOf(span.attributes, GEN_AI_NAMES.model) !== null ? 'call' : 'rollup';
}

function operationOf({ attributes }: OtlpSpan): string {
  const word = attributes[OPERATION];
  if (typeof word !== 'string') return 'chat';
  return operationNamed(word)?.operation ?? word;
}

function call(span: OtlpSpan): CallFacts {
  return readCall(span, GEN_AI_NAMES, { operation: operationOf(span) });
}
