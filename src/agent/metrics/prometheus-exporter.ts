import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  AggregationType,
  type CollectionResult,
  type MetricData,
  type MetricProducer,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Config } from '../../config/config.ts';
import { describeError } from '../../core/errors.ts';
import { markOwnTraffic } from '../context/own-traffic.ts';
import { hasOwnMetricsSdk } from './app-metrics.ts';

const ENDPOINT = '/metrics';
/** What an app's observable instrument may take to answer; a slower one is left out of the scrape. */
const OBSERVE_TIMEOUT_MS = 500;

type Say = (text: string) => void;
type ExporterConfig = Pick<
  Config,
  'metricsExporters' | 'prometheusExporterHost' | 'prometheusExporterPort' | 'port'
>;

/** Whether the app's process shall serve its metrics itself; says why not where somebody asked for something else. */
export function wantsPrometheus(config: ExporterConfig, appDirectory: string | null, say: Say): boolean {
  const asked = config.metricsExporters;
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
    refuse(`this version knows prometheus and none, ${rest} is left out; metrics are on the dashboard.`);
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
  constructor(own: MetricProducer) {
    super({
      metricProducers: [own],
      aggregationSelector: () => ({ type: AggregationType.DEFAULT }),
      aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE,
    });
  }

  protected override async onShutdown(): Promise<void> {}

  protected override async onForceFlush(): Promise<void> {}
}

/**
 * Serves `reader` by OpenTelemetry's exporter, which is loaded only now, from a server that neither keeps the process alive
 * nor fails in it: the exporter's own would throw what goes wrong once it listens.
 *
 * @returns how to stop it.
 */
export function servePrometheus(reader: ScrapeReader, config: ExporterConfig, say: Say): () => void {
  const { prometheusExporterHost: host, prometheusExporterPort: port } = config;
  const failed = (error: unknown) =>
    say(`[nervecenter] OTEL_METRICS_EXPORTER=prometheus on ${host}:${port}: ${describeError(error)}\n`);
  let exporter: PrometheusExporter | null = null;
  const server = createServer((request, response) => {
    markOwnTraffic(request);
    if (exporter === null || !isForMetrics(request)) notFound(response);
    else exporter.getMetricsRequestHandler(request, response);
  });
  let saidFailure = false;
  server.on('error', (error) => {
    if (!saidFailure) failed(error);
    saidFailure = true;
  });
  server.on('connection', (socket) => socket.unref());
  let stopped = false;
  newExporter(reader).then((made) => {
    exporter = made;
    if (!stopped) server.listen({ host, port }).unref();
  }, failed);
  return () => {
    stopped = true;
    server.close();
    server.closeAllConnections();
  };
}

async function newExporter(reader: ScrapeReader): Promise<PrometheusExporter> {
  const { PrometheusExporter } = await import('@opentelemetry/exporter-prometheus');
  const exporter = new PrometheusExporter({ preventServerStart: true });
  exporter.setMetricProducer({
    collect: async () => printable(await reader.collect({ timeoutMillis: OBSERVE_TIMEOUT_MS })),
  });
  return exporter;
}

function isForMetrics({ url }: IncomingMessage): boolean {
  return url?.split('?', 1)[0] === ENDPOINT;
}

function notFound(response: ServerResponse): void {
  response.statusCode = 404;
  response.end();
}

/** The exporter prints whatever an app put into its metrics, and what cannot be printed would become a rejection nobody handles. */
function printable({ resourceMetrics, errors }: CollectionResult): CollectionResult {
  const scopeMetrics = resourceMetrics.scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.map(printableMetric),
  }));
  return { resourceMetrics: { ...resourceMetrics, scopeMetrics }, errors };
}

function printableMetric(metric: MetricData): MetricData {
  const { descriptor, dataPoints } = metric;
  const { unit, description } = descriptor;
  return {
    ...metric,
    descriptor: { ...descriptor, unit: textOf(unit), description: textOf(description) },
    dataPoints: dataPoints.map((point) => ({
      ...point,
      attributes: Object.fromEntries(
        Object.entries(point.attributes).map(([name, value]) => [name, textOf(value)]),
      ),
    })),
  } as MetricData;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return ''; // A circle, or a number too large for JSON.
  }
}
