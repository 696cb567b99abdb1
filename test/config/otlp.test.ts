import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import type { OtlpTarget } from '../../src/config/otlp/target.ts';

const CWD = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
afterAll(() => rmSync(CWD, { recursive: true, force: true }));

const targets = (env: Record<string, string>) => readConfig(env, CWD).otlpTargets;
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://backend:4318/base/' };

function urls(target: OtlpTarget | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target?.endpoints ?? {}).map(([signal, { url }]) => [signal, url]),
  );
}

function refusal(env: Record<string, string>): string {
  try {
    readConfig(env, CWD);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

function refusedFile(content: string): string {
  writeFileSync(join(CWD, 'targets.json'), content);
  return refusal({ NERVECENTER_OTLP_TARGETS: 'targets.json' });
}

describe('the standard variables of OTLP', () => {
  it('name one receiver for all signals, by the paths of the protocol', () => {
    const [target] = targets(ENDPOINT);
    assert.deepEqual(urls(target), {
      traces: 'http://backend:4318/base/v1/traces',
      metrics: 'http://backend:4318/base/v1/metrics',
      logs: 'http://backend:4318/base/v1/logs',
    });
    assert.deepEqual(target?.endpoints.traces, {
      url: 'http://backend:4318/base/v1/traces',
      protocol: 'http/protobuf',
      compression: 'none',
      headers: {},
      timeoutMs: 10_000,
      certificate: null,
      clientKey: null,
      clientCertificate: null,
    });
  });

  it('of one signal go before those of all, and are taken as they are', () => {
    const [target] = targets({
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: 'Api-Key=a, X=%C3%A4%2C',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces/path',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'api-key=b',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '5',
      OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: 'ca.pem',
      OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'grpc',
    });
    const { traces, logs, metrics } = target?.endpoints ?? {};
    assert.deepEqual(
      { ...traces, protocol: undefined },
      {
        url: 'https://traces/path',
        protocol: undefined,
        compression: 'gzip',
        headers: { 'api-key': 'b', x: 'ä,' },
        timeoutMs: 5,
        certificate: join(CWD, 'ca.pem'),
        clientKey: null,
        clientCertificate: null,
      },
    );
    assert.deepEqual([logs?.protocol, logs?.url], ['grpc', 'http://backend:4318/base/']);
    assert.deepEqual(metrics?.headers, { 'api-key': 'a', x: 'ä,' });
  });

  it('leave out the signals whose exporter is none or another, and take the local receiver where only it is asked for', () => {
    const env = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'prometheus' };
    assert.deepEqual(Object.keys(urls(targets({ ...ENDPOINT, ...env })[0])), ['logs']);
    assert.equal(targets({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'zipkin' })[0]?.endpoints.traces, undefined);
    const misspelt = targets({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'oltp' })[0];
    assert.deepEqual(misspelt, targets(ENDPOINT)[0], 'as good as unset, which is said');
    assert.deepEqual(urls(targets({ OTEL_TRACES_EXPORTER: 'otlp' })[0]), {
      traces: 'http://localhost:4318/v1/traces',
    });
    assert.deepEqual(urls(targets({ OTEL_LOGS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })[0]), {
      logs: 'http://localhost:4317',
    });
  });

  it('refuse headers that would break a request, without showing them', () => {
    for (const headers of ['secret', 'a b=secret', 'a=%0asecret', 'a=%secret', '=secret']) {
      const message = refusal({ ...ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: headers });
      assert.match(
        message,
        /^OTEL_EXPORTER_OTLP_HEADERS: expected pairs such as api-key=secret, got "something else"/,
      );
    }
  });

  it('decide whether something is hosted here as well', () => {
    assert.equal(readConfig({ ...ENDPOINT, NERVECENTER_LOCAL: 'on' }, CWD).local, 'on');
    assert.equal(readConfig(ENDPOINT, CWD).local, 'off');
  });
});

describe('the file of further receivers', () => {
  it('has each with its own protocol, headers, signals and services', () => {
    writeFileSync(
      join(CWD, 'good.json'),
      JSON.stringify([
        {
          name: 'langfuse',
          endpoint: 'https://l/otel',
          headers: { Authorization: 'Basic x' },
          signals: ['traces'],
        },
        {
          name: 'other',
          endpoint: 'http://o:4317',
          protocol: 'grpc',
          compression: 'gzip',
          nervecenter: true,
          services: ['a', 'b', 'a'],
          temporality: 'delta',
          certificate: 'ca.pem',
          metricsIntervalMs: 1000,
        },
      ]),
    );
    const [standard, langfuse, other] = targets({ ...ENDPOINT, NERVECENTER_OTLP_TARGETS: 'good.json' });
    assert.equal(standard?.name, 'otlp');
    assert.deepEqual(urls(langfuse), { traces: 'https://l/otel/v1/traces' });
    assert.deepEqual(langfuse?.endpoints.traces?.headers, { authorization: 'Basic x' });
    assert.deepEqual(
      [langfuse?.services, langfuse?.nervecenter, langfuse?.metricsIntervalMs],
      [null, false, 60_000],
    );
    assert.deepEqual([other?.services, other?.nervecenter, other?.temporality], [['a', 'b'], true, 'delta']);
    assert.equal(other?.endpoints.logs?.certificate, join(CWD, 'ca.pem'));
  });

  it('is refused with what was expected and what came', () => {
    const good = { name: 'x', endpoint: 'http://x' };
    const cases: [content: unknown, expected: RegExp][] = [
      [{}, /expected a list of at most 16 targets/],
      [[1], /target 1: expected an object, got "1"/],
      [[{ endpoint: 'http://x' }], /name of target 1: expected letters, .* got nothing/],
      [[{ ...good, name: '../x' }], /name of target \.\.\/x: expected letters/],
      [[{ name: 'x', endpoint: 'x:1' }], /endpoint of target x: expected a URL/],
      [
        [{ ...good, protocol: 'udp' }],
        /protocol of target x: expected one of http\/protobuf, http\/json, grpc, got "udp"/,
      ],
      [[{ ...good, signals: ['spans'] }], /signals of target x: expected a list of traces, metrics, logs/],
      [[{ ...good, services: [] }], /services of target x: expected a list of names/],
      [[{ ...good, headers: { a: 1 } }], /headers of target x: expected an object of header names and texts/],
      [[{ ...good, timeoutMs: 0 }], /timeoutMs of target x: expected milliseconds/],
      [[{ ...good, nervecenter: 'yes' }], /nervecenter of target x: expected true or false/],
      [[{ ...good, endpiont: 1 }], /target 1: expected fields among .* got "endpiont"/],
      [[good, { ...good, name: 'X' }], /expected a name of its own for every target .* got "x" twice/],
    ];
    for (const [content, expected] of cases) {
      const message = refusedFile(JSON.stringify(content));
      assert.match(message, expected);
      assert.match(message, /^NERVECENTER_OTLP_TARGETS: .*Correct it or unset it\.$/);
    }
    assert.match(refusedFile('{'), /expected JSON/);
    assert.match(
      refusal({ NERVECENTER_OTLP_TARGETS: 'nowhere.json' }),
      /expected the path of a JSON file that can be read, got "nowhere.json \(ENOENT\)"/,
    );
  });
});
