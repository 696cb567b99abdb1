import type { OtlpAttributes, OtlpSpan } from '../model.ts';
import { type CallNames, COMMON_CALL_KEYS, keysOf, readCall } from './calls.ts';
import type { RetrievalFacts, SpanDialect, SpanRole } from './dialect.ts';
import { operationNamed } from './operations.ts';
import { found, hashOfQuestion } from './retrievals.ts';

const KIND = 'openinference.span.kind';
const DOCUMENTS = 'retrieval.documents.';
const SCORE = '.document.score';
/** A document past that is not counted. */
const DOCUMENTS_MAX = 10_000;

const NAMES: CallNames = {
  provider: ['llm.provider', 'llm.system'],
  model: ['llm.request.model_name', 'llm.model_name', 'embedding.model_name', 'reranker.model_name'],
  responseModel: ['llm.response.model_name', 'llm.model_name'],
  responseId: [],
  input: ['llm.token_count.prompt'],
  output: ['llm.token_count.completion'],
  total: ['llm.token_count.total'],
  cacheRead: ['llm.token_count.prompt_details.cache_read', 'llm.token_count.prompt_details.cache_input'],
  cacheWrite: ['llm.token_count.prompt_details.cache_write'],
  reasoning: ['llm.token_count.completion_details.reasoning'],
  inputAudio: ['llm.token_count.prompt_details.audio'],
  inputImage: [],
  cachedAudio: [],
  cachedImage: [],
  outputAudio: ['llm.token_count.completion_details.audio'],
  outputImage: [],
  finish: ['llm.finish_reason'],
  streaming: [],
  firstTokenSeconds: [],
  firstTokenMs: [],
  cost: ['llm.cost.total'],
  tier: [],
};

/** OpenInference (Arize Phoenix). Its prompt tokens include cached ones. */
export const openInference: SpanDialect = {
  keys: [KIND, ...keysOf(NAMES), ...COMMON_CALL_KEYS],
  roleOf,
  operationOf,
  call: (span) => readCall(span, NAMES, { operation: operationOf(span) }),
  retrieval: (span) => retrieved(span.allAttributes()),
};

function roleOf({ attributes }: OtlpSpan): SpanRole | null {
  const kind = attributes[KIND];
  if (typeof kind !== 'string') return null;
  const operation = operationNamed(kind);
  return operation === undefined ? 'rollup' : operation.role;
}

function operationOf({ attributes }: OtlpSpan): string {
  const kind = attributes[KIND];
  return (typeof kind === 'string' ? operationNamed(kind)?.operation : undefined) ?? 'chat';
}

/** Documents are attributes by number, so all of them are looked through; retrievals are few. */
function retrieved(attributes: OtlpAttributes): RetrievalFacts {
  const scores: number[] = [];
  let chunks: number | null = null;
  for (const key in attributes) {
    if (!key.startsWith(DOCUMENTS)) continue;
    const number = Number.parseInt(key.slice(DOCUMENTS.length), 10);
    if (!(number >= 0 && number < DOCUMENTS_MAX)) continue;
    chunks = Math.max(chunks ?? 0, number + 1);
    const score = attributes[key];
    if (key.endsWith(SCORE) && typeof score === 'number' && Number.isFinite(score)) scores.push(score);
  }
  return found(chunks, scores, hashOfQuestion(attributes['input.value']));
}
