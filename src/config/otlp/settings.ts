import type { Setting } from '../settings.ts';

/** Of sending: see `SETTINGS`. */
export const OTLP_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    kind: 'text',
    group: 'sending',
    meaning:
      'an OTLP receiver such as `http://localhost:4318`: what is seen goes there as spans, metrics and logs',
    more: { text: 'sending by OTLP', page: 'otlp-export.md' },
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    kind: 'text',
    group: 'sending',
    default: 'http/protobuf',
    meaning: 'or `http/json`, `grpc`',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    kind: 'text',
    group: 'sending',
    absent: 'none',
    meaning: 'headers of every request, `name=value` with commas between them, percent-encoded',
  },
  OTEL_EXPORTER_OTLP_COMPRESSION: {
    kind: 'text',
    group: 'sending',
    default: 'none',
    meaning: 'or `gzip`',
  },
  OTEL_EXPORTER_OTLP_TIMEOUT: {
    kind: 'text',
    group: 'sending',
    default: '10000',
    meaning: 'what one attempt may take, in milliseconds',
  },
  OTEL_EXPORTER_OTLP_CERTIFICATE: {
    kind: 'text',
    group: 'sending',
    absent: "Node's",
    meaning: "file in PEM: who may vouch for the receiver's certificate",
  },
  OTEL_EXPORTER_OTLP_CLIENT_KEY: {
    kind: 'text',
    group: 'sending',
    meaning: 'file in PEM: our key, where the receiver asks who we are',
  },
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: {
    kind: 'text',
    group: 'sending',
    meaning: 'file in PEM: our certificate',
  },
  'OTEL_EXPORTER_OTLP_<SIGNAL>_*': {
    kind: 'text',
    group: 'sending',
    meaning:
      'each of the above for `TRACES`, `METRICS` or `LOGS` alone; an `_ENDPOINT` of one signal is its whole URL',
  },
  OTEL_TRACES_EXPORTER: {
    kind: 'text',
    group: 'sending',
    absent: 'otlp with an endpoint, else none',
    meaning: '`otlp`, or `none`: no spans are sent',
  },
  OTEL_LOGS_EXPORTER: {
    kind: 'text',
    group: 'sending',
    absent: 'otlp with an endpoint, else none',
    meaning: '`otlp`, or `none`: no log records are sent',
  },
  OTEL_METRIC_EXPORT_INTERVAL: {
    kind: 'integer',
    group: 'sending',
    min: 100,
    max: 3_600_000,
    default: '60000',
    meaning: 'how often metrics are sent, in milliseconds',
  },
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: {
    kind: 'choice',
    group: 'sending',
    choices: ['cumulative', 'delta', 'lowmemory'],
    default: 'cumulative',
    meaning: '`delta` and `lowmemory`: what was added since the last time instead of totals',
  },
  OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: {
    kind: 'choice',
    group: 'sending',
    choices: ['base2_exponential_bucket_histogram', 'explicit_bucket_histogram'],
    default: 'base2_exponential_bucket_histogram',
    meaning: '`explicit_bucket_histogram` for a backend that takes no other; its bounds are powers of two',
  },
  OTEL_TRACES_SAMPLER: {
    kind: 'text',
    group: 'sending',
    default: 'parentbased_always_on',
    meaning:
      'which traces an app sends as spans, or `parentbased_always_off`, `parentbased_traceidratio`, `always_on`, `always_off`, `traceidratio`; rows and metrics have all of them',
    more: { text: "the app's SDK", page: 'otlp-export.md#the-apps-sdk' },
  },
  OTEL_TRACES_SAMPLER_ARG: {
    kind: 'text',
    group: 'sending',
    default: '1',
    meaning: 'the share of traces that the two by ratio send, 0 to 1',
  },
  OTEL_PROPAGATORS: {
    kind: 'text',
    group: 'sending',
    default: 'tracecontext,baggage',
    meaning:
      "how an app that sends names its trace in the requests it makes, and reads its callers': of `tracecontext`, `baggage`, `b3`, `b3multi`; `none`: not at all",
    more: { text: "the app's SDK", page: 'otlp-export.md#the-apps-sdk' },
  },
  OTEL_NODE_RESOURCE_DETECTORS: {
    kind: 'text',
    group: 'sending',
    absent: 'all',
    meaning:
      'what the resource of an app that sends says of it: of `env`, `host`, `os`, `process`, `serviceinstance`; `none`',
  },
  OTEL_CONFIG_FILE: {
    kind: 'text',
    group: 'sending',
    expected: 'the path of a configuration file of OpenTelemetry that can be read',
    meaning:
      "path of a file of OpenTelemetry's declarative configuration, in the place of every other `OTEL_` variable",
    more: { text: 'by a configuration file', page: 'otlp-export.md#by-a-configuration-file' },
  },
  NERVECENTER_OTLP_EVENTS: {
    kind: 'choice',
    group: 'sending',
    choices: ['on', 'off'],
    default: 'off',
    meaning: '`on`: the receiver is another nervecenter and gets the events themselves',
    more: { text: 'to another nervecenter', page: 'otlp-export.md#to-another-nervecenter' },
  },
  NERVECENTER_OTLP_TARGETS: {
    kind: 'text',
    group: 'sending',
    expected: 'the path of a JSON file that can be read',
    meaning: 'path of a JSON file with further receivers',
    more: { text: 'several receivers', page: 'otlp-export.md#several-receivers' },
  },
  NERVECENTER_LOCAL: {
    kind: 'text',
    group: 'sending',
    absent: 'on; off where something is sent',
    expected: 'one of on, off',
    meaning:
      'whether an app that sends has dashboard, API and rows as well; `nervecenter collector` always has them',
  },
} as const satisfies Readonly<Record<string, Setting>>;
