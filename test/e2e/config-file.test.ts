import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, it } from 'vitest';
import { ObservedApp } from '../support/observed-app.ts';
import type { ReceivedSpan } from '../support/otlp/received.ts';
import { until } from '../support/poll.ts';
import { APP_SDK, headersSeen, PRELOAD, TracedApps } from '../support/traced-apps.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const SLOW = { timeoutMs: 60_000 };

/** The receiver is told by a variable, as in the examples of the specification. */
const FILE = `
file_format: "1.0"
log_level: warn
resource:
  attributes:
    - name: service.name
      value: by-file
    - name: replicas
      value: 3
  detection/development:
    detectors:
      - process:
propagator:
  composite:
    - b3:
    - baggage:
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: \${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces
            compression: gzip
    - simple:
        exporter:
          console:
  limits:
    attribute_value_length_limit: 4
  sampler:
    parent_based:
      root:
        always_off:
meter_provider:
  readers:
    - periodic:
        interval: 1000
        exporter:
          otlp_http:
            endpoint: \${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/metrics
logger_provider:
  processors:
    - simple:
        exporter:
          otlp_http:
            endpoint: \${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/logs
            headers:
              - name: x-tenant
                value: blue
`;

/** None of them has an effect beside the file. */
const VARIABLES = {
  OTEL_SERVICE_NAME: 'by-variable',
  OTEL_RESOURCE_ATTRIBUTES: 'by=variable',
  OTEL_SDK_DISABLED: 'true',
  OTEL_TRACES_EXPORTER: 'none',
  OTEL_TRACES_SAMPLER: 'always_on',
  OTEL_PROPAGATORS: 'tracecontext',
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '1',
};

describe('an app with a configuration file', () => {
  let apps: TracedApps;
  beforeEach(async () => {
    apps = await TracedApps.start();
    writeFileSync(join(apps.directory, 'otel.yaml'), FILE);
  });
  afterEach(() => apps.stop());

  const spanOf = (name: string): ReceivedSpan | undefined =>
    apps.receiver.spans.find((span) => span.name === name);
  const start = async (requires = [PRELOAD]) => {
    const leaf = await apps.app('traced-app.cjs', 'leaf', { requires: [] });
    const OTEL_CONFIG_FILE = join(apps.directory, 'otel.yaml');
    const env = { ...VARIABLES, OTEL_CONFIG_FILE, DOWNSTREAM_URL: leaf.url };
    return apps.app('traced-app.cjs', 'root', { env, requires });
  };
  const sampled = { b3: `${TRACE}-${CALLER}-1`, baggage: 'tenant=blue' };

  it('sends spans, metrics and log records where it says, of the app’s own spans with its limits', async () => {
    const { url, said } = await start();
    const answer = await fetch(`${url}/chain`, { headers: sampled });
    await until(() => apps.receiver.spans.length >= 3 && apps.receiver.logs.length > 0, SLOW);
    await until(
      () => apps.receiver.metrics.some(({ name }) => name === 'http.server.request.duration'),
      SLOW,
    );
    const [request, prepare, call] = [spanOf('GET'), spanOf('prepare'), spanOf('chat gpt-4o')];
    assert.deepEqual([request?.traceId, request?.parentSpanId], [TRACE, CALLER]);
    assert.deepEqual([prepare?.parentSpanId, call?.parentSpanId], [request?.spanId, prepare?.spanId]);
    assert.equal(prepare?.attributes['app.step'], 'a se');
    assert.deepEqual(prepare?.events, [{ name: 'answered', attributes: { 'app.tenant': 'blue' } }]);
    for (const { resource } of apps.receiver.spans) {
      assert.equal(resource['service.name'], 'by-file');
      assert.equal(resource['replicas'], 3);
      assert.equal(resource['by'], undefined);
      assert.equal(resource['process.runtime.name'], 'nodejs');
      assert.equal(resource['os.type'], undefined);
    }
    const sent = (await answer.json()) as readonly string[];
    assert.equal(sent[sent.indexOf('b3') + 1], `${TRACE}-${prepare?.spanId}-1`);
    assert.ok(!sent.includes('traceparent'));
    assert.ok(apps.receiver.headers.some((headers) => headers['x-tenant'] === 'blue'));
    assert.deepEqual(apps.receiver.problems, []);
    assert.match(
      said(),
      /^\[nervecenter\] OTEL_CONFIG_FILE: in \S+, this version has nothing for tracer_provider\.processors\[1\]\.simple\.exporter\.console; the rest is in effect\.$/m,
    );
  });

  it('samples as it says: what no caller has sampled is measured and no span', async () => {
    const { url } = await start();
    const answer = await fetch(`${url}/chain`);
    assert.match((await headersSeen(answer, 'b3'))[0] ?? '', /^[\da-f]{32}-[\da-f]{16}-0$/);
    await (await fetch(`${url}/quiet`, { headers: sampled })).text();
    await until(() => spanOf('GET') !== undefined, SLOW);
    const counted = () =>
      apps.receiver.metrics
        .filter(({ name }) => name === 'http.server.request.duration')
        .flatMap(({ points }) => points.map(({ count }) => Number(count)));
    await until(() => counted().includes(2), SLOW);
    assert.deepEqual(
      apps.receiver.spans.map(({ name, traceId }) => [name, traceId]),
      [['GET', TRACE]],
    );
  });

  it('keeps an SDK that it brings itself', async () => {
    const { url, told } = await start([PRELOAD, APP_SDK]);
    await (await fetch(`${url}/chain`, { headers: sampled })).text();
    const ended = () => told.filter((one) => one['ended'] === 'prepare');
    await until(() => ended().length > 0, SLOW);
    assert.deepEqual(told[0], { registered: true });
    assert.deepEqual(
      told.filter((one) => 'problem' in one),
      [],
    );
    assert.equal(spanOf('prepare'), undefined);
  });
});

describe('an app whose configuration file is not there', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  let app: ObservedApp | null = null;
  afterAll(async () => {
    await app?.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  it('is told so in one line, and has the live view', async () => {
    const script = join(cwd, 'app.cjs');
    writeFileSync(
      script,
      `
      const server = require('node:http').createServer((_request, response) => response.end('served'));
      server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
    `,
    );
    const env = {
      OTEL_CONFIG_FILE: 'nowhere.yaml',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      NERVECENTER_STORAGE: 'off',
    };
    app = new ObservedApp(script, { env });
    assert.equal(await (await fetch(await app.appUrl())).text(), 'served');
    await app.started();
    await app.snapshotWhen(({ api }) => api.requests_total === 1);
    assert.match(
      app.stderr,
      /^\[nervecenter\] OTEL_CONFIG_FILE: expected the path of a configuration file of OpenTelemetry that can be read, got "nowhere\.yaml \(ENOENT\)"\. Correct it or unset it\. Nothing is sent until then\.\n/,
    );
    assert.doesNotMatch(app.stderr, /^ {2}sending/m);
  });
});
