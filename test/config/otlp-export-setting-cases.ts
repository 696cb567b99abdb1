import type { Tracing } from '../../src/config/otlp/tracing.ts';
import type { SettingCase } from './setting-cases.ts';

/** Without somewhere to send they say nothing by themselves. */
const DETAILS: readonly (readonly [name: string, good: string])[] = [
  ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=se%20cret, b=c'],
  ['OTEL_EXPORTER_OTLP_CERTIFICATE', 'ca.pem'],
  ['OTEL_EXPORTER_OTLP_CLIENT_KEY', 'key.pem'],
  ['OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE', 'cert.pem'],
  ['OTEL_LOGS_EXPORTER', 'none'],
  ['OTEL_TRACES_EXPORTER', 'none'],
];

const choices = (name: string, good: readonly string[], expectation: RegExp): SettingCase => ({
  name,
  field: 'otlpTargets',
  fallback: [],
  good: good.map((value) => [value, []] as const),
  bad: ['true', '1'],
  expectation,
});

const TRACING = {
  sampler: 'parentbased_always_on',
  samplerRatio: 1,
  propagators: ['tracecontext', 'baggage'],
  unknown: [],
  file: null,
};

const tracing = (
  name: string,
  good: readonly (readonly [given: string, read: Partial<Tracing>])[],
): SettingCase => ({
  name,
  field: 'tracing',
  fallback: TRACING,
  good: good.map(([given, read]) => [given, { ...TRACING, ...read }] as const),
  bad: [],
});

/** The settings of sending by OTLP; what they come to is in `test/config/otlp.test.ts`. */
export const OTLP_EXPORT_SETTING_CASES: readonly SettingCase[] = [
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    field: 'local',
    fallback: 'on',
    good: [['http://localhost:4318', 'off']],
    bad: ['localhost:4318', 'nowhere', 'ftp://host'],
    expectation: /a URL such as http:\/\/localhost:4318/,
  },
  ...DETAILS.map(([name, good]) => ({
    name,
    field: 'otlpTargets' as const,
    fallback: [],
    good: [[good, []]] as const,
    bad: [],
  })),
  choices(
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    ['grpc', 'HTTP/JSON', 'http/protobuf'],
    /one of http\/protobuf, http\/json, grpc/,
  ),
  choices('OTEL_EXPORTER_OTLP_COMPRESSION', ['gzip', 'none'], /one of none, gzip/),
  {
    name: 'OTEL_EXPORTER_OTLP_TIMEOUT',
    field: 'otlpTargets',
    fallback: [],
    good: [['1', []]],
    bad: ['0', '-1', '10s'],
    expectation: /milliseconds, a whole number from 1/,
  },
  choices(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    ['delta', 'LowMemory', 'cumulative'],
    /one of cumulative, delta, lowmemory/,
  ),
  choices(
    'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
    ['explicit_bucket_histogram'],
    /one of base2_exponential_bucket_histogram, explicit_bucket_histogram/,
  ),
  {
    name: 'OTEL_METRIC_EXPORT_INTERVAL',
    field: 'otlpTargets',
    fallback: [],
    good: [['100', []]],
    bad: ['99', '1m'],
    expectation: /a whole number from 100 to 3600000/,
  },
  tracing('OTEL_TRACES_SAMPLER', [
    ['always_off', { sampler: 'always_off' }],
    // Other programs' SDKs know more, and the SDK then takes its default.
    ['xray', { unknown: ['OTEL_TRACES_SAMPLER=xray'] }],
  ]),
  tracing('OTEL_TRACES_SAMPLER_ARG', [
    ['0.25', { samplerRatio: 0.25 }],
    ['2', {}],
    ['endpoint=http://localhost', {}],
  ]),
  tracing('OTEL_PROPAGATORS', [
    ['b3, baggage', { propagators: ['b3', 'baggage'] }],
    ['none', { propagators: [] }],
    ['xray,b3', { propagators: ['xray', 'b3'], unknown: ['OTEL_PROPAGATORS=xray'] }],
  ]),
  tracing('OTEL_NODE_RESOURCE_DETECTORS', [['host,process', {}]]),
  { name: 'OTEL_CONFIG_FILE', field: 'configFile', fallback: null, good: [], bad: [] },
  choices('NERVECENTER_OTLP_EVENTS', ['on', 'OFF'], /one of on, off/),
  {
    name: 'NERVECENTER_OTLP_TARGETS',
    field: 'otlpTargets',
    fallback: [],
    good: [],
    bad: [],
  },
  {
    name: 'NERVECENTER_LOCAL',
    field: 'local',
    fallback: 'on',
    good: [
      ['on', 'on'],
      ['OFF', 'off'],
    ],
    bad: ['true', '1', 'auto'],
    expectation: /one of on, off/,
  },
];
