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
import { GrpcSender, PROTOBUF, type Received, startReceiver } from '../receiver.ts';
import { Assembly } from '../spans/assembly.ts';

type Signal = Received['signal'];

/** What the SDK for Python 1.45.1 sent when `record.py` ran: bodies over HTTP, those of metrics gzipped, messages over gRPC. */
const recorded = (transport: string, signal: Signal): Buffer =>
  readFileSync(join(import.meta.dirname, `${transport}-${signal}.bin`));

const RESOURCE = {
  'telemetry.sdk.language': 'python',
  'telemetry.sdk.name': 'opentelemetry',
  'telemetry.sdk.version': '1.45.1',
  'service.instance.id': '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  'service.name': 'python-app',
  'process.pid': 4711,
};
const MODEL = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o-mini',
};
const HTTP = {
  'http.request.method': 'POST',
  'http.route': '/ask/{topic}',
  'http.response.status_code': 200,
  'url.scheme': 'https',
};

for (const transport of ['http', 'grpc'] as const) {
  describe(`what OpenTelemetry's SDK for Python sent over ${transport}`, () => {
    it('are spans, read to the last attribute, of which a request and two calls are made', async (test) => {
      const spans = (await receivedOf(test, 'traces')) as readonly OtlpSpan[];
      assert.deepEqual(
        spans.map(({ name, kind, status }) => [name, kind, status]),
        [
          ['chat gpt-4o-mini', 'client', 'unset'],
          ['chat gpt-4o-mini', 'client', 'error'],
          ['POST /ask/{topic}', 'server', 'unset'],
        ],
      );
      const [call, failed, request] = spans;
      assert.ok(call && failed && request);
      assert.deepEqual([call.parentSpanId, failed.parentSpanId], [request.spanId, request.spanId]);
      assert.equal(request.parentSpanId, null);
      assert.ok(spans.every(({ traceId }) => traceId === request.traceId && /^[\da-f]{32}$/.test(traceId)));
      assert.deepEqual(structuredClone(request.resource.attributes), RESOURCE);
      assert.deepEqual(structuredClone(call.allAttributes()), CALL);
      const { events, statusMessage } = failed;
      assert.equal(statusMessage, 'too many');
      assert.deepEqual(
        events.map(({ name, attributes }) => [name, attributes['exception.type']]),
        [['exception', 'ValueError']],
      );
      assertEvents(spans);
    });

    it('are metrics, read to the last bucket', async (test) => {
      const metrics = (await receivedOf(test, 'metrics')) as readonly OtlpMetric[];
      const dataOf = (name: string) => {
        const metric = metrics.find((one) => one.name === name);
        assert.ok(metric !== undefined && metric.data.kind !== 'none', name);
        const { points, ...data } = metric.data;
        const [{ startMs: _start, timeMs: _time, ...point } = { startMs: 0, timeMs: 0 }] = points;
        return plain([{ unit: metric.unit, ...data, ...point }]);
      };
      const base = { attributes: {}, noRecordedValue: false };
      const sum = { ...base, kind: 'sum', temporality: 'cumulative' };
      assert.deepEqual(dataOf('http.server.request.duration'), [
        {
          ...base,
          unit: 's',
          kind: 'histogram',
          temporality: 'cumulative',
          attributes: HTTP,
          count: 3,
          sum: 3.303,
          min: 0.003,
          max: 3,
          explicitBounds: [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000],
          bucketCounts: [0, 3, ...new Array(14).fill(0)],
        },
      ]);
      const orders = { unit: '{order}', isMonotonic: true, attributes: { region: 'eu' } };
      assert.deepEqual(dataOf('orders'), [{ ...sum, ...orders, value: Number.MAX_SAFE_INTEGER }]);
      assert.deepEqual(dataOf('open'), [{ ...sum, unit: '', isMonotonic: false, value: -3 }]);
      assert.deepEqual(dataOf('temperature'), [{ ...base, unit: '', kind: 'gauge', value: 21.5 }]);
      const [exponential] = dataOf('exponential') as [Exponential];
      const { scale, positive } = exponential;
      assert.deepEqual([exponential.count, exponential.sum, exponential.min, exponential.max], [3, 7, 1, 4]);
      const found = positive.counts.flatMap((count, at) => (count === 0 ? [] : [positive.offset + at]));
      assert.deepEqual(
        found,
        [1, 2, 4].map((value) => Math.ceil(Math.log2(value) * 2 ** scale) - 1),
      );
    });

    it('are log records, read to the last field of a body', async (test) => {
      const records = (await receivedOf(test, 'logs')) as readonly OtlpLogRecord[];
      assert.deepEqual(plain(records), [
        {
          resource: { attributes: RESOURCE },
          scope: { name: 'opentelemetry.instrumentation.openai', version: '2.0' },
          timeMs: 1_790_000_000_123.4568,
          severity: 13,
          eventName: 'gen_ai.client.inference.exception',
          body: { message: ['zwei', 2, null], raw: 'AP8=' },
          attributes: { ...MODEL, 'exception.type': 'RateLimitError' },
          traceId: null,
          spanId: null,
        },
      ]);
    });
  });

  async function receivedOf(test: Parameters<typeof startReceiver>[0], signal: Signal) {
    const receiver = await startReceiver(test);
    const body = recorded(transport, signal);
    if (transport === 'grpc') {
      const answer = await new GrpcSender(test, receiver.grpc).send(signal, body);
      assert.deepEqual(answer, Buffer.alloc(0));
    } else {
      const gzip = signal === 'metrics' ? { 'content-encoding': 'gzip' } : {};
      const answer = await receiver.post(`/v1/${signal}`, body, { ...PROTOBUF, ...gzip });
      assert.deepEqual([answer.status, answer.body.length], [200, 0]);
    }
    return receiver.received.flatMap(({ records }) => records);
  }
}

const CALL = {
  ...MODEL,
  'gen_ai.usage.input_tokens': 120,
  'gen_ai.usage.cache_read.input_tokens': 20,
  'gen_ai.usage.output_tokens': 30,
  'gen_ai.response.finish_reasons': ['stop'],
  'gen_ai.request.temperature': 0.5,
  'gen_ai.request.stream': false,
  'server.address': 'api.openai.com',
  'server.port': 443,
  deep: { list: [1, 2.5, 'three'], raw: 'AP8=' },
};

interface Exponential {
  readonly scale: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly positive: { readonly offset: number; readonly counts: readonly number[] };
}

function assertEvents(spans: readonly OtlpSpan[]): void {
  const assembly = new Assembly();
  assembly.accept(spans);
  assembly.assembler.flush();
  const [request] = assembly.requests;
  assert.deepEqual(
    [request?.route, request?.method, request?.statusCode, request?.scheme],
    ['/ask/{topic}', 'POST', 200, 'https'],
  );
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
