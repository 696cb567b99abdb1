import { cachesText } from '../core/cache-names.ts';
import { DAY_MS } from '../core/units.ts';
import { userHeadersText } from '../core/user-headers.ts';
import type { Config } from './config.ts';
import { retentionText } from './retention.ts';
import { defaultOf, type SettingName } from './settings.ts';

/** The configuration as `nervecenter doctor` prints it: by variable, secrets masked. */
export function effectiveSettings(config: Config): Partial<Record<SettingName, string>> {
  const days = Object.entries(config.retentionMs).map(([key, ms]) => [key, ms / DAY_MS]);
  return {
    OTEL_SDK_DISABLED: String(config.disabled),
    OTEL_SERVICE_NAME: config.service,
    OTEL_METRICS_EXPORTER: config.metricsExporters.join(',') || 'none',
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
    NERVECENTER_INTERVAL_MS: String(config.intervalMs),
    NERVECENTER_WINDOW_MS: String(config.windowMs),
    NERVECENTER_PROMETHEUS: config.prometheus,
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
    NERVECENTER_ERROR_MESSAGES: config.errorMessages,
    NERVECENTER_INCLUDE_USAGE: config.includeUsage,
    NERVECENTER_CACHES: cachesText(config.caches),
    NERVECENTER_USER_HEADER: userHeadersText(config.userHeaders),
    DATABASE_URL: config.postgres?.connectionString ? 'set (not shown)' : 'unset',
  };
}
