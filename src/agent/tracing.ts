import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { MeterProvider } from '@opentelemetry/api';
import type { Config } from '../config/config.ts';
import { type Sampler, samplerOf } from '../config/otlp/sampler.ts';
import { sendsSpans } from '../config/otlp/target.ts';
import { describeError } from '../core/errors.ts';
import { traceIdOf } from '../core/event.ts';
import type { Attributes, Source } from '../core/frame.ts';
import type { NervecenterEvent } from '../core/signals/index.ts';
import { makeRandomTraceIds } from '../platform/ids.ts';
import { ownSdkUrl } from '../platform/paths.ts';
import type { OwnSdk } from './sdk/own-sdk.ts';

/** What an app that sends spans has besides its events. */
export interface AppTracing {
  /** An event with what the sampler decides of its trace. */
  sampled(event: NervecenterEvent): NervecenterEvent;
  /** To be called once the app's main script has run. Never rejects. */
  ready(): Promise<void>;
  /** Who sends, with what is known of the process once it is ready. */
  described(source: Source): Source;
  stop(): void;
}

interface TracingOptions {
  readonly config: Pick<Config, 'service' | 'tracing' | 'otlpTargets'>;
  /** What stands for meters in the API already and is ours, if anything. */
  readonly metrics: MeterProvider | null;
  readonly emit: (event: NervecenterEvent) => void;
  readonly warnOnce: (key: string, message: string) => void;
}

/** `null` where no spans are sent: nothing is loaded and nothing of the app's is touched. */
export function startTracing(options: TracingOptions): AppTracing | null {
  const { config, warnOnce } = options;
  if (!sendsSpans(config.otlpTargets)) return null;
  makeRandomTraceIds();
  const { sampler: name, samplerRatio, unknown } = config.tracing;
  if (unknown.length > 0)
    warnOnce('tracing', `${unknown.join(', ')}: not known, so the default is taken, or nothing.`);
  const sampler = samplerOf(name, samplerRatio) ?? (() => true);
  const sdk = ownSdk(options, sampler);
  let resource: Attributes | undefined;
  return {
    sampled: (event) => decided(event, sampler),
    ready: async () => {
      resource = await sdk?.ready();
    },
    described: (source) => (resource === undefined ? source : { ...source, resource }),
    stop: () => sdk?.stop(),
  };
}

/** Loaded only now, and at once: an app may ask for its tracer in its first line. */
function ownSdk({ config, metrics, emit, warnOnce }: TracingOptions, sampler: Sampler): OwnSdk | null {
  const load = createRequire(import.meta.url);
  const { service, tracing } = config;
  try {
    const { startOwnSdk } = load(fileURLToPath(ownSdkUrl())) as typeof import('./sdk/own-sdk.ts');
    return startOwnSdk({ service, tracing, sampler, metrics, emit, warnOnce });
  } catch (error) {
    warnOnce('tracing:sdk', `the app's own spans are not recorded: ${describeError(error)}`);
    return null;
  }
}

function decided(event: NervecenterEvent, sampler: Sampler): NervecenterEvent {
  // Spans were sampled as they began; what has no trace is no span.
  if (event.signal === 'span' || !('traceId' in event)) return event;
  if (sampler(traceIdOf(event), event.sampled)) return event.sampled === false ? recorded(event) : event;
  return event.sampled === false ? event : { ...event, sampled: false };
}

/** The sampler asks nobody, so what the caller decided does not count. */
function recorded<E extends NervecenterEvent>(event: E): E {
  return { ...event, sampled: true };
}
