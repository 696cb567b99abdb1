import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type {
  OtlpLogRecord,
  OtlpMetric,
  OtlpSpan,
} from '../../../../../src/collector/receivers/otlp/model.ts';
import { completionTokens, promptTokens } from '../../../../../src/core/llm/usage.ts';
import { plain } from '../messages.ts';
import { GrpcSender, JSON_TYPE, PROTOBUF, type Received, startReceiver } from '../receiver.ts';
import { Assembly } from '../spans/assembly.ts';

type Signal = Received['signal'];

const MODEL = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o-mini',
};
const CALL = {
  ...MODEL,
  'gen_ai.usage.input_tokens': 120,
  'gen_ai.usage.cache_read.input_tokens': 20,
  'gen_ai.usage.output_tokens': 30,
  'gen_ai.response.finish_reasons': ['stop'],
  'gen_ai.request.temperature': 0.5,
  'gen_ai.request.stream': false,
};
const HTTP = { 'http.request.method': 'POST', 'http.response.status_code': 200 };

/** What was sent, by what `record.*` in the folder says; `zipped` is what was gzipped over HTTP. */
const SENDERS = [
  {
    sdk: "OpenTelemetry's SDK for Python 1.45.1",
    folder: 'python',
    transports: ['http', 'grpc'],
    zipped: 'metrics',
    resource: {
      'telemetry.sdk.language': 'python',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.version': '1.45.1',
      'service.instance.id': '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      'service.name': 'python-app',
      'process.pid': 4711,
    },
    http: { ...HTTP, 'http.route': '/ask/{topic}', 'url.scheme': 'https' },
    call: {
      ...CALL,
      'server.address': 'api.openai.com',
      'server.port': 443,
      deep: { list: [1, 2.5, 'three'], raw: 'AP8=' },
    },
    exception: 'ValueError',
    bounds: [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000],
    counts: [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    log: {
      scope: { name: 'opentelemetry.instrumentation.openai', version: '2.0' },
      timeMs: 1_790_000_000_123.4568,
      body: { message: ['zwei', 2, null], raw: 'AP8=' },
    },
  },
  {
    sdk: "OpenTelemetry's SDK for JavaScript 2.12.1",
    folder: 'javascript-2',
    transports: ['http', 'json', 'grpc'],
    zipped: 'traces',
    resource: { 'service.name': 'javascript-app', 'service.instance.id': 'abc', 'process.pid': 4711 },
    http: { ...HTTP, 'http.route': '/ask/:topic' },
    call: CALL,
    exception: 'TypeError',
    bounds: [0.01, 1],
    counts: [1, 1, 1],
    log: {
      scope: { name: 'library', version: '1.2' },
      timeMs: 1_790_000_000_123,
      body: { message: ['zwei', 2, null] },
    },
  },
] as const;
type Sender = (typeof SENDERS)[number];

for (const sender of SENDERS) {
  for (const transport of sender.transports) {
    describe(`what ${sender.sdk} sent (${transport})`, () => {
      it('are spans, read to the last attribute, of which a request and two calls are made', async (test) => {
        const spans = (await receivedOf(test, sender, `${transport}-traces`)) as readonly OtlpSpan[];
        assertSpans(spans, sender);
        assertEvents(spans, sender);
      });

      it('are metrics, read to the last bucket', async (test) => {
        const metrics = await receivedOf(test, sender, `${transport}-metrics`);
        assertMetrics(metrics as readonly OtlpMetric[], sender);
      });

      it('are log records, read to the last field of a body', async (test) => {
        const records = (await receivedOf(test, sender, `${transport}-logs`)) as readonly OtlpLogRecord[];
        assert.deepEqual(plain(records), [
          {
            ...sender.log,
            resource: { attributes: sender.resource },
            severity: 13,
            eventName: 'gen_ai.client.inference.exception',
            attributes: { ...MODEL, 'exception.type': 'RateLimitError' },
            traceId: null,
            spanId: null,
          },
        ]);
      });
    });
  }
}

/** Sends what was recorded as it came, and gives what was read of it. */
async function receivedOf(
  test: Parameters<typeof startReceiver>[0],
  { folder, zipped }: Sender,
  name: string,
): Promise<readonly object[]> {
  const receiver = await startReceiver(test);
  const body = readFileSync(join(import.meta.dirname, folder, `${name}.bin`));
  const [transport, signal] = name.split('-') as [string, Signal];
  if (transport === 'grpc') {
    const answer = await new GrpcSender(test, receiver.grpc).send(signal, body);
    assert.deepEqual(answer, Buffer.alloc(0));
  } else {
    const type = transport === 'json' ? JSON_TYPE : PROTOBUF;
    const gzip = signal === zipped ? { 'content-encoding': 'gzip' } : {};
    const answer = await receiver.post(`/v1/${signal}`, body, { ...type, ...gzip });
    assert.deepEqual([answer.status, String(answer.body)], [200, transport === 'json' ? '{}' : '']);
  }
  return receiver.received.flatMap(({ records }) => records);
}

function assertSpans(spans: readonly OtlpSpan[], { http, resource, call, exception }: Sender): void {
  const route = `POST ${http['http.route']}`;
  assert.deepEqual(
    spans.map(({ name, kind, status }) => [name, kind, status]),
    [
      ['chat gpt-4o-mini', 'client', 'unset'],
      ['chat gpt-4o-mini', 'client', 'error'],
      [route, 'server', 'unset'],
    ],
  );
  const [answered, failed, request] = spans;
  assert.ok(answered && failed && request);
  assert.deepEqual([answered.parentSpanId, failed.parentSpanId], [request.spanId, request.spanId]);
  assert.equal(request.parentSpanId, null);
  assert.ok(spans.every(({ traceId }) => traceId === request.traceId && /^[\da-f]{32}$/.test(traceId)));
  assert.deepEqual(structuredClone(request.resource.attributes), resource);
  assert.deepEqual(structuredClone(request.allAttributes()), http);
  assert.deepEqual(structuredClone(answered.allAttributes()), call);
  assert.equal(failed.statusMessage, 'too many');
  assert.deepEqual(
    failed.events.map(({ name, attributes }) => [name, attributes['exception.type']]),
    [['exception', exception]],
  );
}

function assertEvents(spans: readonly OtlpSpan[], { http }: Sender): void {
  const assembly = new Assembly();
  assembly.accept(spans);
  assembly.assembler.flush();
  const [request, ...more] = assembly.requests;
  assert.equal(more.length, 0);
  assert.deepEqual([request?.route, request?.method, request?.statusCode], [http['http.route'], 'POST', 200]);
  const calls = assembly.calls.toSorted((one, other) => (one.outcome > other.outcome ? -1 : 1));
  assert.deepEqual(
    calls.map(({ model, outcome, errorType, usage }) => [
      model,
      outcome,
      errorType,
      usage && [promptTokens(usage), usage.cacheRead, completionTokens(usage)],
    ]),
    [
      ['gpt-4o-mini', 'ok', null, [120, 20, 30]],
      ['gpt-4o-mini', 'error', 'RateLimitError', null],
    ],
  );
}

interface Exponential {
  readonly scale: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly positive: { readonly offset: number; readonly counts: readonly number[] };
}

function assertMetrics(metrics: readonly OtlpMetric[], { http, bounds, counts }: Sender): void {
  const dataOf = (name: string) => {
    const metric = metrics.find((one) => one.name === name);
    assert.ok(metric !== undefined && metric.data.kind !== 'none', name);
    const { points, ...data } = metric.data;
    const [{ startMs: _start, timeMs: _time, ...point } = { startMs: 0, timeMs: 0 }] = points;
    return plain([{ unit: metric.unit, ...data, ...point }]);
  };
  const base = { attributes: {}, noRecordedValue: false };
  const cumulative = { ...base, temporality: 'cumulative' };
  assert.deepEqual(dataOf('http.server.request.duration'), [
    {
      ...cumulative,
      unit: 's',
      kind: 'histogram',
      attributes: http,
      count: 3,
      sum: 3.303,
      min: 0.003,
      max: 3,
      explicitBounds: bounds,
      bucketCounts: counts,
    },
  ]);
  const sum = { ...cumulative, kind: 'sum' };
  const orders = { unit: '{order}', isMonotonic: true, attributes: { region: 'eu' } };
  assert.deepEqual(dataOf('orders'), [{ ...sum, ...orders, value: Number.MAX_SAFE_INTEGER }]);
  assert.deepEqual(dataOf('open'), [{ ...sum, unit: '', isMonotonic: false, value: -3 }]);
  assert.deepEqual(dataOf('temperature'), [{ ...base, unit: '', kind: 'gauge', value: 21.5 }]);
  const [exponential] = dataOf('exponential') as [Exponential];
  const { scale, positive } = exponential;
  assert.deepEqual([exponential.count, exponential.sum, exponential.min, exponential.max], [3, 7, 1, 4]);
  const found = positive.counts.flatMap((count, at) => (count === 0 ? [] : [positive.offset + at]));
  const bucketOf = (value: number) => Math.ceil(Math.log2(value) * 2 ** scale) - 1;
  assert.deepEqual(found, [1, 2, 4].map(bucketOf));
}
