import { ROOT_CONTEXT, SeverityNumber, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPLogExporter as GrpcLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPTraceExporter as GrpcTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

export type Protocol = 'http/protobuf' | 'http/json' | 'grpc';

const EXPORTERS = {
  'http/protobuf': [ProtoTraceExporter, ProtoLogExporter],
  'http/json': [JsonTraceExporter, JsonLogExporter],
  grpc: [GrpcTraceExporter, GrpcLogExporter],
} as const;

/** Where an SDK sends. */
export interface Destination {
  readonly url: string;
  readonly protocol: Protocol;
}

/** An app with OpenTelemetry's own SDK that sends the same to all of these. */
export class SdkApp {
  readonly #tracers: TracerProvider;
  readonly #loggers: LoggerProvider;

  constructor(service: string, destinations: readonly Destination[]) {
    const resource = resourceFromAttributes({
      'service.name': service,
      'service.version': '1.2.3',
      'host.name': 'a-host',
      'process.command_args': ['node', 'app.js'],
    });
    const exporters = destinations.map(({ url, protocol }) => {
      const [Trace, Log] = EXPORTERS[protocol];
      const options = (signal: string) => ({
        url: protocol === 'grpc' ? url : `${url}/v1/${signal}`,
        compression: CompressionAlgorithm.GZIP,
      });
      return { trace: new Trace(options('traces')), log: new Log(options('logs')) };
    });
    this.#tracers = new TracerProvider({
      resource,
      spanProcessors: exporters.map(
        ({ trace: exporter }) => new BatchSpanProcessor({ exporter, maxQueueSize: 10_000 }),
      ),
    });
    this.#loggers = new LoggerProvider({
      resource,
      processors: exporters.map(({ log: exporter }) => new BatchLogRecordProcessor({ exporter })),
    });
  }

  /** A request with a model call in it, and two spans that no row is made of: nothing of them is kept by most traces. */
  work(): void {
    const tracer = this.#tracers.getTracer('library', '4.5', {
      schemaUrl: 'https://opentelemetry.io/schemas/1.40.0',
    });
    const server = tracer.startSpan('GET /users/:id', {
      kind: SpanKind.SERVER,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/users/:id',
        'http.response.status_code': 500,
      },
    });
    const under = trace.setSpan(ROOT_CONTEXT, server);
    const call = tracer.startSpan(
      'chat gpt-4o',
      {
        kind: SpanKind.CLIENT,
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'openai',
          'gen_ai.request.model': 'gpt-4o',
          'gen_ai.usage.input_tokens': 12,
          'gen_ai.usage.output_tokens': 3,
          'gen_ai.input.messages': '[{"role":"user","parts":[{"type":"text","content":"secret"}]}]',
          'a.list': ['x', 'y'],
          'a.double': 0.5,
          'a.flag': true,
        },
        links: [{ context: server.spanContext(), attributes: { why: 'because' } }],
      },
      under,
    );
    call.addEvent('first token', { 'token.index': 0 });
    call.recordException(new Error('broke'));
    call.setStatus({ code: SpanStatusCode.ERROR, message: 'it broke' });
    call.end();
    tracer.startSpan('work', { kind: SpanKind.INTERNAL }, under).end();
    tracer.startSpan('send', { kind: SpanKind.PRODUCER }, under).end();
    server.end();
    this.#loggers.getLogger('another library').emit({
      severityNumber: SeverityNumber.WARN,
      severityText: 'WARN',
      eventName: 'something.happened',
      body: { nested: ['a', 1, { b: true }] },
      attributes: { 'log.kind': 'test' },
      context: under,
    });
  }

  async flush(): Promise<void> {
    await Promise.all([this.#tracers.forceFlush(), this.#loggers.forceFlush()]);
  }

  async shutdown(): Promise<void> {
    await Promise.all([this.#tracers.shutdown(), this.#loggers.shutdown()]);
  }
}

export const SPANS_PER_WORK = 4;
