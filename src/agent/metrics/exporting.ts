import {
  AggregationTemporality,
  AggregationType,
  type CollectionResult,
  MeterProvider,
  type MetricProducer,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Config } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import type { Point } from '../../core/frame.ts';
import { olderPoints } from '../../core/llm/older-names.ts';
import { mergePoints } from '../../core/measured.ts';
import { eventMeasure } from '../../core/signals/index.ts';
import { DeltaMeterProvider } from '../../metrics/meter-provider.ts';
import { SnapshotReader } from '../../metrics/snapshot-reader.ts';
import { ReaderSource } from './frame-source.ts';
import type { ExporterConfig, Say } from './prometheus-exporter.ts';
import type { MetricReaderOptions, MetricReaders } from './readers.ts';
import { SharedMetrics } from './shared-metrics.ts';

interface ExportingOptions extends Pick<MetricReaderOptions, 'config' | 'say'> {
  /** The name under which a metric of the app's is shown. */
  readonly shownAs: (name: string) => string;
}

/** The app's instruments are those of OpenTelemetry's SDK, and its exporter reads them and ours in the app's process. */
export function startExporting(
  measured: DeltaMeterProvider,
  { config, say, shownAs }: ExportingOptions,
): MetricReaders {
  const shown = config.semconv === 'dup' ? withOlderPoints : undefined;
  const own = new SharedMetrics(measured, shown);
  const events = new DeltaMeterProvider();
  const reader = new SnapshotReader([own], (point) => ({ ...point, name: shownAs(point.name) }));
  const scraped = new ScrapeReader([own.totals, new SharedMetrics(events, shown).totals]);
  const provider = new MeterProvider({ resource: resourceOf(config), readers: [reader, scraped] });
  const stop = startPrometheus(scraped, config, say);
  return { provider, frames: new ReaderSource(reader), export: eventMeasure(events.getMeter()), stop };
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

/** What the exporter shows: the instruments of the provider it is a reader of, and ours. */
export class ScrapeReader extends MetricReader {
  constructor(own: readonly MetricProducer[]) {
    super({
      metricProducers: [...own],
      aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
      aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
    });
  }

  protected override async onShutdown(): Promise<void> {}

  protected override async onForceFlush(): Promise<void> {}
}

/**
 * Serves `reader`. What for is loaded only now: an app that needs no HTTP would pay 25 ms for Node's module alone.
 *
 * @returns how to stop it.
 */
function startPrometheus(reader: ScrapeReader, config: ExporterConfig, say: Say): () => void {
  const { prometheusExporterHost: host, prometheusExporterPort: port } = config;
  let said = false;
  const failed = (error: unknown) => {
    if (!said)
      say(`[nervecenter] OTEL_METRICS_EXPORTER=prometheus on ${host}:${port}: ${describeError(error)}\n`);
    said = true;
  };
  let stopServer = () => {};
  let stopped = false;
  import('./prometheus-server.ts')
    .then(({ servePrometheus }) => {
      if (!stopped) stopServer = servePrometheus(reader, { host, port }, failed);
    })
    .catch(failed);
  return () => {
    stopped = true;
    stopServer();
  };
}
