import type { MeterProvider } from '@opentelemetry/api';

/** What every copy of `@opentelemetry/api` 1.x shares: the version and the providers that were registered. */
export interface ApiGlobal {
  readonly version: string;
  metrics?: MeterProvider;
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

interface SpanLike {
  spanContext(): { readonly traceId?: unknown; readonly spanId?: unknown };
}

/** Where every copy of `@opentelemetry/api` 1.x looks for the providers. */
const API = Symbol.for('opentelemetry.js.api.1');
/** Under which key every copy keeps the active span in a context, from 1.0 on. */
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN');
const TRACE_ID = /^(?!0{32})[\da-f]{32}$/;
const SPAN_ID = /^(?!0{16})[\da-f]{16}$/;

const holder = globalThis as { [API]?: ApiGlobal };

/** What the app's copies of the API have registered; nothing where there is none. */
export function apiGlobal(): ApiGlobal | undefined {
  return holder[API];
}

/** The same, begun under `version` where there is none yet. */
export function apiGlobalOf(version: string): ApiGlobal {
  holder[API] ??= { version };
  return holder[API];
}

/** A span of the app's own. */
export interface ActiveSpan {
  readonly traceId: string;
  readonly spanId: string;
}

/**
 * The span that the app's own OpenTelemetry SDK has active here, whatever version of the API it uses and whether or not the
 * span is sampled; `null` without one, and for ids that are not valid ones (W3C Trace Context).
 */
export function activeSpan(): ActiveSpan | null {
  const context = apiGlobal()?.context;
  if (context === undefined) return null;
  try {
    const span = context.active().getValue(SPAN) as SpanLike | undefined;
    const { traceId, spanId } = span?.spanContext() ?? {};
    return isId(TRACE_ID, traceId) && isId(SPAN_ID, spanId) ? { traceId, spanId } : null;
  } catch {
    return null; // The context manager is the app's own.
  }
}

function isId(pattern: RegExp, id: unknown): id is string {
  return typeof id === 'string' && pattern.test(id);
}
