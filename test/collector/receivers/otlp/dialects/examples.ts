import type {
  CallFacts,
  RetrievalFacts,
  SpanRole,
} from '../../../../../src/collector/receivers/otlp/dialects/dialect.ts';
import type { TokenUsage } from '../../../../../src/core/llm/usage.ts';
import type { SpanParts } from '../span.ts';

/** Numbers without their units. */
type Plain<T> = {
  readonly [K in keyof T]: T[K] extends number | undefined
    ? number | undefined
    : T[K] extends number | null | undefined
      ? number | null | undefined
      : T[K];
};

/** A span as one instrumentation makes it, and what it is. */
export interface Example {
  readonly name: string;
  readonly span: SpanParts;
  readonly role: SpanRole | null;
  /** What must be read of a call; the rest as in `NOTHING_ELSE`. */
  readonly call?: Plain<Partial<Omit<CallFacts, 'usage'>>> & {
    readonly usage?: Plain<Partial<TokenUsage>> | null;
  };
  readonly retrieval?: Partial<RetrievalFacts>;
}

/** SHA-256 of `how long is a file?`. */
export const QUESTION = '  How LONG is\n a file? ';

const client = (attributes: SpanParts['attributes'], scope?: string): SpanParts => ({
  kind: 'client',
  attributes: attributes ?? {},
  ...(scope !== undefined && { scope }),
});

const GEN_AI: readonly Example[] = [
  {
    name: 'GenAI conventions v0.1',
    span: client({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5.4',
      'gen_ai.response.model': 'gpt-5.4-2026-03-05',
      'gen_ai.response.id': 'resp_1',
      'gen_ai.request.stream': true,
      'gen_ai.response.time_to_first_chunk': 0.05,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 1000,
      'gen_ai.usage.output_tokens': 300,
      'gen_ai.usage.cache_read.input_tokens': 600,
      'gen_ai.usage.cache_write.input_tokens': 100,
      'gen_ai.usage.reasoning.output_tokens': 200,
      'server.address': 'api.openai.com',
      'openai.response.service_tier': 'flex',
    }),
    role: 'call',
    call: {
      provider: 'openai',
      serverAddress: 'api.openai.com',
      operation: 'chat',
      model: 'gpt-5.4',
      responseModel: 'gpt-5.4-2026-03-05',
      responseId: 'resp_1',
      streaming: true,
      firstTokenMs: 50,
      finishReason: 'stop',
      serviceTier: 'flex',
      usage: {
        inputUncached: 300,
        cacheRead: 600,
        cacheWrite5m: 100,
        outputText: 100,
        outputReasoning: 200,
      },
    },
  },
  {
    name: 'GenAI v0.1 with modalities; cached audio counts as cached',
    span: client({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'gcp.gemini',
      'gen_ai.request.model': 'gemini-2.5-flash',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 50,
      'gen_ai.usage.cache_read.input_tokens': 30,
      'gen_ai.usage.audio.input_tokens': 40,
      'gen_ai.usage.audio.cache_read.input_tokens': 10,
      'gen_ai.usage.image.input_tokens': 20,
      'gen_ai.usage.audio.output_tokens': 15,
    }),
    role: 'call',
    call: {
      provider: 'gcp.gemini',
      model: 'gemini-2.5-flash',
      usage: {
        inputUncached: 20,
        cacheRead: 30,
        inputAudio: 30,
        inputImage: 20,
        outputText: 35,
        outputAudio: 15,
      },
    },
  },
  {
    name: 'OpenTelemetry 1.36: gen_ai.system, cache_creation',
    span: client({
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'az.ai.openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'gen_ai.usage.cache_creation.input_tokens': 10,
    }),
    role: 'call',
    call: {
      provider: 'azure.ai.openai',
      model: 'gpt-4o',
      usage: { inputUncached: 90, cacheWrite5m: 10, outputText: 20 },
    },
  },
  {
    name: 'the first conventions: prompt_tokens, no operation',
    span: client({
      'gen_ai.system': 'openai',
      'gen_ai.request.model': 'gpt-4',
      'gen_ai.usage.prompt_tokens': 12,
      'gen_ai.usage.completion_tokens': 5,
    }),
    role: 'call',
    call: { provider: 'openai', model: 'gpt-4', usage: { inputUncached: 12, outputText: 5 } },
  },
  {
    name: 'embeddings',
    span: client({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'text-embedding-3-small',
      'gen_ai.usage.input_tokens': 7,
    }),
    role: 'call',
    call: {
      provider: 'openai',
      operation: 'embeddings',
      model: 'text-embedding-3-small',
      usage: { inputUncached: 7 },
    },
  },
  {
    name: 'another provider through the package of OpenAI',
    span: client({
      'gen_ai.operation.name': 'chat',
      'gen_ai.system': 'openai',
      'gen_ai.request.model': 'grok-4',
      'server.address': 'https://api.x.ai:443/v1',
    }),
    role: 'call',
    call: { provider: 'x_ai', serverAddress: 'api.x.ai', model: 'grok-4', usage: null },
  },
  {
    name: 'figures that do not fit together',
    span: client({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 10,
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.usage.total_tokens': 99,
    }),
    role: 'call',
    call: {
      provider: 'openai',
      model: 'gpt-4o',
      usageMismatch: true,
      usage: { inputUncached: 10, outputText: 5 },
    },
  },
  {
    name: 'a failure by its status',
    span: {
      ...client({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o',
        'error.type': '429',
        'http.request.resend_count': 2,
      }),
      status: 'error',
      statusMessage: 'Rate limit reached for org-secret',
    },
    role: 'call',
    call: {
      provider: 'openai',
      model: 'gpt-4o',
      outcome: 'error',
      errorType: '429',
      statusCode: 429,
      attempt: 2,
      usage: null,
    },
  },
  {
    name: 'a failure by its exception',
    span: {
      ...client({ 'gen_ai.operation.name': 'chat', 'gen_ai.system': 'openai', 'gen_ai.request.model': 'm' }),
      status: 'error',
      events: [
        {
          name: 'exception',
          timeMs: 0,
          attributes: {
            'exception.type': 'openai.RateLimitError',
            'exception.message': 'No more of "secret"',
          },
        },
      ],
    },
    role: 'call',
    call: {
      provider: 'openai',
      model: 'm',
      outcome: 'error',
      errorType: 'openai.RateLimitError',
      usage: null,
    },
  },
  {
    name: 'a call that was given up',
    span: {
      ...client({
        'gen_ai.operation.name': 'chat',
        'gen_ai.system': 'openai',
        'gen_ai.request.model': 'm',
        'error.type': 'APIUserAbortError',
      }),
      status: 'error',
    },
    role: 'call',
    call: { provider: 'openai', model: 'm', outcome: 'aborted', errorType: null, usage: null },
  },
  {
    name: 'an operation nobody knows yet',
    span: client({
      'gen_ai.operation.name': 'dream',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'm',
    }),
    role: 'call',
    call: { provider: 'openai', operation: 'dream', model: 'm', usage: null },
  },
  {
    name: 'an agent, which repeats the tokens of its calls',
    span: {
      attributes: {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.request.model': 'gpt-4o',
        'gen_ai.usage.input_tokens': 100,
      },
    },
    role: 'rollup',
  },
  { name: 'a tool', span: { attributes: { 'gen_ai.operation.name': 'execute_tool' } }, role: 'tool' },
  {
    name: 'an answer fetched again',
    span: client({ 'gen_ai.operation.name': 'fetch_response', 'gen_ai.response.id': 'resp_1' }),
    role: null,
  },
  {
    name: 'a retrieval',
    span: client({
      'gen_ai.operation.name': 'retrieval',
      'gen_ai.data_source.id': 'wiki',
      'gen_ai.retrieval.query.text': QUESTION,
      'gen_ai.retrieval.documents': [
        { id: 'a', score: 0.75 },
        { id: 'b', score: 0.25 },
      ],
    }),
    role: 'retrieval',
    retrieval: { chunks: 2, scores: { top: 0.75, average: 0.5 } },
  },
  {
    name: 'a retrieval with its documents as text',
    span: client({
      'gen_ai.operation.name': 'retrieval',
      'gen_ai.retrieval.query.text': QUESTION,
      'gen_ai.retrieval.documents': '[{"id":"a","score":0.5}]',
    }),
    role: 'retrieval',
    retrieval: { chunks: 1, scores: { top: 0.5, average: 0.5 } },
  },
  {
    name: "Anthropic's own spans",
    span: client(
      {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'anthropic',
        'gen_ai.request.model': 'claude-sonnet-5',
        'gen_ai.usage.input_tokens': 120,
        'gen_ai.usage.output_tokens': 30,
        'gen_ai.usage.cache_read.input_tokens': 100,
        'gen_ai.usage.cache_write.input_tokens': 15,
        'server.address': 'api.anthropic.com',
        'anthropic.response.service_tier': 'standard',
      },
      'com.anthropic.sdk.typescript',
    ),
    role: 'call',
    call: {
      provider: 'anthropic',
      serverAddress: 'api.anthropic.com',
      model: 'claude-sonnet-5',
      serviceTier: 'standard',
      usage: {
        inputUncached: 5,
        cacheRead: 100,
        cacheWrite5m: 15,
        outputText: 30,
      },
    },
  },
  {
    name: "a step of the AI SDK 7's",
    span: { attributes: { 'gen_ai.operation.name': 'agent_step', 'gen_ai.usage.input_tokens': 5 } },
    role: 'rollup',
  },
  {
    name: 'a call of the AI SDK 7',
    span: client({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.client.operation.time_to_first_chunk': 0.02,
      'gen_ai.usage.input_tokens': 10,
      'gen_ai.usage.output_tokens': 2,
    }),
    role: 'call',
    call: {
      provider: 'openai',
      model: 'gpt-4o',
      streaming: true,
      firstTokenMs: 20,
      usage: { inputUncached: 10, outputText: 2 },
    },
  },
];

const OPENLLMETRY: readonly Example[] = [
  {
    name: 'OpenLLMetry: a chat',
    span: client({
      'llm.request.type': 'chat',
      'gen_ai.system': 'OpenAI',
      'gen_ai.request.model': 'gpt-4o-mini',
      'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
      'gen_ai.usage.prompt_tokens': 9,
      'gen_ai.usage.completion_tokens': 3,
      'llm.usage.total_tokens': 12,
      'gen_ai.usage.reasoning_tokens': 1,
      'gen_ai.usage.cache_read_input_tokens': 4,
      'gen_ai.openai.api_base': 'https://api.openai.com/v1/',
      'llm.is_streaming': true,
      'gen_ai.completion.0.finish_reason': 'stop',
    }),
    role: 'call',
    call: {
      provider: 'openai',
      serverAddress: 'api.openai.com',
      model: 'gpt-4o-mini',
      responseModel: 'gpt-4o-mini-2024-07-18',
      streaming: true,
      finishReason: 'stop',
      usage: {
        inputUncached: 5,
        cacheRead: 4,
        outputText: 2,
        outputReasoning: 1,
      },
    },
  },
  {
    name: 'OpenLLMetry for Node: Anthropic as it counts itself',
    span: client(
      {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'anthropic',
        'gen_ai.request.model': 'claude-opus-5',
        'gen_ai.usage.input_tokens': 3,
        'gen_ai.usage.output_tokens': 7,
        'gen_ai.usage.total_tokens': 10,
        'gen_ai.usage.cache_read.input_tokens': 1000,
        'gen_ai.usage.cache_creation.input_tokens': 50,
      },
      '@traceloop/instrumentation-anthropic',
    ),
    role: 'call',
    call: {
      provider: 'anthropic',
      model: 'claude-opus-5',
      usage: {
        inputUncached: 3,
        cacheRead: 1000,
        cacheWrite5m: 50,
        outputText: 7,
      },
    },
  },
  {
    name: 'OpenLLMetry: a completion, embeddings and ranking by their types',
    span: client({
      'llm.request.type': 'rerank',
      'gen_ai.system': 'Cohere',
      'gen_ai.request.model': 'rerank-3',
    }),
    role: 'call',
    call: { provider: 'cohere', operation: 'rerank', model: 'rerank-3', usage: null },
  },
  ...['workflow', 'task', 'agent'].map(
    (kind): Example => ({
      name: `OpenLLMetry: ${kind}`,
      span: {
        attributes: { 'traceloop.span.kind': kind, 'gen_ai.system': 'openai', 'gen_ai.request.model': 'm' },
      },
      role: 'rollup',
    }),
  ),
  { name: 'OpenLLMetry: tool', span: { attributes: { 'traceloop.span.kind': 'tool' } }, role: 'tool' },
];

const VECTOR_STORES: readonly Example[] = [
  {
    name: 'OpenLLMetry: a search in a vector store',
    span: {
      ...client({ 'db.system': 'qdrant', 'db.operation': 'search', 'db.vector.query.top_k': 3 }),
      events: [0.9, 0.6, 0.3].map((score) => ({
        name: 'db.query.result',
        timeMs: 0,
        attributes: { 'db.query.result.score': score, 'db.query.result.document': 'secret' },
      })),
    },
    role: 'retrieval',
    retrieval: { chunks: 3, scores: { top: 0.9, average: 0.6 }, queryHash: null },
  },
  {
    name: 'OpenLLMetry: distances are no scores',
    span: {
      ...client({ 'db.system': 'chroma', 'db.operation': 'query' }),
      events: [{ name: 'db.query.result', timeMs: 0, attributes: { 'db.query.result.distance': 0.1 } }],
    },
    role: 'retrieval',
    retrieval: { chunks: 1, scores: null, queryHash: null },
  },
  {
    name: 'OpenLLMetry for Node: Pinecone',
    span: {
      name: 'pinecone.query',
      attributes: {
        'db.system': 'Pinecone',
        'db.vector.query.top_k': 10,
        'db.vector.query.result.matches_length': 4,
      },
    },
    role: 'retrieval',
    retrieval: { chunks: 4, scores: null, queryHash: null },
  },
  {
    name: 'OpenLIT: a search',
    span: client({
      'gen_ai.operation.name': 'vectordb',
      'db.system.name': 'pinecone',
      'db.operation.name': 'query',
      'db.response.returned_rows': 2,
    }),
    role: 'retrieval',
    retrieval: { chunks: 2, scores: null, queryHash: null },
  },
  {
    name: 'writing to a vector store',
    span: client({ 'db.system': 'qdrant', 'db.operation': 'upsert' }),
    role: null,
  },
  {
    name: 'another database',
    span: client({ 'db.system': 'postgresql', 'db.operation': 'SELECT' }),
    role: null,
  },
];

const OPENLIT: readonly Example[] = [
  {
    name: 'OpenLIT: a chat with its cost',
    span: client(
      {
        'gen_ai.operation.name': 'chat',
        'gen_ai.system': 'mistral',
        'gen_ai.request.model': 'mistral-large-latest',
        'gen_ai.request.is_stream': true,
        'gen_ai.server.time_to_first_token': 0.03,
        'gen_ai.usage.input_tokens': 10,
        'gen_ai.usage.output_tokens': 4,
        'gen_ai.usage.total_tokens': 14,
        'gen_ai.usage.prompt_tokens_details.cache_read': 2,
        'gen_ai.usage.completion_tokens_details.reasoning': 1,
        'gen_ai.usage.cost': 0.0125,
      },
      'openlit.otel.tracing',
    ),
    role: 'call',
    call: {
      provider: 'mistral_ai',
      model: 'mistral-large-latest',
      streaming: true,
      firstTokenMs: 30,
      reportedCostUsd: 0.0125,
      usage: {
        inputUncached: 8,
        cacheRead: 2,
        outputText: 3,
        outputReasoning: 1,
      },
    },
  },
  {
    name: 'OpenLIT: a framework',
    span: { attributes: { 'gen_ai.operation.name': 'framework', 'gen_ai.system': 'langchain' } },
    role: 'rollup',
  },
];

const OPENINFERENCE: readonly Example[] = [
  {
    name: 'OpenInference: a chat',
    span: {
      attributes: {
        'openinference.span.kind': 'LLM',
        'llm.system': 'openai',
        'llm.provider': 'azure',
        'llm.model_name': 'gpt-4o-2024-08-06',
        'llm.token_count.prompt': 100,
        'llm.token_count.completion': 50,
        'llm.token_count.total': 150,
        'llm.token_count.prompt_details.cache_read': 60,
        'llm.token_count.completion_details.reasoning': 20,
        'llm.cost.total': 0.5,
        'llm.finish_reason': 'length',
        'input.value': 'secret',
      },
    },
    role: 'call',
    call: {
      provider: 'azure.ai.openai',
      model: 'gpt-4o-2024-08-06',
      responseModel: 'gpt-4o-2024-08-06',
      finishReason: 'length',
      reportedCostUsd: 0.5,
      usage: {
        inputUncached: 40,
        cacheRead: 60,
        outputText: 30,
        outputReasoning: 20,
      },
    },
  },
  {
    name: 'OpenInference: a stream, by the event at its first token',
    span: {
      attributes: { 'openinference.span.kind': 'LLM', 'llm.provider': 'openai', 'llm.model_name': 'm' },
      events: [{ name: 'First Token Stream Event', timeMs: 1_790_000_000_040, attributes: {} }],
    },
    role: 'call',
    call: {
      provider: 'openai',
      model: 'm',
      responseModel: 'm',
      streaming: true,
      firstTokenMs: 40,
      usage: null,
    },
  },
  {
    name: 'OpenInference: embeddings',
    span: {
      attributes: {
        'openinference.span.kind': 'EMBEDDING',
        'embedding.model_name': 'text-embedding-3-small',
        'llm.provider': 'openai',
        'llm.token_count.prompt': 8,
        'llm.token_count.total': 8,
      },
    },
    role: 'call',
    call: {
      provider: 'openai',
      operation: 'embeddings',
      model: 'text-embedding-3-small',
      usage: { inputUncached: 8 },
    },
  },
  {
    name: 'OpenInference: ranking',
    span: { attributes: { 'openinference.span.kind': 'RERANKER', 'reranker.model_name': 'rerank-3' } },
    role: 'call',
    call: { provider: 'unknown', operation: 'rerank', model: 'rerank-3', usage: null },
  },
  {
    name: 'OpenInference: a retriever',
    span: {
      attributes: {
        'openinference.span.kind': 'RETRIEVER',
        'input.value': QUESTION,
        'retrieval.documents.0.document.content': 'secret',
        'retrieval.documents.0.document.score': 0.8,
        'retrieval.documents.1.document.content': 'secret',
        'retrieval.documents.1.document.score': 0.4,
        'retrieval.documents.2.document.content': 'without a score',
      },
    },
    role: 'retrieval',
    retrieval: { chunks: 3, scores: { top: 0.8, average: (0.8 + 0.4) / 2 } },
  },
  ...['CHAIN', 'AGENT', 'GUARDRAIL', 'EVALUATOR', 'PROMPT', 'UNKNOWN'].map(
    (kind): Example => ({
      name: `OpenInference: ${kind}`,
      span: { attributes: { 'openinference.span.kind': kind, 'llm.token_count.prompt': 5 } },
      role: 'rollup',
    }),
  ),
  { name: 'OpenInference: TOOL', span: { attributes: { 'openinference.span.kind': 'TOOL' } }, role: 'tool' },
];

const VERCEL: readonly Example[] = [
  {
    name: 'AI SDK: a streamed call',
    span: {
      name: 'ai.streamText.doStream',
      attributes: {
        'ai.operationId': 'ai.streamText.doStream',
        'ai.model.provider': 'openai.responses',
        'ai.model.id': 'gpt-5.4',
        'ai.response.model': 'gpt-5.4-2026-03-05',
        'ai.response.id': 'resp_2',
        'ai.response.finishReason': 'stop',
        'ai.response.msToFirstChunk': 25,
        'ai.usage.inputTokens': 40,
        'ai.usage.outputTokens': 10,
        'ai.usage.totalTokens': 50,
        'ai.usage.cachedInputTokens': 30,
        'ai.usage.reasoningTokens': 4,
        'gen_ai.system': 'openai.responses',
        'gen_ai.usage.input_tokens': 40,
      },
    },
    role: 'call',
    call: {
      provider: 'openai',
      model: 'gpt-5.4',
      responseModel: 'gpt-5.4-2026-03-05',
      responseId: 'resp_2',
      streaming: true,
      firstTokenMs: 25,
      finishReason: 'stop',
      usage: {
        inputUncached: 10,
        cacheRead: 30,
        outputText: 6,
        outputReasoning: 4,
      },
    },
  },
  {
    name: 'AI SDK 4: a call',
    span: {
      attributes: {
        'ai.operationId': 'ai.generateText.doGenerate',
        'ai.model.provider': 'google.generative-ai',
        'ai.model.id': 'gemini-2.0-flash',
        'ai.usage.promptTokens': 6,
        'ai.usage.completionTokens': 2,
      },
    },
    role: 'call',
    call: {
      provider: 'gcp.gemini',
      model: 'gemini-2.0-flash',
      usage: { inputUncached: 6, outputText: 2 },
    },
  },
  {
    name: 'AI SDK: embeddings',
    span: {
      attributes: {
        'ai.operationId': 'ai.embed.doEmbed',
        'ai.model.provider': 'openai.embedding',
        'ai.model.id': 'text-embedding-3-small',
        'ai.usage.tokens': 5,
      },
    },
    role: 'call',
    call: {
      provider: 'openai',
      operation: 'embeddings',
      model: 'text-embedding-3-small',
      usage: { inputUncached: 5 },
    },
  },
  ...['ai.generateText', 'ai.streamText', 'ai.generateObject', 'ai.embed', 'ai.embedMany', 'ai.rerank'].map(
    (operation): Example => ({
      name: `AI SDK: ${operation}, which repeats the tokens of its calls`,
      span: { attributes: { 'ai.operationId': operation, 'ai.usage.promptTokens': 9, 'ai.model.id': 'm' } },
      role: 'rollup',
    }),
  ),
  { name: 'AI SDK: a tool', span: { attributes: { 'ai.operationId': 'ai.toolCall' } }, role: 'tool' },
];

const OTHERS: readonly Example[] = [
  {
    name: 'HTTP: a request served',
    span: { kind: 'server', attributes: { 'http.request.method': 'GET', 'http.route': '/a' } },
    role: 'request',
  },
  {
    name: 'HTTP: a request served, by the older names',
    span: { kind: 'server', attributes: { 'http.method': 'GET', 'http.target': '/a?b' } },
    role: 'request',
  },
  {
    name: 'HTTP: a request sent',
    span: client({ 'http.request.method': 'POST', 'server.address': 'api.openai.com' }),
    role: null,
  },
  { name: 'gRPC: a call served', span: { kind: 'server', attributes: { 'rpc.system': 'grpc' } }, role: null },
  { name: 'work of an app', span: { attributes: { 'order.id': 7 } }, role: null },
  {
    name: 'nervecenter: a query',
    span: { scope: 'nervecenter', name: 'rag query', attributes: { 'nervecenter.rag.chunks_retrieved': 3 } },
    role: 'query',
  },
  {
    name: 'nervecenter: a stage',
    span: { scope: 'nervecenter', attributes: { 'nervecenter.rag.stage': 'rerank' } },
    role: 'stage',
  },
];

export const EXAMPLES: readonly Example[] = [
  ...GEN_AI,
  ...OPENLLMETRY,
  ...VECTOR_STORES,
  ...OPENLIT,
  ...OPENINFERENCE,
  ...VERCEL,
  ...OTHERS,
];
