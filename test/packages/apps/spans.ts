import { context, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';

/** A span that was begun, and the instrumentation it is of. */
export interface BegunSpan {
  readonly scope: string;
  readonly name: string;
  readonly traceId: string;
}

/** In the order they were begun. */
export const spans: BegunSpan[] = [];

/** Starts OpenTelemetry's own SDK, which here remembers spans instead of sending them. */
export function registerTracing(): void {
  const nothing = async () => {};
  const onStart = (
    span: Span & { readonly name: string; readonly instrumentationScope: { readonly name: string } },
  ) => {
    const { name, instrumentationScope } = span;
    spans.push({ scope: instrumentationScope.name, name, traceId: span.spanContext().traceId });
  };
  const provider = new TracerProvider({
    spanProcessors: [{ onStart, onEnd() {}, forceFlush: nothing, shutdown: nothing }],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

/** Runs `fn` inside a span, as an instrumentation does. */
export function inSpan<T>(scope: string, name: string, fn: () => T): T {
  return trace.getTracer(scope).startActiveSpan(name, fn);
}
