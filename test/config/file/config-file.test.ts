import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, it } from 'vitest';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { effectiveSettings } from '../../../src/config/effective-settings.ts';
import { configFileNotice } from '../../../src/config/file/config-file.ts';

const CWD = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
afterAll(() => rmSync(CWD, { recursive: true, force: true }));
const NAMED = { OTEL_CONFIG_FILE: 'otel.yaml' };

function configOf(yaml: string, env: Readonly<Record<string, string>> = {}): Config {
  writeFileSync(join(CWD, 'otel.yaml'), `file_format: "1.0"\n${yaml}`);
  return readConfig({ ...NAMED, ...env }, CWD);
}

const notInEffect = (yaml: string) => configOf(yaml).configFile?.notInEffect;

const BATCH = 'tracer_provider: {processors: [{batch: {exporter: {otlp_http: }}}]';
const sampler = (yaml: string) => {
  const { sampler: name, samplerRatio, unknown } = configOf(`${BATCH}, sampler: ${yaml}}`).tracing;
  assert.deepEqual(unknown, []);
  return [name, samplerRatio];
};

describe('a configuration file', () => {
  it('says where each signal goes, and how', () => {
    const { otlpTargets, configFile, local } = configOf(`
tracer_provider:
  processors:
    - batch:
        schedule_delay: 5000
        max_queue_size: 2048
        exporter:
          otlp_http:
            endpoint: https://traces/path
            headers: [{name: Api-Key, value: a}, {name: x, value: }]
            headers_list: api-key=b,y=%C3%A4%2C
            compression: gzip
            timeout: 5
            encoding: json
            tls: {ca_file: ca.pem, key_file: /keys/key.pem, cert_file: }
meter_provider:
  readers:
    - periodic:
        interval: 1000
        timeout: 30000
        exporter:
          otlp_http: {temporality_preference: low_memory, default_histogram_aggregation: explicit_bucket_histogram}
logger_provider:
  processors:
    - simple: {exporter: {otlp_grpc: {endpoint: "logs:4317", tls: {insecure: true}}}}
`);
    const plain = {
      compression: 'none',
      headers: {},
      timeoutMs: 10_000,
      certificate: null,
      clientKey: null,
      clientCertificate: null,
    };
    assert.deepEqual(otlpTargets, [
      {
        name: 'otlp',
        nervecenter: false,
        services: null,
        temporality: 'lowmemory',
        histograms: 'explicit_bucket_histogram',
        metricsIntervalMs: 1000,
        endpoints: {
          traces: {
            url: 'https://traces/path',
            protocol: 'http/json',
            compression: 'gzip',
            headers: { 'api-key': 'a', y: 'ä,' },
            timeoutMs: 5,
            certificate: join(CWD, 'ca.pem'),
            clientKey: '/keys/key.pem',
            clientCertificate: null,
          },
          metrics: { ...plain, protocol: 'http/protobuf', url: 'http://localhost:4318/v1/metrics' },
          logs: { ...plain, protocol: 'grpc', url: 'http://logs:4317' },
        },
      },
    ]);
    assert.deepEqual([configFile?.notInEffect, configFile?.problem, local], [[], null, 'off']);
  });

  it('has a target more for each further exporter of a signal, at most 16', () => {
    const exporter = (at: number) => `{batch: {exporter: {otlp_grpc: {endpoint: "http://t${at}"}}}}`;
    const many = Array.from({ length: 17 }, (_, at) => exporter(at)).join(', ');
    const { otlpTargets, configFile } = configOf(
      `tracer_provider: {processors: [${many}]}\nlogger_provider: {processors: [${exporter(99)}]}`,
      { NERVECENTER_OTLP_EVENTS: 'on' },
    );
    assert.equal(otlpTargets.length, 16);
    const [first, second] = otlpTargets.map(({ name, nervecenter, endpoints: { traces, logs } }) => [
      name,
      nervecenter,
      traces?.url,
      logs?.url,
    ]);
    assert.deepEqual(first, ['otlp', true, 'http://t0', 'http://t99']);
    assert.deepEqual(second, ['otlp-2', false, 'http://t1', undefined]);
    assert.deepEqual(configFile?.notInEffect, ['tracer_provider.processors[16].batch.exporter.otlp_grpc']);
  });

  it('stands in the place of every other standard variable, and of none of ours', () => {
    const env = {
      OTEL_SDK_DISABLED: 'true',
      OTEL_SERVICE_NAME: 'by-variable',
      OTEL_RESOURCE_ATTRIBUTES: 'a=b',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere',
      OTEL_TRACES_SAMPLER: 'always_off',
      OTEL_PROPAGATORS: 'b3',
      NERVECENTER_PORT: '1234',
    };
    const config = configOf('', env);
    const { disabled, service, resourceAttributes, otlpTargets, tracing, port } = config;
    assert.deepEqual(
      [disabled, service, resourceAttributes, otlpTargets, port],
      [false, 'app', {}, [], 1234],
    );
    assert.deepEqual([tracing.sampler, tracing.propagators], ['parentbased_always_on', []]);
    assert.equal(configOf('disabled: true').disabled, true);
  });

  it('says who sends', () => {
    const { service, resourceAttributes } = configOf(`
resource:
  attributes:
    - {name: service.name, value: shop}
    - {name: replicas, value: 3, type: int}
    - {name: canary, value: true}
    - {name: empty, value: }
  attributes_list: replicas=4,team=a%20b
`);
    assert.equal(service, 'shop');
    assert.deepEqual(resourceAttributes, { 'service.name': 'shop', replicas: 3, canary: true, team: 'a b' });
    const detection = 'resource: {detection/development: {detectors: [{service: }, {host: }]}}';
    const detected = configOf(detection, { OTEL_SERVICE_NAME: 'by-variable' });
    assert.equal(detected.service, 'by-variable');
    assert.deepEqual(detected.tracing.file?.detectors, ['service', 'host']);
  });

  it('says how an app samples', () => {
    assert.deepEqual(sampler('{always_off: }'), ['always_off', 1]);
    assert.deepEqual(sampler('{trace_id_ratio_based: {ratio: 0.25}}'), ['traceidratio', 0.25]);
    assert.deepEqual(sampler('{parent_based: {root: {trace_id_ratio_based: {ratio: 0.5}}}}'), [
      'parentbased_traceidratio',
      0.5,
    ]);
    assert.deepEqual(
      sampler('{parent_based: {root: {always_off: }, remote_parent_sampled: {always_on: }}}'),
      ['parentbased_always_off', 1],
    );
    assert.deepEqual(sampler('{parent_based: }'), ['parentbased_always_on', 1]);
    assert.deepEqual(sampler('{xray: {}}'), ['parentbased_always_on', 1]);
  });

  it('says which propagators, limits and diagnostics an app has', () => {
    const { tracing } = configOf(`
log_level: warn2
attribute_limits: {attribute_value_length_limit: 10, attribute_count_limit: 20}
propagator: {composite: [{b3: }], composite_list: "baggage, b3"}
tracer_provider:
  processors: [{simple: {exporter: {otlp_http: }}}]
  limits: {attribute_count_limit: 5, event_count_limit: 6, link_attribute_count_limit: 7}
`);
    assert.deepEqual(tracing.propagators, ['b3', 'baggage']);
    assert.deepEqual(tracing.file, {
      spanLimits: {
        attributeValueLengthLimit: 10,
        attributeCountLimit: 5,
        eventCountLimit: 6,
        attributePerLinkCountLimit: 7,
      },
      detectors: [],
      logLevel: 'WARN',
    });
    assert.deepEqual(configOf('propagator: {composite_list: "none,b3"}').tracing.propagators, []);
  });

  it('may have a Prometheus exporter', () => {
    const { metricsExporters, prometheusExporterHost, prometheusExporterPort } = configOf(
      'meter_provider: {readers: [{pull: {exporter: {prometheus/development: {host: "::", port: 9999}}}}]}',
    );
    assert.deepEqual(
      [metricsExporters, prometheusExporterHost, prometheusExporterPort],
      [['prometheus'], '::', 9999],
    );
  });

  it('is shown by its path, with what is not in effect', () => {
    const shown = (yaml: string) => effectiveSettings(configOf(yaml)).OTEL_CONFIG_FILE;
    assert.equal(shown('disabled: false'), 'otel.yaml');
    assert.equal(shown('strange: 1'), 'otel.yaml, without strange');
    assert.equal(effectiveSettings(readConfig({}, CWD)).OTEL_CONFIG_FILE, 'unset');
    const exporter = '{simple: {exporter: {otlp_http: }}}';
    const two = configOf(`tracer_provider: {processors: [${exporter}, ${exporter}]}`);
    assert.equal(effectiveSettings(two).NERVECENTER_OTLP_TARGETS, 'unset');
  });
});

describe('what of a configuration file is not in effect', () => {
  const OTLP =
    '{exporter: {otlp_http: {timeout: 0, compression: zstd}}, max_queue_size: 9, schedule_delay: 5000}';

  it('is named by its path', () => {
    const cases: [yaml: string, paths: string[]][] = [
      [
        'tracer_provider: {processors: [{batch: {exporter: {otlp_http: }}}, {simple: {exporter: {console: }}}, {mine: {a: 1}}]}',
        ['tracer_provider.processors[1].simple.exporter.console', 'tracer_provider.processors[2].mine'],
      ],
      [
        `tracer_provider: {processors: [{batch: ${OTLP}}], id_generator: {mine: }}`,
        [
          'tracer_provider.processors[0].batch.exporter.otlp_http.compression',
          'tracer_provider.processors[0].batch.exporter.otlp_http.timeout',
          'tracer_provider.id_generator.mine',
          'tracer_provider.processors[0].batch.max_queue_size',
        ],
      ],
      [
        `logger_provider: {processors: [{batch: {exporter: {otlp_http: }, schedule_delay: 5000}}], limits: {attribute_count_limit: 7}}`,
        [
          'logger_provider.limits.attribute_count_limit',
          'logger_provider.processors[0].batch.schedule_delay',
        ],
      ],
      [
        'meter_provider: {readers: [{periodic: {exporter: {console: }, cardinality_limits: {default: 5}}}], views: [{selector: {unit: s}, stream: {name: x}}], exemplar_filter: always_on}',
        [
          'meter_provider.readers[0].periodic.exporter.console',
          'meter_provider.readers[0].periodic.cardinality_limits',
          'meter_provider.views',
          'meter_provider.exemplar_filter',
        ],
      ],
      [
        `${BATCH}, sampler: {parent_based: {root: {probability/development: {ratio: 1}}, local_parent_sampled: {always_off: }}}}`,
        [
          'tracer_provider.sampler.parent_based.local_parent_sampled.always_off',
          'tracer_provider.sampler.parent_based.root.probability/development',
        ],
      ],
      [
        'propagator: {composite: [{xray: }, {b3: }], composite_list: "ottrace"}',
        ['propagator.composite[0].xray', 'propagator.composite_list'],
      ],
      [
        'resource: {schema_url: x, attributes: [{name: a, value: [b, c]}], detection/development: {attributes: {included: [x]}, detectors: [{container: }]}}',
        [
          'resource.attributes[0].value',
          'resource.detection/development.detectors[0].container',
          'resource.schema_url',
          'resource.detection/development.attributes',
        ],
      ],
      [
        'strange: 1\ninstrumentation/development: {js: {http: {}}}\ndistribution: {node: {a: 1}}',
        ['instrumentation/development', 'distribution', 'strange'],
      ],
    ];
    for (const [yaml, paths] of cases)
      assert.deepEqual(notInEffect(yaml)?.toSorted(), paths.toSorted(), yaml);
  });

  it('is told in one line, however much it is', () => {
    const { configFile } = configOf(Array.from({ length: 25 }, (_, at) => `strange${at}: 1`).join('\n'));
    const notice = (configFile && configFileNotice(configFile)) ?? '';
    assert.match(
      notice,
      /^OTEL_CONFIG_FILE: in otel\.yaml, this version has nothing for strange0, .*strange19 and 5 more; the rest is in effect\.$/,
    );
    assert.doesNotMatch(notice, /\n/);
    assert.equal(configFile && configFileNotice({ ...configFile, notInEffect: [] }), null);
  });
});

it('nothing is loaded for a configuration file where there is none', () => {
  const script = `
    const { readConfig } = await import(process.argv[1]);
    const { cache } = (await import('node:module')).createRequire(process.argv[1]);
    const loaded = () => Object.keys(cache).filter((path) => /opentelemetry.configuration/.test(path)).length > 0;
    readConfig({}, process.argv[2]);
    const before = loaded();
    readConfig({ OTEL_CONFIG_FILE: 'otel.yaml' }, process.argv[2]);
    console.log(JSON.stringify([before, loaded()]));
  `;
  configOf('');
  const config = join(import.meta.dirname, '..', '..', '..', 'src', 'config', 'config.ts');
  const args = ['--input-type=module', '--eval', script, config, CWD];
  assert.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), '[false,true]\n');
});

describe('variables in a configuration file', () => {
  const set: string[] = [];
  const given = (name: string, value: string) => {
    process.env[name] = value;
    set.push(name);
  };
  afterEach(() => {
    for (const name of set.splice(0)) delete process.env[name];
  });

  it('are put in, as what they look like', () => {
    given('TEST_BACKEND', 'https://backend');
    given('TEST_RATIO', '0.125');
    const variable = (text: string) => `$\{${text}}`;
    const { otlpTargets, tracing } = configOf(`
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: ${variable('TEST_BACKEND:-http://localhost:4318')}/v1/traces
            timeout: ${variable('TEST_ABSENT:-7')}
            headers_list: ${variable('TEST_ABSENT')}
  sampler:
    trace_id_ratio_based:
      ratio: ${variable('env:TEST_RATIO')}
`);
    assert.equal(otlpTargets[0]?.endpoints.traces?.url, 'https://backend/v1/traces');
    assert.equal(otlpTargets[0]?.endpoints.traces?.timeoutMs, 7);
    assert.equal(tracing.samplerRatio, 0.125);
  });
});
