import { type Example, QUESTION } from './example.ts';

export const OPENINFERENCE: readonly Example[] = [
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

export const VERCEL: readonly Example[] = [
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
