import {
  AggregationTemporality,
  AggregationType,
  type MetricProducer,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Config } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import { hasOwnMetricsSdk } from './app-metrics.ts';

export type Say = (text: string) => void;
export type ExporterConfig = Pick<
  Config,
  'metricsExporters' | 'prometheusExporterHost' | 'prometheusExporterPort' | 'port'
>;

/** Whether the app's process shall serve its metrics itself; says why not where somebody asked for something else. */
export function wantsPrometheus(config: ExporterConfig, appDirectory: string | null, say: Say): boolean {
  // What goes out by OTLP leaves the collector.
  const asked = config.metricsExporters.filter((name) => name !== 'otlp');
  const refuse = (why: string) => {
    say(`[nervecenter] OTEL_METRICS_EXPORTER=${asked.join(',')}: ${why}\n`);
    return false;
  };
  if (asked.length === 0) return false;
  const onlyPrometheus = asked.length === 1 && asked[0] === 'prometheus';
  if (appDirectory !== null && hasOwnMetricsSdk(appDirectory)) {
    // It reads the same variable and would find its port taken.
    return onlyPrometheus ? refuse("left to the app's own OpenTelemetry SDK.") : false;
  }
  if (!onlyPrometheus) {
    const rest = asked.filter((name) => name !== 'prometheus').join(', ');
    refuse(
      `this version knows prometheus, otlp and none, ${rest} is left out; metrics are on the dashboard.`,
    );
    if (!asked.includes('prometheus')) return false;
  }
  const { prometheusExporterPort: port } = config;
  if (port !== config.port) return true;
  return refuse(
    `port ${port} is the dashboard's, whose /metrics has these figures as well. ` +
      "Set OTEL_EXPORTER_PROMETHEUS_PORT to another port for an exporter in the app's process.",
  );
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
export function startPrometheus(reader: ScrapeReader, config: ExporterConfig, say: Say): () => void {
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
