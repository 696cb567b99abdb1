// Metrics of the http module without any tracer: the least its users can pay.
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics');

const discard = {
  export: (_metrics, done) => done({ code: 0 }),
  selectAggregationTemporality: () => AggregationTemporality.DELTA,
  forceFlush: async () => {},
  shutdown: async () => {},
};
const reader = new PeriodicExportingMetricReader({ exporter: discard, exportIntervalMillis: 1000 });
new HttpInstrumentation().setMeterProvider(new MeterProvider({ readers: [reader] }));
