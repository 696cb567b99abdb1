import { isIP, isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';
import { NervecenterError } from '../core/errors.ts';
import { type CachePrefix, parseCachePrefixes } from '../core/names/cache-names.ts';
import type { RetentionKey } from '../core/signals/signal.ts';
import { DAY_MS, type Milliseconds, milliseconds } from '../core/units.ts';
import { parseUserHeaders, type UserHeaders } from '../core/user-headers.ts';
import { sdkDisabled } from './disabled.ts';
import { type ConfigFileOutcome, outcomeOf, readConfigFile, withConfigFile } from './file/config-file.ts';
import { nearestName } from './nearest-name.ts';
import { unknownExporters } from './otlp/endpoints.ts';
import type { OtlpTarget } from './otlp/target.ts';
import { readOtlpTargets } from './otlp/targets.ts';
import { readTracing, type Tracing } from './otlp/tracing.ts';
import type { ConnectionSource } from './postgres-options.ts';
import { SCHEMA_NAME } from './postgres-settings.ts';
import { type ConfigReader, readPostgres } from './postgres-source.ts';
import { type Resource, readResource } from './resource.ts';
import { RETENTION_DAYS, RETENTION_DAYS_MAX } from './retention.ts';
import { type Env, isServiceLink, printable, SettingReader } from './setting-reader.ts';
import {
  ADMIN_TOKEN_LENGTH_MIN,
  expectationOf,
  HASH_KEY_LENGTH_MIN,
  isSetting,
  OTLP_KEY_LENGTH_MIN,
  SETTING_NAMES,
} from './settings.ts';
import { parseWebhookHosts, type WebhookHost } from './webhook-hosts.ts';

/** Everything an operator can decide, validated and frozen. The only reader of `process.env` is this file. */
export interface Config extends Resource {
  readonly disabled: boolean;
  /** What became of the file that stands in the place of OpenTelemetry's variables; `null`: there is none. */
  readonly configFile: ConfigFileOutcome | null;
  readonly port: number;
  readonly host: string;
  /** Where OTLP is taken over HTTP; `null`: as the collector has it that runs alone, or in an app. */
  readonly otlpPort: ListenerPort | null;
  readonly otlpGrpcPort: ListenerPort | null;
  /** Who may send OTLP; empty: everybody on the loopback, beyond it whoever has the key made at start. */
  readonly otlpKeys: readonly OtlpKey[];
  /** Tokens that open the dashboard to admins; empty: one is made at the first start and kept. */
  readonly adminTokens: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** What the listeners prove themselves with; `null`: they speak no TLS. */
  readonly tls: TlsFiles | null;
  /** Addresses and networks of proxies that are believed to say who asks. */
  readonly trustedProxies: readonly string[];
  readonly intervalMs: Milliseconds;
  readonly windowMs: Milliseconds;
  readonly prometheus: 'on' | 'off' | 'token';
  /** Whether metrics have their older names as well. */
  readonly semconv: 'stable' | 'dup';
  readonly storage: 'on' | 'off';
  /** A user's Postgres; `null`: embedded storage. */
  readonly postgres: PostgresConfig | null;
  /** Of our tables, wherever they are. */
  readonly schema: string;
  readonly dataDir: string;
  /** Whether an operator said where rows go. */
  readonly storageChosen: boolean;
  readonly spoolMaxBytes: number;
  /** What all rows together may take in the database; `null`: only their age counts. */
  readonly storageMaxBytes: number | null;
  /** Whether received spans are kept: they make events either way. */
  readonly spans: 'on' | 'off';
  /** What the kept ones may take in the database. */
  readonly spansMaxBytes: number;
  readonly retentionMs: Readonly<Record<RetentionKey, Milliseconds>>;
  readonly pricesPath: string | null;
  /** File with rules of alerts, beside those made in the dashboard. */
  readonly alertsPath: string | null;
  /** Where messages of alerts may go, besides the Internet. */
  readonly webhookHosts: readonly WebhookHost[];
  /** Whether providers' messages for failed calls are recorded; they may quote what was asked. */
  readonly errorMessages: 'on' | 'off';
  /** Whether chat streams are asked for their usage where the app does not ask. */
  readonly includeUsage: 'on' | 'off';
  /** Which keys belong to which cache. */
  readonly caches: readonly CachePrefix[];
  /** The headers believed to say who a request is for; `null`: none. */
  readonly userHeaders: UserHeaders | null;
  /** Whether users go by a keyed hash behind the collector. */
  readonly hashUsers: 'on' | 'off';
  /** The key; `null`: one is made and kept. */
  readonly hashKey: string | null;
  /** Where what is seen is sent by OTLP. */
  readonly otlpTargets: readonly OtlpTarget[];
  /** How an app that sends spans samples and names its traces. */
  readonly tracing: Tracing;
  /** Whether dashboard, API and rows are hosted here. */
  readonly local: 'on' | 'off';
  /** Ways the app's process itself is to show its metrics, as OpenTelemetry names them; not all are supported. */
  readonly metricsExporters: readonly string[];
  /** Where the one called `prometheus` listens. */
  readonly prometheusExporterHost: string;
  readonly prometheusExporterPort: number;
}

/** `0`: any that is free. */
export type ListenerPort = number | 'off';

/** A key that opens the OTLP listeners, and whose it is. */
export interface OtlpKey {
  readonly name: string;
  readonly key: string;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The user's Postgres: a URL, and the `PG*` variables, which fill in what it leaves open. */
export type PostgresConfig = ConnectionSource;

/** The environment for the collector's thread: the preload that started the agent must not start there again. */
export function collectorEnv(env: Env = process.env): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _notInherited, ...rest } = env;
  return rest;
}

/** The flags that this process has by its environment. */
export function nodeOptions(env: Env = process.env): string {
  return env['NODE_OPTIONS'] ?? '';
}

const PREFIX = 'NERVECENTER_';
const PORT_MAX = 65_535;
/** As `domainToASCII` writes it. */
const HOST_NAME = /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/;
/** What a header can carry: printable ASCII. */
const OTLP_KEY_PAIR = /^(?<name>[\w.-]{1,64})=(?<key>[!-~]+)$/;
/** Who sets one of them, or a database, says where its rows go. */
const STORAGE_NAMES = ['NERVECENTER_DATA_DIR', 'NERVECENTER_SCHEMA'] as const;

/** What else Kubernetes sets for a service, by its name. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(?:_\w+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?$/;
const UNKNOWN_SAID_MAX = 5;

/** Variables with our prefix that nobody reads, and exporters that nobody has, and what each was probably meant to be; `null`: nothing like it. */
export function unknownSettings(
  env: Env = process.env,
): { readonly name: string; readonly meant: string | null }[] {
  const names = Object.entries(env)
    .filter(([name]) => name.startsWith(PREFIX) && !isSetting(name))
    .filter(([name, value = '']) => !SERVICE_LINK.test(name) && !isServiceLink(name, value))
    .map(([name]) => ({ name: printable(name), meant: nearestName(name, SETTING_NAMES) }));
  return [...names, ...unknownExporters(new SettingReader(env))];
}

/** The same in a sentence; `null`: there are none. */
export function unknownSettingsLine(env: Env = process.env): string | null {
  const unknown = unknownSettings(env);
  if (unknown.length === 0) return null;
  const said = unknown
    .slice(0, UNKNOWN_SAID_MAX)
    .map(({ name, meant }) => (meant === null ? name : `${name} (did you mean ${meant}?)`));
  const more = unknown.length - said.length;
  return `settings: unknown and without effect: ${said.join(', ')}${more === 0 ? '' : ` and ${more} more`}.`;
}

/**
 * Reads and validates the configuration.
 *
 * @param options.reader `app`: what the app has for itself, such as its `DATABASE_URL`, is not looked at, and a configuration
 * file that cannot be used is told by `configFile`. @default `command`
 * @throws NervecenterError `NC_CONFIG_INVALID` naming each bad setting: what was expected, what came, what to do.
 */
export function readConfig(
  env: Env = process.env,
  cwd: string = process.cwd(),
  { reader = 'command' }: { readonly reader?: ConfigReader } = {},
): Config {
  const file = readConfigFile(env, cwd);
  const setting = new SettingReader(file === null ? env : withConfigFile(env, file));
  const { problems } = setting;
  if (file?.problem != null && reader === 'command') problems.push(file.problem);
  const otlpTargets = readOtlpTargets(setting, cwd, file);
  const postgres = readPostgres(setting, env, reader);
  const config: Config = {
    disabled: sdkDisabled({ OTEL_SDK_DISABLED: setting.textOrDefault('OTEL_SDK_DISABLED') }),
    configFile: file && outcomeOf(file),
    ...readResource(setting, cwd, file?.resourceAttributes),
    port: setting.integer('NERVECENTER_PORT'),
    host: setting.textOrDefault('NERVECENTER_HOST'),
    otlpPort: listenerPort(setting, 'NERVECENTER_OTLP_PORT'),
    otlpGrpcPort: listenerPort(setting, 'NERVECENTER_OTLP_GRPC_PORT'),
    otlpKeys: otlpKeys(setting),
    adminTokens: adminTokens(setting),
    allowedHosts: setting.parsed('NERVECENTER_ALLOWED_HOSTS', parseHosts),
    allowedOrigins: origins(setting),
    tls: tlsFiles(setting, cwd),
    trustedProxies: setting.parsed('NERVECENTER_TRUSTED_PROXY', parseNetworks),
    intervalMs: milliseconds(setting.integer('NERVECENTER_INTERVAL_MS')),
    windowMs: milliseconds(setting.integer('NERVECENTER_WINDOW_MS')),
    prometheus: setting.choice('NERVECENTER_PROMETHEUS'),
    semconv: setting.choice('NERVECENTER_SEMCONV'),
    storage: setting.choice('NERVECENTER_STORAGE'),
    postgres,
    schema: schemaName(setting),
    dataDir: resolve(cwd, setting.textOrDefault('NERVECENTER_DATA_DIR')),
    storageChosen: postgres !== null || STORAGE_NAMES.some((name) => setting.text(name) !== null),
    spoolMaxBytes: setting.integer('NERVECENTER_SPOOL_MAX_BYTES'),
    storageMaxBytes: setting.integerIfSet('NERVECENTER_STORAGE_MAX_BYTES'),
    spans: setting.choice('NERVECENTER_SPANS'),
    spansMaxBytes: setting.integer('NERVECENTER_SPANS_MAX_BYTES'),
    retentionMs: readRetention(setting),
    pricesPath: resolved(cwd, setting.text('NERVECENTER_PRICES')),
    alertsPath: resolved(cwd, setting.text('NERVECENTER_ALERTS')),
    webhookHosts: setting.parsed('NERVECENTER_WEBHOOK_HOSTS', parseWebhookHosts),
    errorMessages: setting.choice('NERVECENTER_ERROR_MESSAGES'),
    includeUsage: setting.choice('NERVECENTER_INCLUDE_USAGE'),
    caches: setting.parsed('NERVECENTER_CACHES', parseCachePrefixes),
    userHeaders: setting.parsed('NERVECENTER_USER_HEADER', parseUserHeaders),
    hashUsers: setting.choice('NERVECENTER_HASH_USERS'),
    hashKey: hashKey(setting),
    otlpTargets,
    tracing: readTracing(setting, file?.sdk ?? null),
    local: localOf(setting, otlpTargets),
    metricsExporters: metricsExporters(setting),
    prometheusExporterHost: setting.textOrDefault('OTEL_EXPORTER_PROMETHEUS_HOST'),
    prometheusExporterPort: setting.integer('OTEL_EXPORTER_PROMETHEUS_PORT'),
  };
  if (problems.length > 0) throw new NervecenterError('NC_CONFIG_INVALID', problems.join(' '));
  return Object.freeze(config);
}

function localOf(setting: SettingReader, targets: readonly OtlpTarget[]): 'on' | 'off' {
  const name = 'NERVECENTER_LOCAL';
  const value = setting.text(name)?.toLowerCase() ?? null;
  if (value === 'on' || value === 'off') return value;
  if (value !== null) setting.refuse(name, setting.text(name) ?? '');
  return targets.length === 0 ? 'on' : 'off';
}

/** Other programs' SDKs read this variable as well: what is not known here is said by the agent, not refused. */
function metricsExporters(setting: SettingReader): string[] {
  const names = setting.exporters('OTEL_METRICS_EXPORTER').map(printable);
  return [...new Set(names)].filter((name) => name !== 'none');
}

function resolved(cwd: string, path: string | null): string | null {
  return path === null ? null : resolve(cwd, path);
}

function adminTokens(setting: SettingReader): string[] {
  const name = 'NERVECENTER_ADMIN_TOKEN';
  const tokens = setting.list(name);
  if (tokens.some((token) => token.length < ADMIN_TOKEN_LENGTH_MIN)) {
    setting.problems.push(
      `${name}: expected ${expectationOf(name)}, got fewer. ` +
        'Make one with `openssl rand -hex 24`, or unset it to have a random one made and kept in the data directory.',
    );
  }
  return tokens;
}

function hashKey(setting: SettingReader): string | null {
  const name = 'NERVECENTER_HASH_KEY';
  const key = setting.text(name);
  if (key !== null && key.length < HASH_KEY_LENGTH_MIN) {
    setting.problems.push(
      `${name}: expected ${expectationOf(name)}, got fewer. ` +
        'Make one with `openssl rand -hex 24`, or unset it to have one made and kept.',
    );
  }
  return key;
}

function schemaName(setting: SettingReader): string {
  const name = 'NERVECENTER_SCHEMA';
  const value = setting.textOrDefault(name);
  if (!SCHEMA_NAME.test(value)) setting.refuse(name, value);
  return value;
}

/** `null`: not set, or not usable. */
function listenerPort(
  setting: SettingReader,
  name: 'NERVECENTER_OTLP_PORT' | 'NERVECENTER_OTLP_GRPC_PORT',
): ListenerPort | null {
  const value = setting.text(name)?.toLowerCase() ?? null;
  if (value === null || value === 'off') return value;
  if (/^\d+$/.test(value) && Number(value) <= PORT_MAX) return Number(value);
  setting.refuse(name, value);
  return null;
}

function otlpKeys(setting: SettingReader): OtlpKey[] {
  const name = 'NERVECENTER_OTLP_KEYS';
  const pairs = setting.list(name).map((pair) => OTLP_KEY_PAIR.exec(pair)?.groups);
  if (pairs.some((pair) => (pair?.['key'] ?? '').length < OTLP_KEY_LENGTH_MIN)) {
    setting.problems.push(
      `${name}: expected ${expectationOf(name)}, got something else. ` +
        'Make one with `openssl rand -hex 24`, or unset it.',
    );
  }
  return pairs.map((pair) => ({ name: pair?.['name'] ?? '', key: pair?.['key'] ?? '' }));
}

/** Names as browsers send them. @returns the first that is none, such as one with a scheme, a port or a wildcard. */
function parseHosts(items: readonly string[]): readonly string[] | string {
  return items.find((item) => hostName(item) === null) ?? items.flatMap((item) => hostName(item) ?? []);
}

function hostName(text: string): string | null {
  if (isIP(text) !== 0) return text;
  // It would pass over all but the name.
  const name = /[:/?#@\\]/.test(text) ? '' : domainToASCII(text);
  return HOST_NAME.test(name) ? name : null;
}

function origins(setting: SettingReader): string[] {
  const name = 'NERVECENTER_ALLOWED_ORIGINS';
  return setting.list(name).map((origin) => {
    const normal = URL.canParse(origin) ? new URL(origin).origin : 'null';
    if (normal === 'null') {
      setting.problems.push(
        `${name}: expected ${expectationOf(name)}, got "${printable(origin)}". Correct or remove it.`,
      );
    }
    return normal;
  });
}

/** One without the other is a mistake, and must not end in an open text. */
function tlsFiles(setting: SettingReader, cwd: string): TlsFiles | null {
  const [certName, keyName] = ['NERVECENTER_TLS_CERT', 'NERVECENTER_TLS_KEY'] as const;
  const [cert, key] = [setting.text(certName), setting.text(keyName)];
  if (cert !== null && key !== null) return { cert: resolve(cwd, cert), key: resolve(cwd, key) };
  if (cert !== null) setting.refuse(keyName, '');
  if (key !== null) setting.refuse(certName, '');
  return null;
}

/** Addresses, and networks in CIDR notation. @returns as they came, or the first that is none. */
function parseNetworks(items: readonly string[]): readonly string[] | string {
  return items.find((item) => !isNetwork(item)) ?? items;
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || address.includes('%')) return false;
  const bitsMax = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return bitsMax !== -1 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax));
}

function readRetention(setting: SettingReader): Record<RetentionKey, Milliseconds> {
  const days: Record<RetentionKey, number> = { ...RETENTION_DAYS };
  for (const item of setting.list('NERVECENTER_RETENTION_DAYS')) {
    const [, key = '', value = ''] = /^(\w+)\s*=\s*(\d+)$/.exec(item) ?? [];
    if (Object.hasOwn(days, key) && Number(value) >= 1 && Number(value) <= RETENTION_DAYS_MAX) {
      days[key as RetentionKey] = Number(value);
      continue;
    }
    setting.problems.push(
      `NERVECENTER_RETENTION_DAYS: expected pairs such as request=30 with ${Object.keys(days).join(', ')} and 1 to ${RETENTION_DAYS_MAX} days, got "${printable(item)}". Correct it or remove it.`,
    );
  }
  return Object.fromEntries(
    Object.entries(days).map(([key, n]) => [key, milliseconds(n * DAY_MS)]),
  ) as Record<RetentionKey, Milliseconds>;
}
