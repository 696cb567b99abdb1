import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import type { CollectionResult, MetricData } from '@opentelemetry/sdk-metrics';
import { markOwnTraffic } from '../context/own-traffic.ts';
import type { ScrapeReader } from './exporting.ts';

const ENDPOINT = '/metrics';
/** What an app's observable instrument may take to answer; a slower one is left out of the scrape. */
const OBSERVE_TIMEOUT_MS = 500;

/**
 * Serves `reader` by OpenTelemetry's exporter from a server that neither keeps the process alive nor fails in it: the
 * exporter's own would throw what goes wrong once it listens.
 *
 * @returns how to stop it.
 */
export function servePrometheus(
  reader: ScrapeReader,
  at: { readonly host: string; readonly port: number },
  failed: (error: unknown) => void,
): () => void {
  const exporter = exporterOf(reader);
  const server = createServer((request, response) => {
    markOwnTraffic(request);
    if (isForMetrics(request)) exporter.getMetricsRequestHandler(request, response);
    else notFound(response);
  });
  server.on('error', failed);
  server.on('connection', (socket) => socket.unref());
  server.listen(at).unref();
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

function exporterOf(reader: ScrapeReader): PrometheusExporter {
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
