import { createRequire } from 'node:module';
import type { Attributes, ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Attributes as ResourceAttributes } from '../../core/frame.ts';
import type { SharedApi } from './shared-api.ts';
import type { EndedSpan } from './span-event.ts';

/** The SDK, started; nothing of it is registered for the app. */
export interface NodeSdkParts {
  readonly provider: TracerProvider;
  /** `null`: there are to be none. */
  readonly propagator: TextMapPropagator | null;
  /** Its logger of diagnostics, where one is asked for. */
  readonly diag: unknown;
  readonly resource: DetectedResource;
}

interface NodeSdkOptions {
  readonly service: string;
  readonly shared: SharedApi;
  readonly contexts: ContextManager;
  readonly onEnd: (span: EndedSpan) => void;
}

const SAMPLED = 1;
const TEXT_CHARS_MAX = 1024;
/** Arguments hold passwords as often as not. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'process.command_args',
  'process.command_line',
  'telemetry.sdk.name',
  'telemetry.sdk.language',
  'telemetry.sdk.version',
]);

/**
 * Loads and starts OpenTelemetry's SDK, which takes a third of a second: samplers, limits, propagators and resource detectors
 * are those that its variables name. Its spans go to `onEnd`, sampled ones only.
 *
 * @throws whatever its loading throws, as where it is not installed.
 */
export function startNodeSdk({ service, shared, contexts, onEnd }: NodeSdkOptions): NodeSdkParts {
  const require = createRequire(import.meta.url);
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof import('@opentelemetry/sdk-node');
  const detected = new DetectedResource();
  const made = shared.capture(() =>
    new NodeSDK({
      serviceName: service,
      resource: detected,
      contextManager: contexts,
      spanProcessors: [handOver(onEnd)],
      metricReaders: [],
      logRecordProcessors: [],
    }).start(),
  );
  return {
    provider: made.trace as TracerProvider,
    propagator: (made.propagation ?? null) as TextMapPropagator | null,
    diag: made.diag,
    resource: detected,
  };
}

/** A span processor that passes on what is sampled. */
export function handOver(onEnd: (span: EndedSpan) => void): SpanProcessor {
  const nothing = async () => {};
  return {
    onStart() {},
    onEnd(span) {
      if ((span.spanContext().traceFlags & SAMPLED) !== 0) onEnd(span);
    },
    forceFlush: nothing,
    shutdown: nothing,
  };
}

type Resource = ResourceMetrics['resource'];

/** What resource detectors found: stands where the SDK merges it, and keeps it. */
export class DetectedResource implements Resource {
  readonly attributes: Attributes = {};
  #found: Resource | null = null;

  merge(other: Resource | null): Resource {
    if (other === null) return this;
    this.#found ??= other;
    return other;
  }

  getRawAttributes(): [] {
    return [];
  }

  /** Resolves when the slowest detector has answered, or failed. */
  async settled(): Promise<void> {
    await this.#found?.waitForAsyncAttributes?.().catch(() => {});
  }

  /** What is known by now. */
  known(): ResourceAttributes {
    const entries = Object.entries(this.#found?.attributes ?? {});
    return Object.fromEntries(
      entries.filter(
        (entry): entry is [string, string | number | boolean] => !LEFT_OUT.has(entry[0]) && isPlain(entry[1]),
      ),
    );
  }
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string'
    ? value.length <= TEXT_CHARS_MAX
    : typeof value === 'number' || typeof value === 'boolean';
}
