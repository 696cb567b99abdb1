import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';
import type * as Core from '@opentelemetry/core';
import type * as B3 from '@opentelemetry/propagator-b3';
import type * as Resources from '@opentelemetry/resources';
import type * as Trace from '@opentelemetry/sdk-trace';
import type { FileSdk } from '../../config/file/sdk-parts.ts';
import type { Sampler } from '../../config/otlp/sampler.ts';
import { SPAN_KEY } from '../context/app-trace.ts';
import { DetectedResource, handOver, type NodeSdkParts } from './node-sdk.ts';
import type { SharedApi } from './shared-api.ts';
import type { EndedSpan } from './span-event.ts';

interface FileSdkOptions {
  readonly file: FileSdk;
  /** By their names. */
  readonly propagators: readonly string[];
  /** What decides of our own spans as well. */
  readonly sampler: Sampler;
  readonly shared: SharedApi;
  readonly onEnd: (span: EndedSpan) => void;
}

type Load = <Package>(name: string) => Package;

const load: Load = createRequire(import.meta.url);
const SAMPLED = 1;

/**
 * Loads and starts OpenTelemetry's SDK as a configuration file has it. `NodeSDK` would read variables, which have no effect
 * beside such a file. Its spans go to `onEnd`, sampled ones only.
 *
 * @throws whatever its loading throws, as where it is not installed.
 */
export function startFileSdk({ file, propagators, sampler, shared, onEnd }: FileSdkOptions): NodeSdkParts {
  const { TracerProvider } = load<typeof Trace>('@opentelemetry/sdk-trace');
  const { spanLimits, logLevel } = file;
  const provider = new TracerProvider({
    spanLimits,
    sampler: samplerFor(sampler),
    spanProcessors: [handOver(onEnd)],
  });
  const { diag, DiagConsoleLogger, DiagLogLevel } = load<typeof Api>('@opentelemetry/api');
  const made = shared.capture(() => {
    if (logLevel !== null) diag.setLogger(new DiagConsoleLogger(), { logLevel: DiagLogLevel[logLevel] });
  });
  return {
    provider,
    propagator: propagatorOf(propagators),
    diag: made.diag,
    resource: detected(file),
  };
}

function samplerFor(decides: Sampler): Trace.Sampler {
  const { SamplingDecision } = load<typeof Api>('@opentelemetry/api');
  return {
    shouldSample: (context, traceId) => {
      const parent = (context.getValue(SPAN_KEY) as Api.Span | undefined)?.spanContext();
      const sampled = parent?.traceId === traceId ? (parent.traceFlags & SAMPLED) !== 0 : undefined;
      return {
        decision: decides(traceId, sampled)
          ? SamplingDecision.RECORD_AND_SAMPLED
          : SamplingDecision.NOT_RECORD,
      };
    },
  };
}

function propagatorOf(names: readonly string[]): Api.TextMapPropagator | null {
  if (names.length === 0) return null;
  const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } =
    load<typeof Core>('@opentelemetry/core');
  const { B3InjectEncoding, B3Propagator } = load<typeof B3>('@opentelemetry/propagator-b3');
  const make: Readonly<Record<string, () => Api.TextMapPropagator>> = {
    tracecontext: () => new W3CTraceContextPropagator(),
    baggage: () => new W3CBaggagePropagator(),
    b3: () => new B3Propagator(),
    b3multi: () => new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
  };
  return new CompositePropagator({ propagators: names.flatMap((name) => make[name]?.() ?? []) });
}

/** A file that asks for no detectors has none, unlike the variables. */
function detected({ detectors }: FileSdk): DetectedResource {
  const resources = load<typeof Resources>('@opentelemetry/resources');
  const { detectResources, hostDetector, osDetector, processDetector, serviceInstanceIdDetector } = resources;
  const known = {
    host: [hostDetector, osDetector],
    process: [processDetector],
    service: [serviceInstanceIdDetector],
  };
  const found = new DetectedResource();
  found.merge(detectResources({ detectors: detectors.flatMap((name) => known[name]) }));
  return found;
}
