import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { MeterProvider } from '@opentelemetry/api';
import type { Config } from '../../config/config.ts';
import { type NervecenterEvent, SIGNALS, type SignalName } from '../../core/signals/index.ts';
import { DeltaMeterProvider } from '../../metrics/meter-provider.ts';
import { exportingUrl } from '../../platform/paths.ts';
import { type FrameSource, ownInstruments } from './frame-source.ts';
import { wantsPrometheus } from './prometheus-exporter.ts';

/** The app's instruments and ours, and who reads them. */
export interface MetricReaders {
  /** For instruments of the app. */
  readonly provider: MeterProvider;
  /** For frames: everything that is no event. */
  readonly frames: FrameSource;
  /** For an exporter in the app's process: it shows what the collector measures elsewhere. `null` without one. */
  readonly export: ((event: NervecenterEvent) => void) | null;
  stop(): void;
}

export interface MetricReaderOptions {
  /** Whether the agent has told events of a signal. */
  readonly tells: (signal: SignalName) => boolean;
  readonly config: Config;
  /** Where the app looks up its own dependencies, `null` when it has no main script. */
  readonly appDirectory: string | null;
  readonly say: (text: string) => void;
}

/**
 * The app's instruments are ours, because collecting OpenTelemetry's takes twenty times as long in the app's thread; they are
 * the SDK's where the operator wants the standard exporter beside.
 */
export function startReaders(
  measured: DeltaMeterProvider,
  { config, appDirectory, say, tells }: MetricReaderOptions,
): MetricReaders {
  const shownAs = appsNames(tells);
  if (!wantsPrometheus(config, appDirectory, say)) {
    const provider = new DeltaMeterProvider(shownAs);
    return { provider, frames: ownInstruments([measured, provider]), export: null, stop: () => {} };
  }
  return exporting().startExporting(measured, { config, say, shownAs });
}

/** Loaded only now: OpenTelemetry's SDK is a fifth of all that there is to load. */
function exporting(): typeof import('./exporting.ts') {
  return createRequire(import.meta.url)(fileURLToPath(exportingUrl()));
}

const FROM_EVENTS = new Map<string, SignalName>(
  (['request', 'llm-call', 'rag-query'] as const).flatMap((signal) =>
    SIGNALS[signal].instruments.map(({ name }): [string, SignalName] => [name, signal]),
  ),
);
/** In front of the name of a metric that the app records by itself of what our events tell. */
const APPS_OWN = 'app.';

/**
 * An instrumentation in the app may record the metrics of the conventions, of the same calls that are seen on the wire: they
 * are shown by another name then, and make no figures.
 */
function appsNames(tells: (signal: SignalName) => boolean): (name: string) => string {
  return (name) => {
    const signal = FROM_EVENTS.get(name);
    return signal !== undefined && tells(signal) ? `${APPS_OWN}${name}` : name;
  };
}
