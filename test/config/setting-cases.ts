import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.ts';
import { NETWORK_SETTING_CASES } from './network-setting-cases.ts';
import { OTLP_EXPORT_SETTING_CASES } from './otlp-export-setting-cases.ts';
import { OTLP_SETTING_CASES } from './otlp-setting-cases.ts';

const DAY_MS = 86_400_000;
const GIB = 1024 ** 3;
const OWN_URL = { setting: 'NERVECENTER_DATABASE_URL', env: {} };
const STANDARD_URL = { setting: 'DATABASE_URL', env: {} };
const LONG = 'a'.repeat(16);

/** One variable, what it takes and what it refuses. */
export interface SettingCase {
  readonly name: string;
  readonly field: keyof Config;
  readonly fallback: unknown;
  /** Value given, value read. */
  readonly good: readonly (readonly [given: string, read: unknown])[];
  readonly bad: readonly string[];
  /** Part of the message that says what would be right. */
  readonly expectation?: RegExp;
  /** A bad value that must not be printed. */
  readonly secret?: true;
}

const whole = (min: number, max: number) => new RegExp(`a whole number from ${min} to ${max}`);

/** The working directory that paths are read from. */
export const CWD = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));

/** Every setting. */
export const SETTING_CASES: readonly SettingCase[] = [
  {
    name: 'OTEL_SDK_DISABLED',
    field: 'disabled',
    fallback: false,
    // By OpenTelemetry's rules only "true" is true, in any case of letters.
    good: [
      ['true', true],
      [' TRUE ', true],
      ['false', false],
      ['1', false],
      ['yes', false],
    ],
    bad: [],
  },
  {
    name: 'OTEL_SERVICE_NAME',
    field: 'service',
    fallback: 'app',
    good: [
      [' shop ', 'shop'],
      ['0', '0'],
    ],
    bad: [],
  },
  {
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    field: 'service',
    fallback: 'app',
    good: [
      ['service.name=shop', 'shop'],
      ['a=b, service.name = my%20shop ,c=d', 'my shop'],
      ['service.name=100%', '100%'],
      ['service.name=', 'app'],
      ['nonsense', 'app'],
    ],
    bad: [],
  },
  {
    name: 'OTEL_METRICS_EXPORTER',
    field: 'metricsExporters',
    fallback: [],
    good: [
      ['none', []],
      [' Prometheus ', ['prometheus']],
      ['prometheus,otlp,,prometheus,none', ['prometheus', 'otlp']],
      ['console', ['console']],
    ],
    bad: [],
  },
  {
    name: 'OTEL_EXPORTER_PROMETHEUS_HOST',
    field: 'prometheusExporterHost',
    fallback: 'localhost',
    good: [[' 0.0.0.0 ', '0.0.0.0']],
    bad: [],
  },
  {
    name: 'OTEL_EXPORTER_PROMETHEUS_PORT',
    field: 'prometheusExporterPort',
    fallback: 9464,
    good: [
      ['1', 1],
      ['65535', 65_535],
    ],
    bad: ['0', '65536', '-1', '9464.5', 'auto'],
    expectation: whole(1, 65_535),
  },
  ...OTLP_EXPORT_SETTING_CASES,
  {
    name: 'NERVECENTER_PORT',
    field: 'port',
    fallback: 9464,
    good: [
      ['0', 0],
      ['1', 1],
      [' 8080 ', 8080],
      ['65535', 65_535],
    ],
    bad: ['-1', '65536', '80.5', '0x50', '1e3', 'http', '٣', 'NaN', 'Infinity'],
    expectation: whole(0, 65_535),
  },
  ...OTLP_SETTING_CASES,
  {
    name: 'NERVECENTER_HOST',
    field: 'host',
    fallback: '127.0.0.1',
    good: [
      ['0.0.0.0', '0.0.0.0'],
      ['::1', '::1'],
      ['localhost', 'localhost'],
    ],
    bad: [],
  },
  {
    name: 'NERVECENTER_ADMIN_TOKEN',
    field: 'adminTokens',
    fallback: [],
    good: [
      [LONG, [LONG]],
      [`${LONG}, ${LONG}b,`, [LONG, `${LONG}b`]],
      [',', []],
    ],
    bad: ['short-secret', `${LONG},short-secret`],
    expectation: /at least 16 characters per token/,
    secret: true,
  },
  {
    name: 'NERVECENTER_HASH_KEY',
    field: 'hashKey',
    fallback: null,
    good: [[LONG, LONG]],
    bad: ['short-key'],
    expectation: /at least 16 characters/,
    secret: true,
  },
  ...NETWORK_SETTING_CASES,
  {
    name: 'NERVECENTER_INTERVAL_MS',
    field: 'intervalMs',
    fallback: 5000,
    good: [
      ['1000', 1000],
      ['60000', 60_000],
    ],
    bad: ['0', '999', '60001', '5s'],
    expectation: whole(1000, 60_000),
  },
  {
    name: 'NERVECENTER_WINDOW_MS',
    field: 'windowMs',
    fallback: 300_000,
    good: [
      ['60000', 60_000],
      ['86400000', DAY_MS],
    ],
    bad: ['0', '59999', '86400001', '5m'],
    expectation: whole(60_000, DAY_MS),
  },
  {
    name: 'NERVECENTER_PROMETHEUS',
    field: 'prometheus',
    fallback: 'on',
    good: [
      ['on', 'on'],
      ['OFF', 'off'],
      [' token ', 'token'],
    ],
    bad: ['0', 'true', 'yes'],
    expectation: /one of on, off, token/,
  },
  {
    name: 'NERVECENTER_SEMCONV',
    field: 'semconv',
    fallback: 'stable',
    good: [
      ['stable', 'stable'],
      [' DUP ', 'dup'],
    ],
    bad: ['on', 'gen_ai_latest_experimental', 'stable,dup'],
    expectation: /one of stable, dup/,
  },
  ...(
    [
      ['NERVECENTER_STORAGE', 'storage'],
      ['NERVECENTER_SPANS', 'spans'],
    ] as const
  ).map(([name, field]) => ({
    name,
    field,
    fallback: 'on',
    good: [['off', 'off']] as const,
    bad: ['0', 'none', 'false'],
    expectation: /one of on, off/,
  })),
  {
    name: 'NERVECENTER_DATA_DIR',
    field: 'dataDir',
    fallback: join(CWD, '.nervecenter'),
    good: [
      ['kept', join(CWD, 'kept')],
      [join(tmpdir(), 'kept'), join(tmpdir(), 'kept')],
      ['0', join(CWD, '0')],
    ],
    bad: [],
  },
  {
    name: 'NERVECENTER_STORAGE_MAX_BYTES',
    field: 'storageMaxBytes',
    fallback: null,
    good: [['67108864', 67_108_864]],
    bad: ['0', '67108863', '1GiB'],
    expectation: whole(67_108_864, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'NERVECENTER_SPANS_MAX_BYTES',
    field: 'spansMaxBytes',
    fallback: 2 * GIB,
    good: [['16777216', 16_777_216]],
    bad: ['0', '16777215', '2GiB'],
    expectation: whole(16_777_216, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'NERVECENTER_SPOOL_MAX_BYTES',
    field: 'spoolMaxBytes',
    fallback: GIB,
    good: [
      ['0', 0],
      ['1048576', 1_048_576],
    ],
    bad: ['-1', '1GiB', '1.5', '9007199254740993'],
    expectation: whole(0, Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'NERVECENTER_RETENTION_DAYS',
    field: 'retentionMs',
    fallback: {
      request: 30 * DAY_MS,
      system: 7 * DAY_MS,
      llm: 90 * DAY_MS,
      rag: 30 * DAY_MS,
      cache: 7 * DAY_MS,
      span: 7 * DAY_MS,
    },
    good: [
      [
        'llm=365, cache = 1',
        {
          request: 30 * DAY_MS,
          system: 7 * DAY_MS,
          llm: 365 * DAY_MS,
          rag: 30 * DAY_MS,
          cache: DAY_MS,
          span: 7 * DAY_MS,
        },
      ],
    ],
    bad: [
      '30',
      'request',
      'request=0',
      'request=-1',
      'request=1.5',
      'request=30=40',
      'request=36501',
      'requests=3',
      '__proto__=3',
      'constructor=3',
    ],
    expectation: /pairs such as request=30 with request, system, llm, rag, cache, span and 1 to 36500 days/,
  },
  ...(
    [
      ['NERVECENTER_PRICES', 'pricesPath'],
      ['NERVECENTER_ALERTS', 'alertsPath'],
    ] as const
  ).map(([name, field]) => ({
    name,
    field,
    fallback: null,
    good: [['some.json', join(CWD, 'some.json')]] as const,
    bad: [],
  })),
  ...(
    [
      ['NERVECENTER_ERROR_MESSAGES', 'errorMessages'],
      ['NERVECENTER_INCLUDE_USAGE', 'includeUsage'],
      ['NERVECENTER_HASH_USERS', 'hashUsers'],
    ] as const
  ).map(([name, field]) => ({
    name,
    field,
    fallback: 'off',
    good: [
      ['on', 'on'],
      ['OFF', 'off'],
    ] as const,
    bad: ['true', '1', 'yes'],
    expectation: /one of on, off/,
  })),
  {
    name: 'NERVECENTER_CACHES',
    field: 'caches',
    fallback: [
      { name: 'rag', prefix: 'rag:' },
      { name: 'embedding', prefix: 'emb:' },
    ],
    good: [
      [
        'rag=v2:rag:, pages=p=',
        [
          { name: 'rag', prefix: 'v2:rag:' },
          { name: 'pages', prefix: 'p=' },
        ],
      ],
      ['redis=*', [{ name: 'redis', prefix: '' }]],
    ],
    bad: ['rag', 'rag=', '=rag:', 'a b=rag:', `${'n'.repeat(51)}=x`],
    expectation: /at most 50 pairs of a cache's name and what its keys begin with, such as rag=rag:/,
  },
  {
    name: 'NERVECENTER_USER_HEADER',
    field: 'userHeaders',
    fallback: null,
    good: [
      ['X-User-Email', { email: 'x-user-email', department: null }],
      ['department=x-dep, email=x-mail', { email: 'x-mail', department: 'x-dep' }],
    ],
    bad: ['x user', 'name=x-user', 'email=', 'Authorization', 'email=cookie', '__proto__=x'],
    expectation: /a header such as x-user-email, or email=x-user-email,department=x-user-department/,
  },
  {
    name: 'NERVECENTER_SCHEMA',
    field: 'schema',
    fallback: 'enterprise',
    good: [
      ['observability', 'observability'],
      [' _o2 ', '_o2'],
    ],
    bad: ['Enterprise', 'a-b', 'a.b', '1a', 'pg_mine', 'a"b', "a'", 'a'.repeat(64)],
    expectation: /a name in lower case that needs no quotes in SQL, such as observability/,
  },
  {
    name: 'NERVECENTER_DATABASE_URL',
    field: 'postgres',
    fallback: null,
    good: [['postgres://u:p@h/d', { ...OWN_URL, connectionString: 'postgres://u:p@h/d' }]],
    bad: ['mysql://u:short-secret@h/d', 'u:short-secret@h', 'h', '0'],
    expectation: /a URL such as postgres:\/\/user:password@host:5432\/database/,
    secret: true,
  },
  {
    name: 'DATABASE_URL',
    field: 'postgres',
    fallback: null,
    good: [
      ['postgres://u:p@h/d', { ...STANDARD_URL, connectionString: 'postgres://u:p@h/d' }],
      ['postgresql:///d?host=/run', { ...STANDARD_URL, connectionString: 'postgresql:///d?host=/run' }],
    ],
    bad: ['mysql://u:short-secret@h/d', 'u:short-secret@h', 'h', '0'],
    expectation: /a URL such as postgres:\/\/user:password@host:5432\/database/,
    secret: true,
  },
];
