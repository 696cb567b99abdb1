// What one event costs: its place in the queue, in the app's thread; its instruments, in the collector's.
import { EventMeter } from '../src/collector/event-ledger.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import { agentParts, Taker } from './agent-parts.ts';
import type { Figure } from './figure.ts';
import { cpuMsOfSync, garbageCollect, interleaved, median, pairedRatio, round, spread } from './measure.ts';
import { type PromClient, peer } from './peers.ts';
import { durationMs, llmCallEvent, ragQueryEvent, requestEvent } from './synthetic.ts';

type OtelSdk = typeof import('@opentelemetry/sdk-metrics');

const ROUNDS = 15;
const EVENTS = 20_000;
/** Made once and emitted again and again, so that no variant pays for collecting another's garbage. */
const DISTINCT_EVENTS = 2000;
/** A batch of a busy agent. */
const LOT = 200;
const SERIES = 16;
/** Of what `emit` may take, the hand-over aside. */
const EMIT_US_MAX = { request: 0.3, 'llm-call': 1, 'rag-query': 1 } as const;
const MEASURE_US_MAX = 1;
/** Fits the ring. */
const QUEUED_EVENTS = 9000;
/** As many as its fields need. */
const BYTES_MAX = 110;
const NS_PER_MS = 1e6;

const MAKERS = {
  request: (index: number) => requestEvent(index, SERIES / 2),
  'llm-call': (index: number) => llmCallEvent(index, SERIES),
  'rag-query': (index: number) => ragQueryEvent(index),
} as const;
type Kind = keyof typeof MAKERS;
const KINDS = Object.keys(MAKERS) as Kind[];
/** Measurements that one of our synthetic events makes. */
const MEASUREMENTS: Readonly<Record<Kind, number>> = { request: 1, 'llm-call': 6, 'rag-query': 5 };

export async function run(): Promise<Figure[]> {
  const { pipeline } = agentParts();
  const taker = new Taker(pipeline);
  const otel = otelRecord();
  const prom = promObserve();
  const emitted = (kind: Kind) => {
    const events = eventsOf(kind, DISTINCT_EVENTS);
    return () =>
      perEvent(() => {
        for (let done = 0; done < EVENTS; done += events.length) {
          for (const event of events) pipeline.emit(event);
          taker.take();
        }
      });
  };
  const measured = (kind: Kind) => {
    const meter = new EventMeter();
    const events = eventsOf(kind, DISTINCT_EVENTS);
    return () =>
      perEvent(() => {
        for (let done = 0; done < EVENTS; done += LOT)
          meter.measure(events.slice(done % events.length, (done % events.length) + LOT));
      });
  };
  const samples = await interleaved(ROUNDS, {
    request: emitted('request'),
    'llm-call': emitted('llm-call'),
    'rag-query': emitted('rag-query'),
    'measured request': measured('request'),
    'measured llm-call': measured('llm-call'),
    'measured rag-query': measured('rag-query'),
    make: () => perEvent(() => repeat(MAKERS.request)),
    otel: () => perEvent(() => repeat(otel)),
    prom: () => perEvent(() => repeat(prom)),
  });
  const figure = (what: string, key: Kind | `measured ${Kind}`, usMax: number): Figure => {
    const us = median(samples[key]) / 1000;
    const times = (other: 'otel' | 'prom') => `${pairedRatio(samples[key], samples[other]).toFixed(1)} x`;
    return {
      what,
      budget: `<= ${usMax} µs`,
      within: us <= usMax,
      ours: `${us.toFixed(2)} µs`,
      peers: `${times('otel')} one OpenTelemetry \`record\` (3 attributes); ${times('prom')} one prom-client \`observe\` (3 labels)`,
      raw: `${spread(samples[key], 'ns')}; record ${spread(samples.otel, 'ns')}; observe ${spread(samples.prom, 'ns')}`,
    };
  };
  return [
    ...KINDS.map((kind) => figure(`\`emit\` of a ${kind} event`, kind, EMIT_US_MAX[kind])),
    ...KINDS.map((kind) =>
      figure(
        `measuring a ${kind} event in the collector, ${MEASUREMENTS[kind]} measurement${MEASUREMENTS[kind] === 1 ? '' : 's'}, in lots of ${LOT}, what they add up to included`,
        `measured ${kind}`,
        MEASURE_US_MAX,
      ),
    ),
    {
      what: 'making a request event, its UUIDv7 included',
      ours: `${pairedRatio(samples.make, samples.otel).toFixed(2)} x one \`record\``,
      raw: spread(samples.make, 'ns'),
    },
    memoryFigure(),
  ];
}

function eventsOf(kind: Kind, count: number): NervecenterEvent[] {
  return Array.from({ length: count }, (_, index) => MAKERS[kind](index));
}

function perEvent(work: () => void): number {
  return (cpuMsOfSync(work) * NS_PER_MS) / EVENTS;
}

function repeat(one: (index: number) => unknown): void {
  for (let index = 0; index < EVENTS; index++) one(index);
}

/** The SDK's default histogram behind the reader of its Prometheus exporter. */
function otelRecord(): (index: number) => void {
  const { MeterProvider } = peer<OtelSdk>('@opentelemetry/sdk-metrics');
  const { PrometheusExporter } = peer<{ PrometheusExporter: new (options: object) => never }>(
    '@opentelemetry/exporter-prometheus',
  );
  const provider = new MeterProvider({ readers: [new PrometheusExporter({ preventServerStart: true })] });
  const histogram = provider.getMeter('bench').createHistogram('http.server.request.duration', { unit: 's' });
  return (index) =>
    histogram.record(durationMs(index) / 1000, {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'http.route': ROUTES[index % SERIES],
    });
}

const ROUTES = Array.from({ length: SERIES }, (_, index) => `/api/resources/${index}/:id`);

function promObserve(): (index: number) => void {
  const { Histogram, Registry } = peer<PromClient>('prom-client');
  const histogram = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration.',
    labelNames: ['method', 'route', 'status'],
    registers: [new Registry()],
  });
  return (index) =>
    histogram.observe(
      { method: 'GET', route: ROUTES[index % SERIES] ?? '', status: 200 },
      durationMs(index) / 1000,
    );
}

/** What a waiting event takes: its record, in memory that is written again and again. */
function memoryFigure(): Figure {
  const { pipeline } = agentParts();
  const taker = new Taker(pipeline);
  const events = eventsOf('request', QUEUED_EVENTS);
  const bytes = () => taker.take().reduce((sum, { length }) => sum + length, 0);
  for (const event of events) pipeline.emit(event);
  bytes();
  const before = heapUsed();
  for (const event of events) pipeline.emit(event);
  const retained = heapUsed() - before;
  const perRecord = bytes() / events.length;
  return {
    what: 'bytes of a waiting request event, on the heap and in the ring',
    budget: `${BYTES_MAX}`,
    within: retained / events.length + perRecord <= BYTES_MAX,
    ours: `${round(retained / events.length)} and ${round(perRecord)} bytes`,
    raw: '',
  };
}

function heapUsed(): number {
  garbageCollect();
  garbageCollect();
  return process.memoryUsage().heapUsed;
}
