import type { CounterSpec, HistogramSpec } from '../signals/instruments.ts';

/** Names of the GenAI conventions 0.1 where there is one; those of before are in `older-names.ts`. */

/** The conventions tell model calls apart: what a model writes or says, what becomes vectors, and everything else. */
export type CallKind = 'inference' | 'embeddings' | 'other';

const KINDS = new Map<unknown, CallKind>([
  ['chat', 'inference'],
  ['text_completion', 'inference'],
  ['generate_content', 'inference'],
  ['embeddings', 'embeddings'],
]);

/** @param operation `gen_ai.operation.name`, where it is known. */
export function kindOfCall(operation: unknown): CallKind {
  return KINDS.get(operation) ?? 'other';
}

export const LLM_INFERENCE_DURATION: HistogramSpec = {
  name: 'gen_ai.client.inference.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of calls of a model for chat, completion and content.',
};
export const LLM_EMBEDDINGS_DURATION: HistogramSpec = {
  name: 'gen_ai.client.embeddings.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of calls of a model for embeddings.',
};
export const LLM_OTHER_DURATION: HistogramSpec = {
  name: 'gen_ai.client.operation.duration',
  kind: 'histogram',
  unit: 's',
  description: 'Duration of all other calls to a model provider.',
};
/** How long a call took, by its kind. All calls are in exactly one of them. */
export const LLM_DURATIONS: Readonly<Record<CallKind, HistogramSpec>> = {
  inference: LLM_INFERENCE_DURATION,
  embeddings: LLM_EMBEDDINGS_DURATION,
  other: LLM_OTHER_DURATION,
};

export const LLM_FIRST_CHUNK: HistogramSpec = {
  name: 'gen_ai.client.inference.time_to_first_chunk',
  kind: 'histogram',
  unit: 's',
  description: 'Time to the first chunk with content of a streamed call.',
};
export const LLM_CHUNK_GAPS: HistogramSpec = {
  name: 'gen_ai.client.inference.time_per_output_chunk',
  kind: 'histogram',
  unit: 's',
  description: 'Time from one chunk with content of a streamed call to the next.',
};

/** Which tokens a counter counts: text, images, sound, or what the provider does not tell apart. */
export const TOKEN_MODALITY = 'gen_ai.token.modality';
export type TokenModality = 'text' | 'image' | 'audio' | 'unknown';

export const LLM_INPUT_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.input_tokens',
  kind: 'counter',
  unit: '{token}',
  description: 'Input tokens, cached ones included; those of embeddings are in a histogram of their own.',
};
export const LLM_OUTPUT_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.output_tokens',
  kind: 'counter',
  unit: '{token}',
  description: 'Output tokens, reasoning included.',
};
export const LLM_CACHED_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.cache_read.input_tokens',
  kind: 'counter',
  unit: '{token}',
  description: "Input tokens read from the provider's prompt cache.",
};
export const LLM_CACHE_WRITE_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.cache_write.input_tokens',
  kind: 'counter',
  unit: '{token}',
  description: "Input tokens written to the provider's prompt cache.",
};
export const LLM_REASONING_TOKENS: CounterSpec = {
  name: 'gen_ai.client.inference.usage.reasoning.output_tokens',
  kind: 'counter',
  unit: '{token}',
  description: 'Output tokens spent on reasoning.',
};
/** The counters that tell tokens apart by modality. */
export const LLM_USAGE: readonly CounterSpec[] = [
  LLM_INPUT_TOKENS,
  LLM_OUTPUT_TOKENS,
  LLM_CACHED_TOKENS,
  LLM_CACHE_WRITE_TOKENS,
  LLM_REASONING_TOKENS,
];

export const LLM_CALL_INPUT_TOKENS: HistogramSpec = {
  name: 'gen_ai.client.inference.operation.input_tokens',
  kind: 'histogram',
  unit: '{token}',
  description: 'Input tokens per call whose usage is known.',
};
export const LLM_CALL_OUTPUT_TOKENS: HistogramSpec = {
  name: 'gen_ai.client.inference.operation.output_tokens',
  kind: 'histogram',
  unit: '{token}',
  description: 'Output tokens per call whose usage is known.',
};
export const LLM_EMBEDDINGS_INPUT_TOKENS: HistogramSpec = {
  name: 'gen_ai.client.embeddings.operation.input_tokens',
  kind: 'histogram',
  unit: '{token}',
  description: 'Input tokens per call for embeddings whose usage is known.',
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

/** Everything that events of model calls are measured with, and the times between chunks, which come by frame. */
export const CALL_INSTRUMENTS: readonly (CounterSpec | HistogramSpec)[] = [
  ...Object.values(LLM_DURATIONS),
  LLM_FIRST_CHUNK,
  LLM_CHUNK_GAPS,
  ...LLM_USAGE,
  LLM_CALL_INPUT_TOKENS,
  LLM_CALL_OUTPUT_TOKENS,
  LLM_EMBEDDINGS_INPUT_TOKENS,
  LLM_ESTIMATED,
  LLM_USAGE_MISMATCHES,
  LLM_RATE_LIMITED,
  LLM_COST,
  LLM_CACHE_SAVINGS,
  LLM_UNPRICED,
];
