import { activeAttributes } from '../context/app-trace.ts';

/** Where instrumentations say what a span is, from its beginning: the conventions, OpenLLMetry and OpenInference. */
const OPERATION_KEYS = ['gen_ai.operation.name', 'llm.request.type', 'openinference.span.kind'];
/** What they call one call of a model there, and not what is around several. */
const CALLS: ReadonlySet<string> = new Set([
  ...['chat', 'generate_content', 'text_completion', 'completion', 'embeddings', 'embedding', 'rerank'],
  ...['llm', 'reranker'],
]);
/** Of the AI SDK: `ai.streamText.doStream` is the call, `ai.streamText` what is around it. */
const AI_SDK_KEY = 'ai.operationId';
const AI_SDK_CALL = /\.do[A-Z]\w*$/;

/** Whether the app's own span around here is that of a model call, which goes out with what is ours: there is to be one. */
export function isInCallSpan(): boolean {
  const attributes = activeAttributes();
  if (AI_SDK_CALL.test(String(attributes[AI_SDK_KEY] ?? ''))) return true;
  return OPERATION_KEYS.some((key) => CALLS.has(String(attributes[key] ?? '').toLowerCase()));
}
