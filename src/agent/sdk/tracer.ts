import type {
  Context,
  Span,
  SpanContext,
  SpanOptions,
  Tracer,
  TracerOptions,
  TracerProvider,
} from '@opentelemetry/api';
import { OWN_SDK, SPAN_KEY } from '../context/app-trace.ts';

/** Whose spans a tracer makes now. */
export interface TracerSource {
  /** The app's own SDK once it has one, else ours; `null`: ours cannot be loaded. */
  provider(): TracerProvider | null;
  /** Whether it is ours. */
  readonly isOurs: boolean;
  readonly contexts: {
    active(): Context;
    with<T>(context: Context, fn: (...args: never[]) => T, thisArg: unknown, ...args: unknown[]): T;
  };
}

/**
 * Makes tracers that find out anew whose spans they make: code that asked for its tracer before the app's own SDK was there
 * goes on with that one's, as with the API's own proxies.
 */
export class YieldingTracerProvider implements TracerProvider {
  readonly [OWN_SDK] = true;
  readonly #source: TracerSource;

  constructor(source: TracerSource) {
    this.#source = source;
  }

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    return new YieldingTracer(this.#source, [name, version, options]);
  }
}

type TracerName = Parameters<TracerProvider['getTracer']>;

class YieldingTracer implements Tracer {
  readonly #source: TracerSource;
  readonly #name: TracerName;
  #from: TracerProvider | null = null;
  #tracer: Tracer | null = null;

  constructor(source: TracerSource, name: TracerName) {
    this.#source = source;
    this.#name = name;
  }

  /** The context is said aloud: the SDK's own copy of the API may be too new for what the app has registered. */
  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    const tracer = this.#now();
    if (tracer === null) return new IdleSpan(NO_SPAN);
    return tracer.startSpan(name, options, context ?? (this.#source.isOurs ? this.#active() : undefined));
  }

  startActiveSpan(name: string, ...rest: unknown[]): never {
    const tracer = this.#now();
    if (tracer !== null && !this.#source.isOurs)
      return Reflect.apply(tracer.startActiveSpan, tracer, [name, ...rest]) as never;
    const fn = rest.pop() as (span: Span) => never;
    const [options, context] = rest as [SpanOptions?, Context?];
    const around = context ?? this.#active();
    const span = this.startSpan(name, options, around);
    return this.#source.contexts.with(around.setValue(SPAN_KEY, span), fn, undefined, span);
  }

  #active(): Context {
    return this.#source.contexts.active();
  }

  #now(): Tracer | null {
    const provider = this.#source.provider();
    if (provider !== this.#from) {
      this.#from = provider;
      this.#tracer = provider?.getTracer(...this.#name) ?? null;
    }
    return this.#tracer;
  }
}

const NO_SPAN: SpanContext = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };

/** A span by its ids alone: that of an event of ours, which is measured elsewhere. What it is told is not recorded. */
export class IdleSpan implements Span {
  readonly #context: SpanContext;

  constructor(context: SpanContext) {
    this.#context = context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  setAttribute(): this {
    return this;
  }

  setAttributes(): this {
    return this;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  end(): void {}

  isRecording(): boolean {
    return false;
  }

  recordException(): void {}
}
