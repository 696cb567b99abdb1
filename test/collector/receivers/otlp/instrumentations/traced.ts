import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import OpenAI from 'openai';
import type { OtlpAttributes, OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { APP, spanOf } from '../span.ts';

type HrTime = readonly [seconds: number, nanoseconds: number];

/** Of a span of the SDK what is sent of it. */
interface Ended {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly parentSpanContext?: { readonly spanId: string };
  readonly attributes: OtlpAttributes;
  readonly status: { readonly code: SpanStatusCode; readonly message?: string };
  readonly events: readonly {
    readonly name: string;
    readonly time: HrTime;
    readonly attributes?: OtlpAttributes;
  }[];
  readonly instrumentationScope: { readonly name: string };
  spanContext(): { readonly traceId: string; readonly spanId: string };
}

const KINDS = {
  [SpanKind.INTERNAL]: 'internal',
  [SpanKind.SERVER]: 'server',
  [SpanKind.CLIENT]: 'client',
  [SpanKind.PRODUCER]: 'producer',
  [SpanKind.CONSUMER]: 'consumer',
} as const;
const STATUSES = {
  [SpanStatusCode.UNSET]: 'unset',
  [SpanStatusCode.OK]: 'ok',
  [SpanStatusCode.ERROR]: 'error',
} as const;

/** Starts OpenTelemetry's SDK; the spans that have ended since it was asked last are taken from it. */
export function startTracing(): () => OtlpSpan[] {
  const ended: OtlpSpan[] = [];
  const nothing = async () => {};
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart() {},
        onEnd: (span) => void ended.push(received(span as unknown as Ended)),
        forceFlush: nothing,
        shutdown: nothing,
      },
    ],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return () => ended.splice(0);
}

/** A span of the SDK as it arrives: undefined attributes are not sent. */
function received(span: Ended): OtlpSpan {
  const { traceId, spanId } = span.spanContext();
  return spanOf({
    resource: APP,
    scope: span.instrumentationScope.name,
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? null,
    name: span.name,
    kind: KINDS[span.kind],
    startMs: milliseconds(span.startTime),
    endMs: milliseconds(span.endTime),
    status: STATUSES[span.status.code],
    statusMessage: span.status.message ?? '',
    attributes: sent(span.attributes),
    events: span.events.map(({ name, time, attributes }) => ({
      name,
      timeMs: milliseconds(time),
      attributes: sent(attributes ?? {}),
    })),
  });
}

function sent(attributes: OtlpAttributes): OtlpAttributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

const milliseconds = ([seconds, nanoseconds]: HrTime) => seconds * 1000 + nanoseconds / 1e6;

/** What instrumentations of OpenAI's package replace. */
const PATCHED = [
  OpenAI.Chat.Completions,
  OpenAI.Completions,
  OpenAI.Responses,
  OpenAI.Embeddings,
  OpenAI.Images,
];

type Methods = readonly PropertyDescriptorMap[];
const methods = (): Methods => PATCHED.map(({ prototype }) => Object.getOwnPropertyDescriptors(prototype));

function setMethods(to: Methods): void {
  for (const [i, { prototype }] of PATCHED.entries()) Object.defineProperties(prototype, to[i] ?? {});
}

/** OpenAI's package as instrumentations leave it, the last of them outermost; some do so once in a process only. */
export class Instrumented {
  readonly #plain = methods();
  readonly #patched: Methods;

  constructor(instrument: () => void, inside?: Instrumented) {
    setMethods(inside === undefined ? this.#plain : inside.#patched);
    instrument();
    this.#patched = methods();
    setMethods(this.#plain);
  }

  /** Runs `fn` with it, and leaves the package as it was. */
  async run<T>(fn: () => Promise<T>): Promise<T> {
    setMethods(this.#patched);
    try {
      return await fn();
    } finally {
      setMethods(this.#plain);
    }
  }
}
