// A process that takes OTLP over HTTP and keeps nothing of it: tells the CPU time that a number of requests took it.
import { startOtlp } from '../src/collector/receivers/otlp/listen/listeners.ts';
import type { OtlpConsumer, OtlpRejected } from '../src/collector/receivers/otlp/model.ts';
import { DeltaMeterProvider } from '../src/metrics/meter-provider.ts';
import { cpuMs } from './measure.ts';

const NOTHING_LEFT_OUT: OtlpRejected = { count: 0, message: '' };
let spans = 0;
const consumer: OtlpConsumer = {
  crowded: false,
  spans: async (records) => {
    spans += records.length;
    return NOTHING_LEFT_OUT;
  },
  metrics: async () => NOTHING_LEFT_OUT,
  logs: async () => NOTHING_LEFT_OUT,
};

const listeners = await startOtlp({
  config: { host: '127.0.0.1', allowedOrigins: [] },
  tls: null,
  http: 0,
  grpc: 'off',
  keys: [],
  keysChosen: false,
  consumer,
  ownId: null,
  wantedKeys: process.argv.slice(2),
  meter: new DeltaMeterProvider().getMeter(),
  log: () => {},
});
let before = cpuMs();
process.on('message', () => {
  const now = cpuMs();
  process.send?.({ cpuMs: now - before, spans });
  before = cpuMs();
  spans = 0;
});
process.on('disconnect', () => void listeners.shutdown());
process.send?.({ url: listeners.http });
