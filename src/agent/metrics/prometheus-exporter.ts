import type { Config } from '../../config/config.ts';
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
