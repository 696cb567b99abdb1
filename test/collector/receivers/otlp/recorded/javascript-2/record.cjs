// Sends what an app under OpenTelemetry's SDK for JavaScript 2.x would: `record.cjs <URL for HTTP> <address for gRPC>`, where
// the packages of 2.12.1 and 0.223.1 are installed. Once as protobuf and once as JSON over HTTP, and over gRPC, in the same
// words. The bodies in this folder are what it sent; over HTTP spans are gzipped.
const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api');
const { SeverityNumber } = require('@opentelemetry/api-logs');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');
const {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');

const [, , http, grpc] = process.argv;
const SERVICE = { 'service.name': 'javascript-app', 'service.instance.id': 'abc', 'process.pid': 4711 };
const MODEL = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-4o-mini',
};
const HTTP = { 'http.request.method': 'POST', 'http.route': '/ask/:topic', 'http.response.status_code': 200 };
const resource = resourceFromAttributes(SERVICE);

async function sendSpans(exporter) {
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer('library', '1.2');
  const request = tracer.startSpan('POST /ask/:topic', { kind: SpanKind.SERVER, attributes: HTTP });
  const within = trace.setSpan(ROOT_CONTEXT, request);
  const links = [{ context: request.spanContext(), attributes: { why: 'ü' } }];
  const call = tracer.startSpan(
    'chat gpt-4o-mini',
    { kind: SpanKind.CLIENT, attributes: MODEL, links },
    within,
  );
  call.setAttributes({
    'gen_ai.usage.input_tokens': 120,
    'gen_ai.usage.cache_read.input_tokens': 20,
    'gen_ai.usage.output_tokens': 30,
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.request.temperature': 0.5,
    'gen_ai.request.stream': false,
  });
  call.addEvent('gen_ai.choice', { index: 0 });
  call.end();
  const failed = tracer.startSpan('chat gpt-4o-mini', { kind: SpanKind.CLIENT, attributes: MODEL }, within);
  failed.setAttribute('error.type', 'RateLimitError');
  failed.recordException(new TypeError('too many'));
  failed.setStatus({ code: SpanStatusCode.ERROR, message: 'too many' });
  failed.end();
  request.end();
  await provider.shutdown();
}

async function sendMetrics(exporter) {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const exponential = { type: AggregationType.EXPONENTIAL_HISTOGRAM };
  const views = [{ instrumentName: 'exponential', aggregation: exponential }];
  const provider = new MeterProvider({ resource, readers: [reader], views });
  const meter = provider.getMeter('library');
  const duration = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.01, 1] },
  });
  for (const seconds of [0.003, 0.3, 3]) duration.record(seconds, HTTP);
  meter.createCounter('orders', { unit: '{order}' }).add(Number.MAX_SAFE_INTEGER, { region: 'eu' });
  meter.createUpDownCounter('open').add(-3);
  meter.createGauge('temperature').record(21.5);
  const histogram = meter.createHistogram('exponential');
  for (const value of [1, 2, 4]) histogram.record(value);
  await provider.shutdown();
}

async function sendLogs(exporter) {
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
  provider.getLogger('library', '1.2').emit({
    eventName: 'gen_ai.client.inference.exception',
    timestamp: new Date(1_790_000_000_123),
    severityNumber: SeverityNumber.WARN,
    body: { message: ['zwei', 2, null] },
    attributes: { ...MODEL, 'exception.type': 'RateLimitError' },
  });
  await provider.shutdown();
}

async function main() {
  for (const encoding of ['proto', 'http', 'grpc']) {
    const exporterOf = (signal, name, options) => {
      const made = require(`@opentelemetry/exporter-${signal}-otlp-${encoding}`)[name];
      const path = signal === 'trace' ? 'traces' : signal;
      return new made({ url: encoding === 'grpc' ? `http://${grpc}` : `${http}/v1/${path}`, ...options });
    };
    await sendSpans(exporterOf('trace', 'OTLPTraceExporter', { compression: 'gzip' }));
    await sendMetrics(exporterOf('metrics', 'OTLPMetricExporter'));
    await sendLogs(exporterOf('logs', 'OTLPLogExporter'));
  }
}

void main();
