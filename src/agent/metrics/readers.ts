import { type CollectionResult, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Config } from '../../config/config.ts';
import { ScrapeReader, startPrometheus, wantsPrometheus } from './prometheus-exporter.ts';
import { type DeltaSource, SharedMetrics } from './shared-metrics.ts';
import { SnapshotReader } from './snapshot-reader.ts';

/** The app's instruments and ours, and who reads them. */
export interface MetricReaders {
  /** For instruments of the app. */
  readonly provider: MeterProvider;
  /** For frames: everything. */
  readonly reader: SnapshotReader;
  /** For the last frame: ours alone. */
  readonly own: DeltaSource;
  stop(): void;
}

export interface MetricReaderOptions {
  readonly config: Config;
  /** Where the app looks up its own dependencies, `null` when it has no main script. */
  readonly appDirectory: string | null;
  readonly say: (text: string) => void;
}

/** Puts our reader on one provider, and beside it the standard exporter where the operator wants it. */
export function startReaders(
  measured: DeltaSource,
  { config, appDirectory, say }: MetricReaderOptions,
): MetricReaders {
  if (!wantsPrometheus(config, appDirectory, say)) {
    const reader = new SnapshotReader([measured]);
    return { provider: new MeterProvider({ readers: [reader] }), reader, own: measured, stop: () => {} };
  }
  const own = new SharedMetrics(measured);
  const reader = new SnapshotReader([own]);
  const scraped = new ScrapeReader(own.totals);
  const provider = new MeterProvider({ resource: resourceOf(config), readers: [reader, scraped] });
  return { provider, reader, own, stop: startPrometheus(scraped, config, say) };
}

function resourceOf({ service }: Config): CollectionResult['resourceMetrics']['resource'] {
  const attributes = { 'service.name': service };
  const resource = { attributes, merge: () => resource, getRawAttributes: () => Object.entries(attributes) };
  return resource;
}
