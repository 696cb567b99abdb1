import type { MeterProvider } from '@opentelemetry/api';

/** What every copy of `@opentelemetry/api` 1.x shares: the version and the providers that were registered. */
export interface ApiGlobal {
  readonly version: string;
  readonly metrics?: MeterProvider;
  readonly context?: Contexts;
  readonly trace?: object;
  readonly propagation?: Propagator;
}

interface Contexts {
  active(): ContextLike;
  with?<T>(context: ContextLike, work: () => T): T;
}

interface Propagator {
  extract(context: ContextLike, carrier: object, getter: object): ContextLike | undefined;
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

/** By which key an SDK of any version is told to make no span. */
const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Does work of ours of which the app's instrumentations are to make no span. */
export function untraced<T>(work: () => T): T {
  const manager = apiGlobal()?.context;
  const context = manager?.active() as { setValue?(key: symbol, value: true): ContextLike } | undefined;
  const suppressed = context?.setValue?.(SUPPRESSED, true);
  return manager?.with === undefined || suppressed === undefined ? work() : manager.with(suppressed, work);
}

/** Of the propagator that was asked last. */
let reads: { readonly by: Propagator; readonly traceparent: boolean } | null = null;

/**
 * Whether the app's own tracer goes on in the trace that a `traceparent` names. One whose propagator reads other headers, or
 * that has none, begins a trace of its own instead. Without a tracer of the app's there is nobody who would not.
 */
export function continuesTraceparent(): boolean {
  const { trace, propagation: by, context } = apiGlobal() ?? {};
  if (trace === undefined || OWN_SDK in trace || context === undefined) return true;
  if (by === undefined) return false;
  if (reads?.by !== by) reads = { by, traceparent: readsTraceparent(by, context) };
  return reads.traceparent;
}

const PROBE = { traceId: '6e65727665636e747200000000000001', spanId: '6e65727665000001' };
const PROBE_HEADERS: Readonly<Record<string, string>> = {
  traceparent: `00-${PROBE.traceId}-${PROBE.spanId}-01`,
};

/** It is tried: the fields that a propagator names are those that it writes. */
function readsTraceparent(propagator: Propagator, context: Contexts): boolean {
  try {
    const getter = {
      keys: () => Object.keys(PROBE_HEADERS),
      get: (_carrier: object, name: string) => PROBE_HEADERS[name.toLowerCase()],
    };
    return spanIn(propagator.extract(context.active(), PROBE_HEADERS, getter))?.traceId === PROBE.traceId;
  } catch {
    return true; // Both are the app's own.
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
  if (span === undefined) return false;
  const attributes: Readonly<Record<string, unknown>> = { ...(span.attributes ?? {}) };
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
