import { cachesText } from '../core/names/cache-names.ts';
import { DAY_MS } from '../core/units.ts';
import { userHeadersText } from '../core/user-headers.ts';
import type { Config } from './config.ts';
import { shownParts } from './file/config-file.ts';
import { STANDARD_TARGET } from './otlp/target.ts';
import { retentionText } from './retention.ts';
import { defaultOf, SETTINGS, type SettingName } from './settings.ts';
import { webhookHostText } from './webhook-hosts.ts';

/** The configuration as `nervecenter doctor` prints it: by variable, secrets masked. */
export function effectiveSettings(config: Config): Partial<Record<SettingName, string>> {
  const days = Object.entries(config.retentionMs).map(([key, ms]) => [key, ms / DAY_MS]);
  return {
    OTEL_SDK_DISABLED: String(config.disabled),
    OTEL_SERVICE_NAME: config.service,
    OTEL_CONFIG_FILE: shownFile(config),
    OTEL_METRICS_EXPORTER: config.metricsExporters.join(',') || 'unset',
    OTEL_EXPORTER_PROMETHEUS_HOST: config.prometheusExporterHost,
    OTEL_EXPORTER_PROMETHEUS_PORT: String(config.prometheusExporterPort),
    NERVECENTER_PORT: String(config.port),
    NERVECENTER_HOST: config.host,
    NERVECENTER_OTLP_PORT: String(config.otlpPort ?? defaultOf('NERVECENTER_OTLP_PORT')),
    NERVECENTER_OTLP_GRPC_PORT: String(config.otlpGrpcPort ?? defaultOf('NERVECENTER_OTLP_GRPC_PORT')),
    NERVECENTER_OTLP_KEYS:
      config.otlpKeys.length === 0
        ? 'unset'
        : `${config.otlpKeys.map(({ name }) => name).join(',')} (keys not shown)`,
    NERVECENTER_ADMIN_TOKEN:
      config.adminTokens.length === 0
        ? 'one is made at start'
        : `${config.adminTokens.length} set (not shown)`,
    NERVECENTER_ALLOWED_HOSTS: config.allowedHosts.join(',') || 'none',
    NERVECENTER_ALLOWED_ORIGINS: config.allowedOrigins.join(',') || 'none',
    NERVECENTER_TLS_CERT: config.tls?.cert ?? 'unset',
    NERVECENTER_TLS_KEY: config.tls?.key ?? 'unset',
    NERVECENTER_TRUSTED_PROXY: config.trustedProxies.join(',') || 'none',
    NERVECENTER_INTERVAL_MS: String(config.intervalMs),
    NERVECENTER_WINDOW_MS: String(config.windowMs),
    NERVECENTER_PROMETHEUS: config.prometheus,
    ...otlpSettings(config),
    NERVECENTER_LOCAL: config.local,
    NERVECENTER_SEMCONV: config.semconv,
    NERVECENTER_STORAGE: config.storage,
    NERVECENTER_DATA_DIR: config.dataDir,
    NERVECENTER_SPOOL_MAX_BYTES: String(config.spoolMaxBytes),
    NERVECENTER_STORAGE_MAX_BYTES: String(config.storageMaxBytes ?? 'unset'),
    NERVECENTER_SPANS: config.spans,
    NERVECENTER_SPANS_MAX_BYTES: String(config.spansMaxBytes),
    NERVECENTER_RETENTION_DAYS: retentionText(Object.fromEntries(days)),
    NERVECENTER_PRICES: config.pricesPath ?? 'unset',
    NERVECENTER_ALERTS: config.alertsPath ?? 'unset',
    NERVECENTER_WEBHOOK_HOSTS: config.webhookHosts.map(webhookHostText).join(',') || 'none',
    NERVECENTER_ERROR_MESSAGES: config.errorMessages,
    NERVECENTER_INCLUDE_USAGE: config.includeUsage,
    NERVECENTER_CACHES: cachesText(config.caches),
    NERVECENTER_USER_HEADER: userHeadersText(config.userHeaders),
    NERVECENTER_HASH_USERS: config.hashUsers,
    NERVECENTER_HASH_KEY: config.hashKey === null ? 'unset' : 'set (not shown)',
    NERVECENTER_DATABASE_URL: ownDatabase(config),
    NERVECENTER_SCHEMA: config.schema,
    DATABASE_URL: standardDatabase(config),
  };
}

function shownFile({ configFile }: Config): string {
  if (configFile === null) return 'unset';
  const { path, notInEffect } = configFile;
  return notInEffect.length === 0 ? path : `${path}, without ${shownParts(notInEffect)}`;
}

function ownDatabase({ postgres }: Config): string {
  if (postgres?.variable !== undefined) return `env:${postgres.variable} (not shown)`;
  return postgres?.setting === 'NERVECENTER_DATABASE_URL' ? 'set (not shown)' : 'unset';
}

function standardDatabase({ postgres }: Config): string {
  switch (postgres?.setting) {
    case 'DATABASE_URL':
      return postgres.connectionString === null ? 'unset, PG* are taken' : 'set (not shown)';
    case 'AZURE_PG_*':
      return 'unset, AZURE_PG_* are taken';
    default:
      return 'unset';
  }
}

/** Of the receiver that the standard variables name; headers are secrets, and so is what a URL may hold. */
function otlpSettings({ otlpTargets, tracing, configFile }: Config): Partial<Record<SettingName, string>> {
  const standard = otlpTargets.find(({ name }) => name === STANDARD_TARGET);
  const [endpoint] = Object.values(standard?.endpoints ?? {});
  const standards = configFile?.targetNames ?? [STANDARD_TARGET];
  const others = otlpTargets.map(({ name }) => name).filter((name) => !standards.includes(name));
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint === undefined ? 'unset' : new URL(endpoint.url).origin,
    OTEL_EXPORTER_OTLP_PROTOCOL: endpoint?.protocol ?? SETTINGS.OTEL_EXPORTER_OTLP_PROTOCOL.default,
    OTEL_EXPORTER_OTLP_HEADERS:
      Object.keys(endpoint?.headers ?? {}).length === 0 ? 'none' : 'set (not shown)',
    OTEL_EXPORTER_OTLP_COMPRESSION: endpoint?.compression ?? SETTINGS.OTEL_EXPORTER_OTLP_COMPRESSION.default,
    OTEL_EXPORTER_OTLP_TIMEOUT: String(endpoint?.timeoutMs ?? SETTINGS.OTEL_EXPORTER_OTLP_TIMEOUT.default),
    OTEL_METRIC_EXPORT_INTERVAL: String(
      standard?.metricsIntervalMs ?? SETTINGS.OTEL_METRIC_EXPORT_INTERVAL.default,
    ),
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE:
      standard?.temporality ?? SETTINGS.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.default,
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION:
      standard?.histograms ?? SETTINGS.OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION.default,
    OTEL_TRACES_SAMPLER: tracing.sampler,
    OTEL_TRACES_SAMPLER_ARG: String(tracing.samplerRatio),
    OTEL_PROPAGATORS: tracing.propagators.join(',') || 'none',
    NERVECENTER_OTLP_EVENTS: standard?.nervecenter === true ? 'on' : 'off',
    NERVECENTER_OTLP_TARGETS: others.join(', ') || 'unset',
  };
}
