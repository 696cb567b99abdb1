"""Sends what an app under OpenTelemetry's SDK for Python would: `record.py <URL for HTTP> <address for gRPC>`.

Once over HTTP and once over gRPC, in the same words. The bodies in this folder are what it sent with opentelemetry-sdk 1.45.1.
"""

import sys

import grpc._channel
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

# grpcio before 1.63 does not know the keyword, which changes nothing of what is sent.
unary_unary = grpc._channel.Channel.unary_unary
grpc._channel.Channel.unary_unary = lambda self, *options, _registered_method=None, **more: unary_unary(
    self, *options, **more
)

MODEL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
}
HTTP = {
    "http.request.method": "POST",
    "http.route": "/ask/{topic}",
    "http.response.status_code": 200,
    "url.scheme": "https",
}


def spans(resource, exporter):
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("opentelemetry.instrumentation.fastapi", "0.65b0")
    with tracer.start_as_current_span("POST /ask/{topic}", kind=SpanKind.SERVER, attributes=HTTP) as request:
        link = Link(request.get_span_context(), {"why": "ü"})
        with tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT, links=[link]) as chat:
            chat.set_attributes(MODEL)
            chat.set_attributes(
                {
                    "gen_ai.usage.input_tokens": 120,
                    "gen_ai.usage.cache_read.input_tokens": 20,
                    "gen_ai.usage.output_tokens": 30,
                    "gen_ai.response.finish_reasons": ["stop"],
                    "gen_ai.request.temperature": 0.5,
                    "gen_ai.request.stream": False,
                    "server.address": "api.openai.com",
                    "server.port": 443,
                    "deep": {"list": [1, 2.5, "three"], "raw": b"\x00\xff"},
                }
            )
            chat.add_event("gen_ai.choice", {"index": 0})
        with tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT, attributes=MODEL) as failed:
            failed.set_attribute("error.type", "RateLimitError")
            failed.record_exception(ValueError("too many"))
            failed.set_status(Status(StatusCode.ERROR, "too many"))
    provider.shutdown()


def metrics(resource, exporter):
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    exponential = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider(resource=resource, metric_readers=[reader], views=[exponential])
    meter = provider.get_meter("opentelemetry.instrumentation.fastapi")
    duration = meter.create_histogram("http.server.request.duration", unit="s", description="How long.")
    for seconds in (0.003, 0.3, 3.0):
        duration.record(seconds, HTTP)
    meter.create_counter("orders", unit="{order}").add(2**53 - 1, {"region": "eu"})
    meter.create_up_down_counter("open").add(-3)
    meter.create_gauge("temperature").set(21.5)
    for value in (1, 2, 4):
        meter.create_histogram("exponential").record(value)
    provider.shutdown()


def logs(resource, exporter):
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    provider.get_logger("opentelemetry.instrumentation.openai", "2.0").emit(
        LogRecord(
            timestamp=1_790_000_000_123_456_789,
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            event_name="gen_ai.client.inference.exception",
            body={"message": ["zwei", 2, None], "raw": b"\x00\xff"},
            attributes={**MODEL, "exception.type": "RateLimitError"},
        )
    )
    provider.shutdown()


def main(http, grpc_address):
    resource = Resource.create(
        {
            "service.name": "python-app",
            "service.instance.id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "process.pid": 4711,
        }
    )
    spans(resource, HttpSpans(endpoint=f"{http}/v1/traces"))
    metrics(resource, HttpMetrics(endpoint=f"{http}/v1/metrics", compression=Compression.Gzip))
    logs(resource, HttpLogs(endpoint=f"{http}/v1/logs"))
    spans(resource, GrpcSpans(endpoint=grpc_address, insecure=True))
    metrics(resource, GrpcMetrics(endpoint=grpc_address, insecure=True))
    logs(resource, GrpcLogs(endpoint=grpc_address, insecure=True))


main(*sys.argv[1:])
