import type {
  Context,
  ContextManager,
  MeterProvider,
  Span,
  SpanContext,
  TextMapGetter,
  TextMapPropagator,
  TracerProvider,
} from '@opentelemetry/api';
import type { Sampler } from '../../config/otlp/sampler.ts';
import type { Tracing } from '../../config/otlp/tracing.ts';
import type { Attributes } from '../../core/frame.ts';
import type { SpanEvent } from '../../core/signals/span.ts';
import { installed } from '../../platform/installed.ts';
import { apiGlobal, SPAN_KEY, spanIn, useOwnContexts } from '../context/app-trace.ts';
import type { WorkContext } from '../context/context.ts';
import { type Caller, type Headers, readCallersBy } from '../context/traceparent.ts';
import { ROOT, WorkContextManager } from './context.ts';
import { startFileSdk } from './file-sdk.ts';
import { type NodeSdkParts, startNodeSdk } from './node-sdk.ts';
import { type OutgoingRequest, watchOutgoing } from './outgoing.ts';
import { SharedApi, type Slot } from './shared-api.ts';
import { type EndedSpan, spanEvent } from './span-event.ts';
import { IdleSpan, type TracerSource, YieldingTracerProvider } from './tracer.ts';

export interface OwnSdkOptions {
  readonly service: string;
  readonly tracing: Tracing;
  readonly sampler: Sampler;
  /** What stands in the place of meters already and is ours, if anything. */
  readonly metrics: MeterProvider | null;
  readonly emit: (event: SpanEvent) => void;
  readonly warnOnce: (key: string, message: string) => void;
}

/** The app's SDK, as long as it has none of its own. */
export interface OwnSdk {
  /**
   * Loads what is not loaded yet, and tells what is known of the process; nothing where the app has an SDK of its own by
   * now. Never rejects.
   */
  ready(): Promise<Attributes>;
  stop(): void;
}

const TRACE_PARENTS = ['traceparent', 'b3', 'x-b3-traceid'];
const TRACECONTEXT = 'tracecontext';
const SAMPLED = 1;
/** A detector that asks the machine may hang; what it would have told is left out. */
const DETECTORS_PATIENCE_MS = 1000;

/**
 * Becomes the SDK of an app that sends spans and has registered none: what it does itself is the context, everything else is
 * OpenTelemetry's SDK, loaded with the first span or request that needs it, and at the latest by `ready`. Gives way to an SDK
 * that the app registers, whenever it does.
 *
 * @returns `null` where the app has one already.
 */
export function startOwnSdk(options: OwnSdkOptions): OwnSdk | null {
  if ((apiGlobal() as { readonly trace?: unknown } | undefined)?.trace !== undefined) return null;
  const version = installed('@opentelemetry/api', import.meta.dirname)?.version;
  return version === undefined ? null : new PreloadSdk(options, version);
}

class PreloadSdk implements OwnSdk, TracerSource {
  readonly #options: OwnSdkOptions;
  readonly #shared: SharedApi;
  readonly #manager: WorkContextManager;
  readonly #undos: (() => void)[] = [];
  #parts: NodeSdkParts | null = null;
  #failed = false;

  constructor(options: OwnSdkOptions, version: string) {
    this.#options = options;
    this.#manager = new WorkContextManager(
      (work) => this.#callersContext(work),
      (work, around) => this.#spanOf(work, around),
    );
    const ours = {
      trace: new YieldingTracerProvider(this),
      context: this.#manager,
      propagation: this.#propagator(),
      ...(options.metrics === null ? {} : { metrics: options.metrics }),
    };
    this.#shared = new SharedApi({ version, onTaken: (slot) => this.#taken(slot) }, apiGlobal(), ours);
    useOwnContexts(this.#manager);
    const { propagators } = options.tracing;
    if (!propagators.includes(TRACECONTEXT)) readCallersBy((headers) => this.#callerIn(headers));
    const failed = (error: unknown) => this.#failedTo('a request could not name its trace', error);
    if (propagators.length > 0)
      this.#undos.push(watchOutgoing((request) => this.#nameTraceIn(request), failed));
  }

  get isOurs(): boolean {
    return this.#shared.has('trace');
  }

  get contexts(): TracerSource['contexts'] {
    return (this.#shared.theirs('context') ?? this.#manager) as ContextManager as TracerSource['contexts'];
  }

  provider(): TracerProvider | null {
    return this.isOurs
      ? (this.#load()?.provider ?? null)
      : ((this.#shared.theirs('trace') as TracerProvider | undefined) ?? null);
  }

  async ready(): Promise<Attributes> {
    const { resource } = this.#load() ?? {};
    const late = new Promise((resolve) => {
      setTimeout(resolve, DETECTORS_PATIENCE_MS).unref();
    });
    await Promise.race([resource?.settled(), late]);
    return resource?.known() ?? {};
  }

  stop(): void {
    for (const undo of this.#undos.splice(0)) undo();
    useOwnContexts(null);
    readCallersBy(null);
    this.#shared.remove();
  }

  /** An SDK that has registered its tracer provider does all of it, or leaves it undone on purpose. */
  #taken(slot: Slot): void {
    if (slot !== 'trace' && slot !== 'context') return;
    useOwnContexts(null);
    if (slot === 'context') return;
    readCallersBy(null);
    this.#shared.giveWay();
    for (const undo of this.#undos.splice(0)) undo();
  }

  #load(): NodeSdkParts | null {
    if (this.#parts !== null || this.#failed || !this.isOurs) return this.#parts;
    try {
      this.#parts = this.#start();
      if (this.#parts.diag !== undefined) this.#shared.fill('diag', this.#parts.diag);
    } catch (error) {
      this.#failed = true;
      this.#failedTo("OpenTelemetry's SDK cannot be loaded, so spans of the app are not recorded", error);
    }
    return this.#parts;
  }

  /** As its variables have it, or a configuration file. */
  #start(): NodeSdkParts {
    const { service, emit, sampler, tracing } = this.#options;
    const { file, propagators } = tracing;
    const onEnd = (span: EndedSpan) => emit(spanEvent(span));
    return file === null
      ? startNodeSdk({ service, shared: this.#shared, contexts: this.#manager, onEnd })
      : startFileSdk({ file, propagators, sampler, shared: this.#shared, onEnd });
  }

  #failedTo(what: string, error: unknown): void {
    this.#options.warnOnce(`sdk:${what}`, `${what}: ${String(error)}`);
  }

  /** What of a caller is no span: of its headers, as the propagators read them. */
  #callersContext({ headers, traceId }: WorkContext): Context | undefined {
    const propagator = this.#load()?.propagator;
    if (headers === undefined || propagator == null) return undefined;
    const context = propagator.extract(ROOT, headers, GETTER);
    const isItsTrace = spanIn(context)?.traceId === traceId;
    return isItsTrace ? context : context.deleteValue(SPAN_KEY);
  }

  #spanOf(work: WorkContext, around: Context): IdleSpan {
    const { traceId, spanId, sampled } = work;
    const outer = spanContextIn(around);
    const isRecorded = this.#options.sampler(traceId, sampled);
    return new IdleSpan({
      traceId,
      spanId: spanId ?? '',
      traceFlags: isRecorded ? SAMPLED : 0,
      ...(outer?.traceId === traceId && outer.traceState !== undefined && { traceState: outer.traceState }),
    });
  }

  #callerIn(headers: Headers): Caller | null {
    const propagator = this.#load()?.propagator;
    return propagator == null ? null : spanIn(propagator.extract(ROOT, headers, GETTER));
  }

  /** Where nothing goes on that has a trace, there is nothing to say, and nothing is loaded for it. */
  #nameTraceIn(request: OutgoingRequest): void {
    const { contexts } = this;
    const context = contexts.active();
    if (context === ROOT || TRACE_PARENTS.some((name) => request.has(name))) return;
    const set = (_carrier: unknown, name: string, value: string) => {
      if (!request.has(name.toLowerCase())) request.set(name, value);
    };
    this.#inject()?.inject(context, {}, { set });
  }

  /** What the app has registered for it stands. */
  #inject(): TextMapPropagator | null {
    const theirs = this.#shared.theirs('propagation') as TextMapPropagator | undefined;
    return theirs ?? this.#load()?.propagator ?? null;
  }

  /** For whoever asks the API for it; loaded when it is used. */
  #propagator(): TextMapPropagator {
    const loaded = () => this.#load()?.propagator;
    return {
      inject: (context, carrier, setter) => loaded()?.inject(context, carrier, setter),
      extract: (context, carrier, getter) => loaded()?.extract(context, carrier, getter) ?? context,
      fields: () => loaded()?.fields() ?? [],
    };
  }
}

const GETTER: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => headers[name.toLowerCase()],
};

function spanContextIn(context: Context): SpanContext | undefined {
  return (context.getValue(SPAN_KEY) as Span | undefined)?.spanContext();
}
