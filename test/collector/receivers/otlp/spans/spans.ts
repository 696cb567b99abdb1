import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { type SpanParts, STARTED_MS, spanId, spanOf } from '../span.ts';

/** Spans by number: `span(2, 1, ...)` is number 2 below number 1. Times are milliseconds after the trace began. */
export type Time = readonly [fromMs: number, untilMs: number];

export function span(number: number, parent: number | null, parts: SpanParts = {}, time?: Time): OtlpSpan {
  const [from, until] = time ?? [0, 100];
  return spanOf({
    spanId: spanId(number),
    parentSpanId: parent === null ? null : spanId(parent),
    startMs: STARTED_MS + from,
    endMs: STARTED_MS + until,
    ...parts,
  });
}

export const server: SpanParts = {
  kind: 'server',
  name: 'POST /ask',
  attributes: {
    'http.request.method': 'POST',
    'http.route': '/ask',
    'http.response.status_code': 200,
    'user.email': 'ann@example.com',
  },
};

export const chain: SpanParts = { name: 'chain', attributes: { 'openinference.span.kind': 'CHAIN' } };
export const agent: SpanParts = {
  attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.usage.input_tokens': 999 },
};
export const httpClient: SpanParts = { kind: 'client', attributes: { 'http.request.method': 'POST' } };

export function chat(input = 10, output = 5, more: SpanParts['attributes'] = {}): SpanParts {
  return {
    kind: 'client',
    scope: '@opentelemetry/instrumentation-openai',
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': input,
      'gen_ai.usage.output_tokens': output,
      ...more,
    },
  };
}

/** The same call as another instrumentation sees it. */
export function wrapped(input = 10, output = 5): SpanParts {
  return {
    scope: '@arizeai/openinference-instrumentation-openai',
    attributes: {
      'openinference.span.kind': 'LLM',
      'llm.provider': 'openai',
      'llm.model_name': 'gpt-4o',
      'llm.token_count.prompt': input,
      'llm.token_count.completion': output,
    },
  };
}

export const embeddings: SpanParts = {
  kind: 'client',
  attributes: {
    'gen_ai.operation.name': 'embeddings',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'text-embedding-3-small',
    'gen_ai.usage.input_tokens': 7,
  },
};

export const rerank: SpanParts = {
  attributes: { 'openinference.span.kind': 'RERANKER', 'reranker.model_name': 'local' },
};

export function retrieval(scores: readonly number[] = [0.9, 0.7], more: SpanParts = {}): SpanParts {
  return {
    kind: 'client',
    ...more,
    attributes: {
      'gen_ai.operation.name': 'retrieval',
      'gen_ai.retrieval.documents': scores.map((score, i) => ({ id: `${i}`, score })),
      ...more.attributes,
    },
  };
}
