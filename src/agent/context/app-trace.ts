import type { MeterProvider } from '@opentelemetry/api';

/** What every copy of `@opentelemetry/api` 1.x shares: the version and the providers that were registered. */
export interface ApiGlobal {
  readonly version: string;
  metrics?: MeterProvider;
  readonly context?: { active(): ContextLike };
}

/** A context of any version of the API. */
export interface ContextLike {
  getValue(key: symbol): unknown;
}

interface SpanLike {
  /** Of spans of OpenTelemetry's SDK that are recorded, as they are by now. */
  readonly attributes?: unknown;
  spanContext(): { readonly traceId?: unknown; readonly spanId?: unknown; readonly traceFlags?: unknown };
}

/** Where every copy of `@opentelemetry/api` 1.x looks for the providers. */
export const API_KEY = Symbol.for('opentelemetry.js.api.1');
/** Under which key every copy keeps the active span in a context, from 1.0 on. */
export const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');
/** On what of ours is registered: how to tell it from an SDK of the app's. */
export const OWN_SDK = Symbol.for('nervecenter.sdk');
const TRACE_ID = /^(?!0{32})[\da-f]{32}$/;
const SPAN_ID = /^(?!0{16})[\da-f]{16}$/;
const SAMPLED = 1;

const holder = globalThis as { [API_KEY]?: ApiGlobal };

/** What the app's copies of the API have registered; nothing where there is none. */
export function apiGlobal(): ApiGlobal | undefined {
  return holder[API_KEY];
}

/** The same, begun under `version` where there is none yet. */
export function apiGlobalOf(version: string): ApiGlobal {
  holder[API_KEY] ??= { version };
  return holder[API_KEY];
}

/** The contexts of the app's spans where the SDK is ours. */
export interface OwnContexts {
  /** What the app has made current here, whatever work of ours goes on; `undefined`: nothing. */
  entered(): ContextLike | undefined;
  /** The same where it was made current since the innermost work of ours began, so that what happens is in its span. */
  innermost(): ContextLike | undefined;
}

let own: OwnContexts | null = null;

/** From now on the app's spans are found there; `null`: by what is registered with the API. */
export function useOwnContexts(contexts: OwnContexts | null): void {
  own = contexts;
}

/** In which context of the app work begins: as long as it is current, what happens is in that work itself. */
export function enteredContext(): ContextLike | undefined {
  return own?.entered();
}

/** A span of the app's own. */
export interface ActiveSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/**
 * The span that the app's own OpenTelemetry SDK has active here, whatever version of the API it uses and whether or not the
 * span is sampled; `null` without one, and for ids that are not valid ones (W3C Trace Context). Where the SDK is ours it is
 * the span which the app itself has begun, if work of ours did not begin inside it.
 */
export function activeSpan(): ActiveSpan | null {
  try {
    return spanIn(own === null ? apiGlobal()?.context?.active() : own.innermost());
  } catch {
    return null; // The context manager is the app's own.
  }
}

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

/** Whether the app's own span around here is that of a model call, and goes out with what is ours: the SDK is ours. */
export function isInCallSpan(): boolean {
  const span = own?.innermost()?.getValue(SPAN_KEY) as SpanLike | undefined;
  const attributes: Readonly<Record<string, unknown>> = { ...(span?.attributes ?? {}) };
  if (AI_SDK_CALL.test(String(attributes[AI_SDK_KEY] ?? ''))) return true;
  return OPERATION_KEYS.some((key) => CALLS.has(String(attributes[key] ?? '').toLowerCase()));
}

/** The span of a context, `null` where it has none with valid ids. */
export function spanIn(context: ContextLike | undefined): ActiveSpan | null {
  const span = context?.getValue(SPAN_KEY) as SpanLike | undefined;
  const { traceId, spanId, traceFlags } = span?.spanContext() ?? {};
  if (!isId(TRACE_ID, traceId) || !isId(SPAN_ID, spanId)) return null;
  return { traceId, spanId, sampled: (Number(traceFlags) & SAMPLED) !== 0 };
}

function isId(pattern: RegExp, id: unknown): id is string {
  return typeof id === 'string' && pattern.test(id);
}
