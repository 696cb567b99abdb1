import assert from 'node:assert/strict';
import { ROOT_CONTEXT, SeverityNumber, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPLogExporter as GrpcLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter as GrpcMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtoMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as GrpcTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { describe, it } from 'vitest';
import type { OtlpLogRecord, OtlpMetric, OtlpSpan } from '../../../../src/collector/receivers/otlp/model.ts';
import { plain } from './messages.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const SERVICE = { 'service.name': 'shop', 'process.pid': 7 };
const resource = resourceFromAttributes(SERVICE);
const START = new Date(1_790_000_000_123);
const END = new Date(1_790_000_000_456);
const KEY = 'a-key-that-is-long-enough';
const [NONE, GZIP] = [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP];

/** How OpenTelemetry's own exporters send. */
const PROTOCOLS = [
  { protocol: 'http/json', Trace: JsonTraceExporter, Metric: JsonMetricExporter, Log: JsonLogExporter },
  {
    protocol: 'http/protobuf',
    Trace: ProtoTraceExporter,
    Metric: ProtoMetricExporter,
    Log: ProtoLogExporter,
  },
  { protocol: 'grpc', Trace: GrpcTraceExporter, Metric: GrpcMetricExporter, Log: GrpcLogExporter },
] as const;

for (const { protocol, Trace, Metric, Log } of PROTOCOLS) {
  for (const compression of [NONE, GZIP]) {
    describe(`OpenTelemetry's exporters by ${protocol}, compression ${compression}`, () => {
      const optionsFor = ({ http, grpc }: Receiver, signal: string) => ({
        url: protocol === 'grpc' ? grpc : `${http}/v1/${signal}`,
        compression,
        ...(protocol === 'grpc' ? {} : { headers: { 'x-nervecenter-key': KEY } }),
      });
      // Headers of the gRPC exporters are metadata of a package's own copy; keys over gRPC have a test of their own.
      const keys = protocol === 'grpc' ? [] : [{ name: 'shop', key: KEY }];

      it('send spans, which are read to the last attribute', async (test) => {
        const receiver = await startReceiver(test, { keys });
        const exporter = new Trace(optionsFor(receiver, 'traces'));
        const provider = new TracerProvider({
          resource,
          spanProcessors: [new SimpleSpanProcessor({ exporter })],
        });
        makeSpans(provider);
        await provider.forceFlush();
        await provider.shutdown();
        const spans = receiver.received.flatMap(({ records }) => records as readonly OtlpSpan[]);
        assertSpans(spans);
      });

      it('send metrics, which are read to the last bucket', async (test) => {
        const receiver = await startReceiver(test, { keys });
        const exporter = new Metric(optionsFor(receiver, 'metrics'));
        const provider = new MeterProvider({
          resource,
          readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
          views: [
            { instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
          ],
        });
        measure(provider);
        await provider.shutdown();
        assertMetrics(receiver.received.flatMap(({ records }) => records as readonly OtlpMetric[]));
      });

      it('send log records, which are read to the last field of a body', async (test) => {
        const receiver = await startReceiver(test, { keys });
        const exporter = new Log(optionsFor(receiver, 'logs'));
        const provider = new LoggerProvider({
          resource,
          processors: [new SimpleLogRecordProcessor({ exporter })],
        });
        provider.getLogger('library', '1.2').emit({
          eventName: 'something.happened',
          severityNumber: SeverityNumber.WARN,
          timestamp: START,
          body: { nested: [1, 'two', { three: true }], nothing: null },
          attributes: { a: 'ü', list: [1.5, 2] },
        });
        await provider.shutdown();
        const [record] = receiver.received.flatMap(({ records }) => records as readonly OtlpLogRecord[]);
        assert.ok(record !== undefined);
        assert.deepEqual(plain([record]), [
          {
            resource: { attributes: SERVICE },
            scope: { name: 'library', version: '1.2' },
            timeMs: START.getTime(),
            severity: 13,
            eventName: 'something.happened',
            body: { nested: [1, 'two', { three: true }], nothing: null },
            attributes: { a: 'ü', list: [1.5, 2] },
            traceId: null,
            spanId: null,
          },
        ]);
      });
    });
  }
}

function makeSpans(provider: TracerProvider): void {
  const tracer = provider.getTracer('library', '1.2');
  const parent = tracer.startSpan('POST /ask', { kind: SpanKind.SERVER, startTime: START });
  const context = trace.setSpan(ROOT_CONTEXT, parent);
  const child = tracer.startSpan(
    'chat model',
    {
      kind: SpanKind.CLIENT,
      startTime: START,
      attributes: { text: 'ü', whole: 12, real: 0.5, yes: true, texts: ['a', 'b'], empty: [] },
    },
    context,
  );
  child.addEvent('first token', { at: 3 }, END);
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'it failed' });
  child.end(END);
  parent.end(END);
}

function assertSpans(spans: readonly OtlpSpan[]): void {
  const parent = spans.find(({ name }) => name === 'POST /ask');
  const child = spans.find(({ name }) => name === 'chat model');
  assert.ok(parent !== undefined && child !== undefined);
  assert.match(child.traceId, /^[0-9a-f]{32}$/);
  assert.deepEqual([child.traceId, child.parentSpanId], [parent.traceId, parent.spanId]);
  assert.deepEqual([parent.kind, parent.status, parent.parentSpanId], ['server', 'unset', null]);
  const attributes = { text: 'ü', whole: 12, real: 0.5, yes: true, texts: ['a', 'b'], empty: [] };
  const { traceId, spanId, parentSpanId } = child;
  assert.deepEqual(plain([child]), [
    {
      resource: { attributes: SERVICE },
      scope: { name: 'library', version: '1.2' },
      traceId,
      spanId,
      parentSpanId,
      name: 'chat model',
      kind: 'client',
      startMs: START.getTime(),
      endMs: END.getTime(),
      status: 'error',
      statusMessage: 'it failed',
      attributes,
      events: [{ name: 'first token', timeMs: END.getTime(), attributes: { at: 3 } }],
      allAttributes: attributes,
    },
  ]);
}

function measure(provider: MeterProvider): void {
  const meter = provider.getMeter('library');
  meter.createCounter('counter', { unit: '{request}', description: 'How many.' }).add(5, { route: '/ask' });
  meter.createUpDownCounter('up-down').add(-3);
  meter.createGauge('gauge').record(0.25);
  const histogram = meter.createHistogram('explicit', { advice: { explicitBucketBoundaries: [1, 10] } });
  const exponential = meter.createHistogram('exponential');
  for (const value of [0.5, 5, 50]) histogram.record(value);
  for (const value of [1, 2, 4]) exponential.record(value);
}

function assertMetrics(metrics: readonly OtlpMetric[]): void {
  const named = (name: string) => {
    const metric = metrics.find((one) => one.name === name);
    assert.ok(metric !== undefined && metric.data.kind !== 'none', name);
    const [point] = metric.data.points;
    assert.ok(point !== undefined && point.timeMs >= point.startMs && point.timeMs > 1.7e12, name);
    const { startMs: _start, timeMs: _time, ...rest } = point;
    return { ...metric, data: { ...metric.data, points: [] }, point: plain([rest]) };
  };
  const base = { attributes: {}, noRecordedValue: false };
  const counter = named('counter');
  assert.deepEqual([counter.unit, counter.description], ['{request}', 'How many.']);
  assert.deepEqual({ ...counter.resource.attributes }, SERVICE);
  assert.deepEqual(counter.data, { kind: 'sum', isMonotonic: true, temporality: 'cumulative', points: [] });
  assert.deepEqual(counter.point, [{ ...base, attributes: { route: '/ask' }, value: 5 }]);
  assert.deepEqual(named('up-down').point, [{ ...base, value: -3 }]);
  assert.deepEqual(named('gauge').point, [{ ...base, value: 0.25 }]);
  assert.deepEqual(named('explicit').point, [
    { ...base, count: 3, sum: 55.5, min: 0.5, max: 50, explicitBounds: [1, 10], bucketCounts: [1, 1, 1] },
  ]);
  const [point] = named('exponential').point as {
    scale: number;
    positive: { offset: number; counts: number[] };
  }[];
  assert.ok(point !== undefined);
  const { scale, positive, ...rest } = point;
  assert.deepEqual(rest, {
    ...base,
    count: 3,
    sum: 7,
    min: 1,
    max: 4,
    zeroCount: 0,
    zeroThreshold: 0,
    negative: { offset: 0, counts: [] },
  });
  const found = positive.counts.flatMap((count, index) => (count === 0 ? [] : [positive.offset + index]));
  const bucketOf = (value: number) => Math.ceil(Math.log2(value) * 2 ** scale) - 1;
  assert.deepEqual(found, [1, 2, 4].map(bucketOf));
}
