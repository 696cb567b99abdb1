import { OTLP_SETTINGS } from './otlp/settings.ts';
import { POSTGRES_SETTINGS } from './postgres-settings.ts';
import { DEFAULT_RETENTION, RETENTION_DAYS_MAX } from './retention.ts';

/** What settings are grouped by, with the heading of each group. */
export const SETTING_GROUPS = {
  app: 'The app',
  access: 'Address and access',
  otlp: 'What others send: OTLP',
  live: 'Live figures',
  observed: 'What is observed',
  sending: 'Sending by OTLP',
  storage: 'Storage',
  postgres: 'Your own Postgres',
} as const;

interface Described {
  readonly group: keyof typeof SETTING_GROUPS;
  /** The value it has where nothing is set, as one would write it. */
  readonly default?: string;
  /** What there is instead of such a value; `unset` if this is left out. */
  readonly absent?: string;
  /** What an operator decides with it, in Markdown and on one line. */
  readonly meaning: string;
  /** The page of `docs/` that says more, and by which words it is linked. */
  readonly more?: { readonly text: string; readonly page: string };
}

/** A whole number. */
interface IntegerSetting extends Described {
  readonly kind: 'integer';
  readonly min: number;
  readonly max: number;
}

interface ChoiceSetting extends Described {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}

/** Text, or a list of texts with commas between them. */
interface TextSetting extends Described {
  readonly kind: 'text';
  /** What a value must be, where not everything will do: behind "expected" in the message that refuses one. */
  readonly expected?: string;
}

export type Setting = IntegerSetting | ChoiceSetting | TextSetting;

export const ADMIN_TOKEN_LENGTH_MIN = 16;
export const OTLP_KEY_LENGTH_MIN = 16;
export const HASH_KEY_LENGTH_MIN = 16;
/** Where our tables are unless the settings say otherwise. */
const LISTENER_PORT = 'a whole number from 0 to 65535, or off';
/** Less would not hold today's rows and the empty tables. */
const STORAGE_MAX_BYTES_MIN = 64 * 1024 ** 2;
/** Less would be a few minutes of one busy service. */
const SPANS_MAX_BYTES_MIN = 16 * 1024 ** 2;

/** Every variable that is read. The parser, `--help settings` and docs/settings.md have from here what they say of one. */
export const SETTINGS = {
  OTEL_SDK_DISABLED: {
    kind: 'text',
    group: 'app',
    default: 'false',
    meaning: '`true`: the agent does nothing at all',
  },
  OTEL_SERVICE_NAME: {
    kind: 'text',
    group: 'app',
    absent: 'package name of the app',
    meaning: 'name shown for the app',
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    kind: 'text',
    group: 'app',
    meaning: '`service.name=…` is read from it when `OTEL_SERVICE_NAME` is unset',
  },
  OTEL_METRICS_EXPORTER: {
    kind: 'text',
    group: 'app',
    absent: 'otlp with an endpoint, else none',
    meaning:
      "`otlp`, `none`; `prometheus`: the app's process serves its metrics by OpenTelemetry's own exporter as well; of anything else the agent says that this version does not know it",
    more: { text: 'metrics', page: 'metrics.md' },
  },
  OTEL_EXPORTER_PROMETHEUS_HOST: {
    kind: 'text',
    group: 'app',
    default: 'localhost',
    meaning: 'address that exporter listens on',
  },
  OTEL_EXPORTER_PROMETHEUS_PORT: {
    kind: 'integer',
    group: 'app',
    min: 1,
    max: 65_535,
    default: '9464',
    meaning:
      "its port, one per process; the default is the dashboard's as well, so with it one of the two has to be set",
  },
  NERVECENTER_PORT: {
    kind: 'integer',
    group: 'access',
    min: 0,
    max: 65_535,
    default: '9464',
    meaning: 'port of dashboard, API, stream and `/metrics` (`0`: any free port)',
  },
  NERVECENTER_HOST: {
    kind: 'text',
    group: 'access',
    default: '127.0.0.1',
    meaning: 'address they listen on',
  },
  NERVECENTER_ADMIN_TOKEN: {
    kind: 'text',
    group: 'access',
    absent: 'random, kept',
    expected: `at least ${ADMIN_TOKEN_LENGTH_MIN} characters per token`,
    meaning: `who may look and change; several, comma-separated, for rotation; at least ${ADMIN_TOKEN_LENGTH_MIN} characters each`,
    more: { text: 'who may look', page: 'security.md#access' },
  },
  NERVECENTER_ALLOWED_HOSTS: {
    kind: 'text',
    group: 'access',
    absent: 'none',
    expected: 'host names without scheme and port, such as metrics.example.com',
    meaning: 'host names accepted besides IP literals, `localhost`, `*.localhost`, `*.local`',
  },
  NERVECENTER_ALLOWED_ORIGINS: {
    kind: 'text',
    group: 'access',
    absent: 'none',
    expected: 'origins such as https://admin.example.com',
    meaning: 'origins accepted besides the dashboard’s own',
  },
  NERVECENTER_TRUSTED_PROXY: {
    kind: 'text',
    group: 'access',
    absent: 'none',
    expected: 'addresses or networks such as 10.0.0.7, 10.0.0.0/8, fd00::/8',
    meaning: 'proxies in front whose `Forwarded` or `X-Forwarded-For` says who asks, by address or network',
    more: { text: 'behind a proxy', page: 'security.md#access' },
  },
  NERVECENTER_PROMETHEUS: {
    kind: 'choice',
    group: 'access',
    choices: ['on', 'off', 'token'],
    default: 'on',
    meaning: '`off` removes `/metrics`, `token` asks for a token there',
    more: { text: 'metrics', page: 'metrics.md' },
  },
  NERVECENTER_SEMCONV: {
    kind: 'choice',
    group: 'access',
    choices: ['stable', 'dup'],
    default: 'stable',
    meaning:
      '`dup`: metrics of model calls also have the names of semantic conventions 1.45, wherever they are shown; to be removed after one minor version',
    more: { text: 'older names', page: 'metrics.md#older-names' },
  },
  NERVECENTER_TLS_CERT: {
    kind: 'text',
    group: 'access',
    expected: 'the path of a PEM file, together with NERVECENTER_TLS_KEY',
    meaning:
      'path of a PEM file with the certificate and what leads to its authority: the port speaks TLS, and so do those of OTLP beyond the loopback; read again when it changes',
    more: { text: 'TLS', page: 'security.md#tls' },
  },
  NERVECENTER_TLS_KEY: {
    kind: 'text',
    group: 'access',
    expected: 'the path of a PEM file, together with NERVECENTER_TLS_CERT',
    meaning: 'path of a PEM file with its key, without a passphrase',
    more: { text: 'TLS', page: 'security.md#tls' },
  },
  NERVECENTER_OTLP_PORT: {
    kind: 'text',
    group: 'otlp',
    absent: '4318 of nervecenter collector, off in an app',
    expected: LISTENER_PORT,
    meaning: 'port that takes OTLP over HTTP, on `NERVECENTER_HOST` (`0`: any free port; `off`: none)',
    more: { text: 'OTLP', page: 'otlp.md' },
  },
  NERVECENTER_OTLP_GRPC_PORT: {
    kind: 'text',
    group: 'otlp',
    absent: '4317 of nervecenter collector, off in an app',
    expected: LISTENER_PORT,
    meaning: 'the same over gRPC',
    more: { text: 'OTLP', page: 'otlp.md' },
  },
  NERVECENTER_OTLP_KEYS: {
    kind: 'text',
    group: 'otlp',
    absent: 'none on the loopback; beyond it one is made and printed',
    expected: `pairs such as shop=<key> with at least ${OTLP_KEY_LENGTH_MIN} characters per key`,
    meaning: `who may send: \`name=key,…\`, at least ${OTLP_KEY_LENGTH_MIN} characters per key`,
    more: { text: 'keys', page: 'otlp.md#keys' },
  },
  NERVECENTER_INTERVAL_MS: {
    kind: 'integer',
    group: 'live',
    min: 1000,
    max: 60_000,
    default: '5000',
    meaning: 'stream interval, 1000 to 60000',
  },
  NERVECENTER_WINDOW_MS: {
    kind: 'integer',
    group: 'live',
    min: 60_000,
    max: 86_400_000,
    default: '300000',
    meaning: 'window of averages and percentiles, 60000 to one day',
  },
  NERVECENTER_ALERTS: {
    kind: 'text',
    group: 'live',
    meaning: 'path of a JSON file with rules of alerts, besides those made in the dashboard',
    more: { text: 'alerts', page: 'alerts.md#by-file' },
  },
  NERVECENTER_WEBHOOK_HOSTS: {
    kind: 'text',
    group: 'live',
    absent: 'none',
    expected: 'hosts such as hooks.internal or 10.0.0.5:8080, or networks such as 10.0.0.0/8',
    meaning:
      'where webhooks of alerts may be besides the Internet: host names and addresses, with or without a port, and networks such as `10.0.0.0/8`',
    more: { text: 'webhooks', page: 'security.md#webhooks' },
  },
  NERVECENTER_PRICES: {
    kind: 'text',
    group: 'observed',
    meaning: 'path of a JSON file with your own prices',
    more: { text: 'prices', page: 'prices.md#your-own-prices' },
  },
  NERVECENTER_ERROR_MESSAGES: {
    kind: 'choice',
    group: 'observed',
    choices: ['on', 'off'],
    default: 'off',
    meaning: '`on`: keep the provider’s message for a failed call (500 characters); it may quote the prompt',
  },
  NERVECENTER_INCLUDE_USAGE: {
    kind: 'choice',
    group: 'observed',
    choices: ['on', 'off'],
    default: 'off',
    meaning:
      '`on`: ask for the usage of chat streams at hosts that document it; what they add is hidden from the app',
  },
  NERVECENTER_CACHES: {
    kind: 'text',
    group: 'observed',
    default: 'rag=rag:,embedding=emb:',
    expected: "at most 50 pairs of a cache's name and what its keys begin with, such as rag=rag:",
    meaning: 'caches by what their keys begin with; the first match counts, `name=*` is every other key',
    more: { text: 'caches', page: 'observed.md#caches' },
  },
  NERVECENTER_USER_HEADER: {
    kind: 'text',
    group: 'observed',
    expected:
      'a header such as x-user-email, or email=x-user-email,department=x-user-department, none that holds credentials',
    meaning:
      'request headers a trusted proxy sets, `x-user-email` or `email=x-user-email,department=x-user-department`: who rows are for',
    more: { text: 'who a request is for', page: 'security.md#who-a-request-is-for' },
  },
  NERVECENTER_HASH_USERS: {
    kind: 'choice',
    group: 'observed',
    choices: ['on', 'off'],
    default: 'off',
    meaning:
      '`on`: the collector stores, shows and sends a keyed hash in the place of who a user is; departments stay',
    more: { text: 'users by hash', page: 'privacy.md#users-by-hash' },
  },
  NERVECENTER_HASH_KEY: {
    kind: 'text',
    group: 'observed',
    absent: 'one is made and kept',
    expected: `at least ${HASH_KEY_LENGTH_MIN} characters`,
    meaning: `the key of these hashes, at least ${HASH_KEY_LENGTH_MIN} characters, where the database is not to hold it`,
    more: { text: 'users by hash', page: 'privacy.md#users-by-hash' },
  },
  ...OTLP_SETTINGS,
  NERVECENTER_STORAGE: {
    kind: 'choice',
    group: 'storage',
    choices: ['on', 'off'],
    default: 'on',
    meaning: '`off`: live view only, nothing is written',
  },
  NERVECENTER_DATA_DIR: {
    kind: 'text',
    group: 'storage',
    default: '.nervecenter',
    meaning: 'embedded storage, the spool, and the admin token made at the first start',
  },
  NERVECENTER_RETENTION_DAYS: {
    kind: 'text',
    group: 'storage',
    default: DEFAULT_RETENTION,
    meaning: `days kept per table, 1 to ${RETENTION_DAYS_MAX}; WebSocket sessions as \`request\``,
    more: { text: 'retention', page: 'storage.md#partitions-and-retention' },
  },
  NERVECENTER_STORAGE_MAX_BYTES: {
    kind: 'integer',
    group: 'storage',
    min: STORAGE_MAX_BYTES_MIN,
    max: Number.MAX_SAFE_INTEGER,
    meaning: `room for all rows in the database, in bytes (at least ${STORAGE_MAX_BYTES_MIN}); past it the oldest days go first`,
  },
  NERVECENTER_SPANS: {
    kind: 'choice',
    group: 'storage',
    choices: ['on', 'off'],
    default: 'on',
    meaning: '`off`: spans that are received make events and are not kept',
    more: { text: 'spans', page: 'storage.md#spans' },
  },
  NERVECENTER_SPANS_MAX_BYTES: {
    kind: 'integer',
    group: 'storage',
    min: SPANS_MAX_BYTES_MIN,
    max: Number.MAX_SAFE_INTEGER,
    default: '2147483648',
    meaning: `room for the spans that are kept, in bytes (at least ${SPANS_MAX_BYTES_MIN}); past it the oldest go first`,
    more: { text: 'spans', page: 'storage.md#spans' },
  },
  NERVECENTER_SPOOL_MAX_BYTES: {
    kind: 'integer',
    group: 'storage',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: '1073741824',
    meaning: 'rows that a process keeps on disk through an outage, in bytes; oldest dropped past it, counted',
  },
  ...POSTGRES_SETTINGS,
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;

/** The settings of one kind, by name. */
export type SettingOf<Kind extends Setting['kind']> = {
  [Name in SettingName]: (typeof SETTINGS)[Name]['kind'] extends Kind ? Name : never;
}[SettingName];

/** The settings that have a value where nothing is set. */
export type DefaultedSetting = {
  [Name in SettingName]: (typeof SETTINGS)[Name] extends { readonly default: string } ? Name : never;
}[SettingName];

export type ChoiceOf<Name extends SettingOf<'choice'>> = (typeof SETTINGS)[Name]['choices'][number];

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A setting as its interface has it, whatever its own shape. */
export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

/** What holds where nothing is set: a value, or the words for there being none. */
export function defaultOf(name: SettingName): string {
  const { default: value, absent = 'unset' } = settingOf(name);
  return value ?? absent;
}

/** What a value must be, as the message says it that refuses one. */
export function expectationOf(name: SettingName): string {
  const setting = settingOf(name);
  if (setting.kind === 'integer') return `a whole number from ${setting.min} to ${setting.max}`;
  if (setting.kind === 'choice') return `one of ${setting.choices.join(', ')}`;
  return setting.expected ?? 'some text';
}

/** The setting of a name, if there is one: names such as `PG*` stand for several variables. */
export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}
