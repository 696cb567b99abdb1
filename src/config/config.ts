import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CACHES_EXPECTED, type CachePrefix, cachesText, parseCachePrefixes } from '../core/cache-names.ts';
import { NervecenterError } from '../core/errors.ts';
import type { SignalName } from '../core/event.ts';
import { DAY_MS, GIB, MIB, type Milliseconds, milliseconds } from '../core/units.ts';
import {
  parseUserHeaders,
  USER_HEADERS_EXPECTED,
  type UserHeaders,
  userHeadersText,
} from '../core/user-headers.ts';
import { nearestName } from './nearest-name.ts';
import { type ConnectionSource, PG_VARIABLES, resolvePostgres } from './postgres-options.ts';

/** Everything an operator can decide, validated and frozen. The only reader of `process.env` is this file. */
export interface Config {
  readonly disabled: boolean;
  readonly service: string;
  readonly port: number;
  readonly host: string;
  /** Tokens that open the dashboard; empty: one is made at start and printed. */
  readonly adminTokens: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly intervalMs: Milliseconds;
  readonly windowMs: Milliseconds;
  readonly prometheus: 'on' | 'off' | 'token';
  readonly storage: 'on' | 'off';
  /** A user's Postgres; `null`: embedded storage. */
  readonly postgres: PostgresConfig | null;
  readonly dataDir: string;
  readonly spoolMaxBytes: number;
  /** What all rows together may take in the database; `null`: only their age counts. */
  readonly storageMaxBytes: number | null;
  readonly retentionMs: Readonly<Record<RetentionKey, Milliseconds>>;
  readonly pricesPath: string | null;
  /** File with rules of alerts, beside those made in the dashboard. */
  readonly alertsPath: string | null;
  /** Whether providers' messages for failed calls are recorded; they may quote what was asked. */
  readonly errorMessages: 'on' | 'off';
  /** Whether chat streams are asked for their usage where the app does not ask. */
  readonly includeUsage: 'on' | 'off';
  /** Which keys belong to which cache. */
  readonly caches: readonly CachePrefix[];
  /** The headers believed to say who a request is for; `null`: none. */
  readonly userHeaders: UserHeaders | null;
  /** Set: somebody else collects. */
  readonly otlpEndpoint: string | null;
  /** Ways the app's process itself is to show its metrics, as OpenTelemetry names them; not all are supported. */
  readonly metricsExporters: readonly string[];
  /** Where the one called `prometheus` listens. */
  readonly prometheusExporterHost: string;
  readonly prometheusExporterPort: number;
}

/** The user's Postgres: a URL, and the `PG*` variables, which fill in what it leaves open. */
export type PostgresConfig = ConnectionSource;

export type RetentionKey = 'request' | 'system' | 'llm' | 'rag' | 'cache';

/** Which retention a signal's table follows. */
export const RETENTION_OF: Readonly<Record<SignalName, RetentionKey>> = {
  request: 'request',
  system: 'system',
  'llm-call': 'llm',
  'rag-query': 'rag',
  cache: 'cache',
  'ws-session': 'request',
};

type Env = Readonly<Record<string, string | undefined>>;

/** The environment for the collector's thread: the preload that started the agent must not start there again. */
export function collectorEnv(env: Env = process.env): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _notInherited, ...rest } = env;
  return rest;
}

const PREFIX = 'NERVECENTER_';
const DEFAULT_PORT = 9464;
const DEFAULT_PROMETHEUS_EXPORTER_PORT = 9464;
const DEFAULT_INTERVAL_MS = 5000;
const INTERVAL_MS_MIN = 1000;
const INTERVAL_MS_MAX = 60_000;
const DEFAULT_WINDOW_MS = 300_000;
const WINDOW_MS_MAX = DAY_MS;
const ADMIN_TOKEN_LENGTH_MIN = 16;
/** Less would not hold today's rows and the empty tables. */
const STORAGE_MAX_BYTES_MIN = 64 * MIB;
const DEFAULT_RETENTION_DAYS: Readonly<Record<RetentionKey, number>> = {
  request: 30,
  system: 7,
  llm: 90,
  rag: 30,
  cache: 7,
};
/** Of an app that has its Postgres at Azure: the same parameters by other names. */
const AZURE_VARIABLES: Readonly<Record<string, string>> = {
  AZURE_PG_HOST: 'PGHOST',
  AZURE_PG_PORT: 'PGPORT',
  AZURE_PG_DATABASE: 'PGDATABASE',
  AZURE_PG_USER: 'PGUSER',
  AZURE_PG_PASSWORD: 'PGPASSWORD',
  AZURE_PG_SSLMODE: 'PGSSLMODE',
};
/** Azure's servers refuse anything less unless somebody allowed it. */
const AZURE_SSL_MODE = 'require';

/** Every variable read, with its default; the README's table, which says what they mean, is checked against this list. */
export const SETTINGS: Readonly<Record<string, string>> = {
  OTEL_SDK_DISABLED: 'false',
  OTEL_SERVICE_NAME: 'package name of the app',
  OTEL_RESOURCE_ATTRIBUTES: 'unset',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'unset',
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_EXPORTER_PROMETHEUS_HOST: 'localhost',
  OTEL_EXPORTER_PROMETHEUS_PORT: '9464',
  NERVECENTER_PORT: '9464',
  NERVECENTER_HOST: '127.0.0.1',
  NERVECENTER_ADMIN_TOKEN: 'random, printed',
  NERVECENTER_ALLOWED_HOSTS: 'none',
  NERVECENTER_ALLOWED_ORIGINS: 'none',
  NERVECENTER_INTERVAL_MS: '5000',
  NERVECENTER_WINDOW_MS: '300000',
  NERVECENTER_PROMETHEUS: 'on',
  NERVECENTER_STORAGE: 'on',
  NERVECENTER_DATA_DIR: '.nervecenter',
  NERVECENTER_SPOOL_MAX_BYTES: '1073741824',
  NERVECENTER_STORAGE_MAX_BYTES: 'unset',
  NERVECENTER_RETENTION_DAYS: 'request=30,system=7,llm=90,rag=30,cache=7',
  NERVECENTER_PRICES: 'unset',
  NERVECENTER_ALERTS: 'unset',
  NERVECENTER_ERROR_MESSAGES: 'off',
  NERVECENTER_INCLUDE_USAGE: 'off',
  NERVECENTER_CACHES: 'rag=rag:,embedding=emb:',
  NERVECENTER_USER_HEADER: 'unset',
  DATABASE_URL: 'unset',
  'PG*': 'unset',
  'AZURE_PG_*': 'unset',
};

/** The configuration as `nervecenter doctor` prints it: by variable, secrets masked. */
export function effectiveSettings(config: Config): Record<string, string> {
  const days = Object.entries(config.retentionMs).map(([key, ms]) => `${key}=${ms / DAY_MS}`);
  return {
    OTEL_SDK_DISABLED: String(config.disabled),
    OTEL_SERVICE_NAME: config.service,
    OTEL_METRICS_EXPORTER: config.metricsExporters.join(',') || 'none',
    NERVECENTER_PORT: String(config.port),
    NERVECENTER_HOST: config.host,
    NERVECENTER_ADMIN_TOKEN:
      config.adminTokens.length === 0
        ? 'one is made at start'
        : `${config.adminTokens.length} set (not shown)`,
    NERVECENTER_ALLOWED_HOSTS: config.allowedHosts.join(',') || 'none',
    NERVECENTER_ALLOWED_ORIGINS: config.allowedOrigins.join(',') || 'none',
    NERVECENTER_INTERVAL_MS: String(config.intervalMs),
    NERVECENTER_WINDOW_MS: String(config.windowMs),
    NERVECENTER_PROMETHEUS: config.prometheus,
    NERVECENTER_STORAGE: config.storage,
    NERVECENTER_DATA_DIR: config.dataDir,
    NERVECENTER_SPOOL_MAX_BYTES: String(config.spoolMaxBytes),
    NERVECENTER_STORAGE_MAX_BYTES: String(config.storageMaxBytes ?? 'unset'),
    NERVECENTER_RETENTION_DAYS: days.join(','),
    NERVECENTER_PRICES: config.pricesPath ?? 'unset',
    NERVECENTER_ALERTS: config.alertsPath ?? 'unset',
    NERVECENTER_ERROR_MESSAGES: config.errorMessages,
    NERVECENTER_INCLUDE_USAGE: config.includeUsage,
    NERVECENTER_CACHES: cachesText(config.caches),
    NERVECENTER_USER_HEADER: userHeadersText(config.userHeaders),
    DATABASE_URL: config.postgres?.connectionString ? 'set (not shown)' : 'unset',
  };
}

/** Variables with our prefix that nobody reads, and what each was probably meant to be; `null`: nothing like it. */
export function unknownSettings(
  env: Env = process.env,
): { readonly name: string; readonly meant: string | null }[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !Object.hasOwn(SETTINGS, name))
    .map((name) => ({ name, meant: nearestName(name, Object.keys(SETTINGS)) }));
}

/**
 * Reads and validates the configuration.
 *
 * @throws NervecenterError `NC_CONFIG_INVALID` naming each bad setting: what was expected, what came, what to do.
 */
export function readConfig(env: Env = process.env, cwd: string = process.cwd()): Config {
  const problems: string[] = [];
  const setting = new SettingReader(env, problems);
  const config: Config = {
    disabled: env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true',
    service: serviceName(env, cwd),
    port: setting.integer('NERVECENTER_PORT', DEFAULT_PORT, 0, 65_535),
    host: setting.text('NERVECENTER_HOST') ?? '127.0.0.1',
    adminTokens: adminTokens(setting, problems),
    allowedHosts: setting.list('NERVECENTER_ALLOWED_HOSTS').map((host) => host.toLowerCase()),
    allowedOrigins: origins(setting, problems),
    intervalMs: milliseconds(
      setting.integer('NERVECENTER_INTERVAL_MS', DEFAULT_INTERVAL_MS, INTERVAL_MS_MIN, INTERVAL_MS_MAX),
    ),
    windowMs: milliseconds(
      setting.integer('NERVECENTER_WINDOW_MS', DEFAULT_WINDOW_MS, INTERVAL_MS_MAX, WINDOW_MS_MAX),
    ),
    prometheus: setting.choice('NERVECENTER_PROMETHEUS', ['on', 'off', 'token'], 'on'),
    storage: setting.choice('NERVECENTER_STORAGE', ['on', 'off'], 'on'),
    postgres: postgresConfig(setting, env, problems),
    dataDir: resolve(cwd, setting.text('NERVECENTER_DATA_DIR') ?? '.nervecenter'),
    spoolMaxBytes: setting.integer('NERVECENTER_SPOOL_MAX_BYTES', GIB, 0, Number.MAX_SAFE_INTEGER),
    storageMaxBytes: storageMaxBytes(setting),
    retentionMs: retention(setting, problems),
    pricesPath: resolved(cwd, setting.text('NERVECENTER_PRICES')),
    alertsPath: resolved(cwd, setting.text('NERVECENTER_ALERTS')),
    errorMessages: setting.choice('NERVECENTER_ERROR_MESSAGES', ['on', 'off'], 'off'),
    includeUsage: setting.choice('NERVECENTER_INCLUDE_USAGE', ['on', 'off'], 'off'),
    caches: setting.parsed('NERVECENTER_CACHES', CACHES_EXPECTED, parseCachePrefixes),
    userHeaders: setting.parsed('NERVECENTER_USER_HEADER', USER_HEADERS_EXPECTED, parseUserHeaders),
    otlpEndpoint: setting.text('OTEL_EXPORTER_OTLP_ENDPOINT'),
    metricsExporters: metricsExporters(setting),
    prometheusExporterHost: setting.text('OTEL_EXPORTER_PROMETHEUS_HOST') ?? 'localhost',
    prometheusExporterPort: setting.integer(
      'OTEL_EXPORTER_PROMETHEUS_PORT',
      DEFAULT_PROMETHEUS_EXPORTER_PORT,
      1,
      65_535,
    ),
  };
  if (problems.length > 0) throw new NervecenterError('NC_CONFIG_INVALID', problems.join(' '));
  return Object.freeze(config);
}

/** Reads one variable at a time; absent and empty mean "not set", everything else must be usable. */
class SettingReader {
  readonly #env: Env;
  readonly #problems: string[];

  constructor(env: Env, problems: string[]) {
    this.#env = env;
    this.#problems = problems;
  }

  text(name: string): string | null {
    const value = this.#env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  list(name: string): string[] {
    return (this.text(name) ?? '').split(',').flatMap((item) => item.trim() || []);
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === null) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    return this.#refuse(name, `a whole number from ${min} to ${max}`, value, fallback);
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === null) return fallback;
    const choice = choices.find((candidate) => candidate === value.toLowerCase());
    return choice ?? this.#refuse(name, `one of ${choices.join(', ')}`, value, fallback);
  }

  /** A list, or what `parse` hands back of it as unreadable. */
  parsed<T extends object | null>(
    name: string,
    expected: string,
    parse: (items: readonly string[]) => T | string,
  ): T {
    const parsed = parse(this.list(name));
    if (typeof parsed !== 'string') return parsed;
    this.#refuse(name, expected, parsed, SETTINGS[name]);
    return parse([]) as T;
  }

  #refuse<T>(name: string, expected: string, value: string, fallback: T): T {
    this.#problems.push(
      `${name}: expected ${expected}, got "${printable(value)}". Correct it or unset it (default ${fallback}).`,
    );
    return fallback;
  }
}

/** A received value as it may be printed: short, on one line. */
function printable(value: string): string {
  const clean = value.replace(/[\p{Cc}\p{Cf}]/gu, '?');
  return clean.length > 80 ? `${clean.slice(0, 77)}...` : clean;
}

function storageMaxBytes(setting: SettingReader): number | null {
  const name = 'NERVECENTER_STORAGE_MAX_BYTES';
  if (setting.text(name) === null) return null;
  return setting.integer(name, STORAGE_MAX_BYTES_MIN, STORAGE_MAX_BYTES_MIN, Number.MAX_SAFE_INTEGER);
}

/** Other programs' SDKs read this variable as well: what is not known here is said by the agent, not refused. */
function metricsExporters(setting: SettingReader): string[] {
  const names = setting.list('OTEL_METRICS_EXPORTER').map((name) => printable(name.toLowerCase()));
  return [...new Set(names)].filter((name) => name !== 'none');
}

function resolved(cwd: string, path: string | null): string | null {
  return path === null ? null : resolve(cwd, path);
}

function serviceName(env: Env, cwd: string): string {
  const explicit = env['OTEL_SERVICE_NAME']?.trim();
  if (explicit) return explicit;
  const attribute = env['OTEL_RESOURCE_ATTRIBUTES']
    ?.split(',')
    .map((pair) => pair.split('='))
    .find(([key]) => key?.trim() === 'service.name');
  const fromAttribute = attribute?.[1]?.trim();
  if (fromAttribute) return decodeURIComponentSafely(fromAttribute);
  return packageName(cwd) ?? 'app';
}

function decodeURIComponentSafely(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function packageName(cwd: string): string | null {
  try {
    const parsed: unknown = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
    const name = (parsed as { name?: unknown }).name;
    return typeof name === 'string' && name !== '' ? name : null;
  } catch {
    return null; // No readable package.json: the app simply has no name.
  }
}

function adminTokens(setting: SettingReader, problems: string[]): string[] {
  const tokens = setting.list('NERVECENTER_ADMIN_TOKEN');
  if (tokens.some((token) => token.length < ADMIN_TOKEN_LENGTH_MIN)) {
    problems.push(
      `NERVECENTER_ADMIN_TOKEN: expected at least ${ADMIN_TOKEN_LENGTH_MIN} characters per token, got fewer. ` +
        'Make one with `openssl rand -hex 24`, or unset it to get a random one printed at start.',
    );
  }
  return tokens;
}

function origins(setting: SettingReader, problems: string[]): string[] {
  return setting.list('NERVECENTER_ALLOWED_ORIGINS').map((origin) => {
    const normal = URL.canParse(origin) ? new URL(origin).origin : 'null';
    if (normal === 'null') {
      problems.push(
        `NERVECENTER_ALLOWED_ORIGINS: expected origins such as https://admin.example.com, got "${printable(origin)}". Correct or remove it.`,
      );
    }
    return normal;
  });
}

/** `DATABASE_URL` first, then `PG*`, then `AZURE_PG_*`; `null` where none of them names a server. */
function postgresConfig(setting: SettingReader, env: Env, problems: string[]): PostgresConfig | null {
  const connectionString = setting.text('DATABASE_URL');
  const standard = Object.fromEntries(
    PG_VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])),
  );
  const named = connectionString !== null || env['PGHOST'] || env['PGDATABASE'];
  const postgres = named ? { connectionString, env: standard } : azureConfig(setting, standard);
  if (postgres !== null) problems.push(...resolvePostgres(postgres).problems);
  return postgres;
}

function azureConfig(setting: SettingReader, standard: Record<string, string>): PostgresConfig | null {
  if (setting.text('AZURE_PG_HOST') === null) return null;
  const azure = Object.entries(AZURE_VARIABLES).flatMap(([name, standardName]) => {
    const value = setting.text(name);
    return value === null ? [] : [[standardName, value] as const];
  });
  const env = { PGSSLMODE: AZURE_SSL_MODE, ...standard, ...Object.fromEntries(azure) };
  return { connectionString: null, env };
}

function retention(setting: SettingReader, problems: string[]): Record<RetentionKey, Milliseconds> {
  const days: Record<RetentionKey, number> = { ...DEFAULT_RETENTION_DAYS };
  for (const item of setting.list('NERVECENTER_RETENTION_DAYS')) {
    const [key = '', value = ''] = item.split('=').map((part) => part.trim());
    if (Object.hasOwn(days, key) && /^\d+$/.test(value) && Number(value) >= 1) {
      days[key as RetentionKey] = Number(value);
      continue;
    }
    problems.push(
      `NERVECENTER_RETENTION_DAYS: expected pairs such as request=30 with ${Object.keys(days).join(', ')} and at least 1 day, got "${printable(item)}". Correct it or remove it.`,
    );
  }
  return Object.fromEntries(
    Object.entries(days).map(([key, n]) => [key, milliseconds(n * DAY_MS)]),
  ) as Record<RetentionKey, Milliseconds>;
}
