import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context, ROOT_CONTEXT, type Span, type Tracer, trace } from '@opentelemetry/api';

/** Names of the spans that were begun, with the scope they belong to: `openllmetry openai.chat`. */
export const spans: string[] = [];

/** An OpenTelemetry SDK reduced to what instrumentations see of it: a context that follows, and spans that record. */
export function registerTracing(): void {
  const storage = new AsyncLocalStorage<Context>();
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) => storage.run(active, () => fn.call(thisArg as never, ...args)),
    bind: (_active, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  trace.setGlobalTracerProvider({ getTracer: (scope) => tracerOf(scope) });
}

function tracerOf(scope: string): Tracer {
  const startSpan = (name: string): Span => {
    spans.push(`${scope} ${name}`);
    const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    return Object.assign(trace.wrapSpanContext(ids), { isRecording: () => true });
  };
  return {
    startSpan,
    startActiveSpan: ((name: string, ...rest: unknown[]) => {
      const span = startSpan(name);
      const fn = rest.at(-1) as (span: Span) => unknown;
      return context.with(trace.setSpan(context.active(), span), () => fn(span));
    }) as Tracer['startActiveSpan'],
  };
}

/** Runs `fn` inside a span, as an instrumentation does. */
export function inSpan<T>(scope: string, name: string, fn: () => T): T {
  return trace.getTracer(scope).startActiveSpan(name, fn);
}
