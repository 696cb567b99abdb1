import type { MeterProvider as ApiMeterProvider } from '@opentelemetry/api';
import { type CollectionResult, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Config } from '../../config/config.ts';
import type { Point } from '../../core/frame.ts';
import { olderPoints } from '../../core/llm/older-names.ts';
import { mergePoints } from '../../core/measured.ts';
import { eventMeasure, type NervecenterEvent, SIGNALS, type SignalName } from '../../core/signals/index.ts';
import { DeltaMeterProvider } from '../../metrics/meter-provider.ts';
import { SnapshotReader } from '../../metrics/snapshot-reader.ts';
import { type FrameSource, ownInstruments, ReaderSource } from './frame-source.ts';
import { ScrapeReader, startPrometheus, wantsPrometheus } from './prometheus-exporter.ts';
import { SharedMetrics } from './shared-metrics.ts';

/** The app's instruments and ours, and who reads them. */
export interface MetricReaders {
  /** For instruments of the app. */
  readonly provider: ApiMeterProvider;
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
  const shown = config.semconv === 'dup' ? withOlderPoints : undefined;
  const own = new SharedMetrics(measured, shown);
  const events = new DeltaMeterProvider();
  const reader = new SnapshotReader([own], (point) => ({ ...point, name: shownAs(point.name) }));
  const scraped = new ScrapeReader([own.totals, new SharedMetrics(events, shown).totals]);
  const provider = new MeterProvider({ resource: resourceOf(config), readers: [reader, scraped] });
  const stop = startPrometheus(scraped, config, say);
  return { provider, frames: new ReaderSource(reader), export: eventMeasure(events.getMeter()), stop };
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

/** Those of model calls by their older names as well; a name that both conventions have is told as the older one. */
function withOlderPoints(points: readonly Point[]): Point[] {
  const older = mergePoints(points.flatMap(olderPoints));
  const names = new Set(older.map(({ name }) => name));
  return [...points.filter(({ name }) => !names.has(name)), ...older];
}

function resourceOf({ service }: Config): CollectionResult['resourceMetrics']['resource'] {
  const attributes = { 'service.name': service };
  const resource = { attributes, merge: () => resource, getRawAttributes: () => Object.entries(attributes) };
  return resource;
}
