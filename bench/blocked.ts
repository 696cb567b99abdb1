// The longest things the agent does in one turn of the app's event loop: collecting a frame, handing over a batch.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Meter } from '@opentelemetry/api';
import type { FrameSource } from '../src/agent/metrics/frame-source.ts';
import { FrameEncoder } from '../src/core/frames/frame-encoder.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import { milliseconds } from '../src/core/units.ts';
import { agentParts, Taker } from './agent-parts.ts';
import type { Figure } from './figure.ts';
import {
  cpuMsOf,
  cpuMsOfSync,
  interleaved,
  type Measurement,
  pairedRatio,
  quantile,
  round,
} from './measure.ts';
import { peer } from './peers.ts';
import { durationMs, llmCallEvent, requestEvent } from './synthetic.ts';

/** Beside the peer; V8 compiles meanwhile, in threads whose time counts as well. */
const ROUNDS = 100;
/** After those, a quarter of an hour of frames: of a hundred the 99th percentile would be the second worst. */
const OWN_ROUNDS = 1000;
const BLOCKED_MS_MAX = 1;
const FRAME_MS_MAX = 0.5;
const SERIES = { few: 250, many: 2000 } as const;
/** The SDK keeps at most so many series of one instrument. */
const SERIES_PER_METRIC = 250;
const VALUES_PER_SERIES = 2;

/** Events of one turn of a busy app's loop. */
const BURST = 200;

export async function run(): Promise<Figure[]> {
  const collector = new Worker(join(import.meta.dirname, 'apps', 'never-reads.cjs'));
  try {
    const requests = Array.from({ length: BURST }, (_, index) => requestEvent(index, 20));
    const calls = Array.from({ length: BURST }, (_, index) => llmCallEvent(index, 20));
    const { pipeline } = agentParts();
    const taker = new Taker(pipeline);
    const handOver = (events: readonly NervecenterEvent[]) => () => {
      taker.take();
      return cpuMsOfSync(() => {
        for (const event of events) pipeline.emit(event);
      });
    };
    const own = {
      few: frameOf(SERIES.few, collector),
      many: frameOf(SERIES.many, collector),
      ofTheApp: frameOfTheApp(SERIES.few, collector),
      requests: handOver(requests),
      calls: handOver(calls),
    };
    const peers = { exporterFew: scrapeOf(SERIES.few), exporterMany: scrapeOf(SERIES.many) };
    const paired = await interleaved(ROUNDS, { ...own, ...peers });
    const samples = await interleaved(OWN_ROUNDS, own);
    const frame = (key: 'few' | 'many', peerKey: 'exporterFew' | 'exporterMany') => ({
      ...figure(
        `a frame of ${SERIES[key]} series: collected, written, posted`,
        samples[key],
        key === 'few' ? FRAME_MS_MAX : undefined,
      ),
      peers: `exporter-prometheus' scrape of the same ${round(pairedRatio(paired[peerKey], paired[key]))} x as long`,
    });
    return [
      frame('few', 'exporterFew'),
      frame('many', 'exporterMany'),
      figure(`a frame of ${SERIES.few} series that the app records itself`, samples.ofTheApp, FRAME_MS_MAX),
      figure(`${BURST} request events handed over at once`, samples.requests),
      figure(`${BURST} llm-call events handed over at once`, samples.calls),
    ];
  } finally {
    await collector.terminate();
  }
}

function figure(what: string, values: readonly number[], budgetMs = BLOCKED_MS_MAX): Figure {
  const p99 = quantile(values, 0.99);
  return {
    what,
    budget: `<= ${budgetMs} ms (p99)`,
    within: p99 <= budgetMs,
    ours: `${round(p99)} ms`,
    raw: `CPU time: p50 ${round(quantile(values, 0.5))}, p99 ${round(p99)}, least ${round(quantile(values, 0))} ms`,
  };
}

/** What the agent does every second, after an interval in which every series of its own got new values. */
function frameOf(series: number, collector: Worker): Measurement {
  const { own, frames } = agentParts();
  return frameAfter(filler(own.getMeter(), series), { frames, collector });
}

/** The same with the app's own instruments. */
function frameOfTheApp(series: number, collector: Worker): Measurement {
  const { provider, frames } = agentParts();
  return frameAfter(filler(provider.getMeter(), series), { frames, collector });
}

function frameAfter(
  fill: () => void,
  { frames, collector }: { readonly frames: FrameSource; readonly collector: Worker },
): Measurement {
  const encoder = new FrameEncoder();
  return () => {
    fill();
    return cpuMsOfSync(() => {
      void frames.observe();
      encoder.start({ seq: 1, endMs: milliseconds(0), dropped: {} });
      frames.writeTo(encoder);
      collector.postMessage({ type: 'frame-bytes', bytes: encoder.finish() });
    });
  };
}

interface Collecting {
  collect(): Promise<{ readonly resourceMetrics: unknown }>;
}

interface ExporterPrometheus {
  readonly PrometheusExporter: new (options: object) => Collecting;
  readonly PrometheusSerializer: new () => { serialize(metrics: unknown): string };
}

/** What OpenTelemetry's own exporter does in the app's thread at every scrape. */
function scrapeOf(series: number): Measurement {
  const { MeterProvider } = peer<typeof import('@opentelemetry/sdk-metrics')>('@opentelemetry/sdk-metrics');
  const { PrometheusExporter, PrometheusSerializer } = peer<ExporterPrometheus>(
    '@opentelemetry/exporter-prometheus',
  );
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const fill = filler(new MeterProvider({ readers: [exporter as never] }).getMeter('app'), series);
  const serializer = new PrometheusSerializer();
  return () => {
    fill();
    return cpuMsOf(async () => serializer.serialize((await exporter.collect()).resourceMetrics));
  };
}

function filler(meter: Meter, series: number): () => void {
  const histograms = Array.from({ length: series / SERIES_PER_METRIC }, (_, index) =>
    meter.createHistogram(`bench.duration.${index}`, { unit: 's' }),
  );
  return () => {
    for (const histogram of histograms) {
      for (let n = 0; n < SERIES_PER_METRIC * VALUES_PER_SERIES; n++) {
        const route = `/api/resources/${n % SERIES_PER_METRIC}/:id`;
        histogram.record(durationMs(n) / 1000, { 'http.route': route, 'http.request.method': 'GET' });
      }
    }
  };
}
