import { client, type Example } from './example.ts';
import { OPENINFERENCE, VERCEL } from './framework-examples.ts';
import { GEN_AI } from './gen-ai-examples.ts';

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
  {
    name: 'nervecenter: a session',
    span: { scope: 'nervecenter', kind: 'server', name: 'websocket session' },
    role: 'session',
  },
  {
    name: 'nervecenter: a call, with what only it tells',
    span: client(
      {
        'gen_ai.operation.name': 'our-own-operation',
        'gen_ai.provider.name': 'Our Own',
        'gen_ai.request.model': 'm',
        'gen_ai.usage.input_tokens': 12,
        'gen_ai.usage.output_tokens': 3,
        'gen_ai.usage.cache_write.input_tokens': 9,
        'nervecenter.llm.cache_write_1h.input_tokens': 5,
        'nervecenter.llm.reported_cost': 0,
        'nervecenter.llm.service_tier': 'priority',
        'nervecenter.llm.chunk_gap_p95': 0.0125,
        'nervecenter.llm.rate_limit_reset': 9,
        'nervecenter.llm.billed.searches': 2,
        'nervecenter.query.category': 'a category',
      },
      'nervecenter',
    ),
    role: 'call',
    call: {
      operation: 'our-own-operation',
      provider: 'Our Own',
      model: 'm',
      usage: { inputUncached: 3, cacheWrite5m: 4, cacheWrite1h: 5, outputText: 3 },
      reportedCostUsd: 0,
      serviceTier: 'priority',
      chunkGapP95Ms: 12.5,
      rateLimitResetMs: 9000,
      billedUnits: { searches: 2 },
      queryCategory: 'a category',
    },
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
