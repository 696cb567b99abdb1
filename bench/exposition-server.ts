// One server with 10,000 series behind `/metrics`, as `exposition.ts` asks for. It reports the longest stretch for which a
// scrape held up its event loop.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { Live } from '../src/collector/live/live.ts';
import { createCollectorServer, type ServerSources } from '../src/collector/server/server.ts';
import { readConfig } from '../src/config/config.ts';
import type { Attributes } from '../src/core/frame.ts';
import type { Health, Snapshot } from '../src/core/snapshot.ts';
import { MINUTE_MS, milliseconds } from '../src/core/units.ts';
import { SnapshotReader } from '../src/metrics/snapshot-reader.ts';
import { cpuMs as cpuNowMs } from './measure.ts';
import { type PromClient, peer } from './peers.ts';
import { durationMs } from './synthetic.ts';

export type Kind = 'nervecenter' | 'prom-client' | 'exporter-prometheus';

/** The longest stretch of one scrape, on the clock and in CPU time, and the whole scrape's CPU time. */
export interface Blocked {
  readonly longestMs: number;
  readonly longestCpuMs: number;
  readonly cpuMs: number;
}

const METRICS = 10;
const SERIES_PER_METRIC = 1000;
const VALUES_PER_SERIES = 20;
/** As many buckets as nervecenter shows of so many series (powers of two). */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5];

type Record = (value: number, attributes: Readonly<{ method: string; route: string }>) => void;
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function fill(recorders: readonly Record[]): void {
  for (const record of recorders) {
    for (let series = 0; series < SERIES_PER_METRIC; series++) {
      const attributes = { method: 'GET', route: `/api/resources/${series}/:id` };
      for (let n = 0; n < VALUES_PER_SERIES; n++) record(durationMs(series + n) / 1000, attributes);
    }
  }
}

function names(separator: string): string[] {
  return Array.from({ length: METRICS }, (_, index) => ['bench', 'duration', index].join(separator));
}

/** The collector's own server over what an agent's frame brought. */
async function ours(): Promise<number> {
  const reader = new SnapshotReader();
  const meter = new MeterProvider({ readers: [reader] }).getMeter('bench');
  fill(
    names('.').map((name) => {
      const histogram = meter.createHistogram(name, { unit: 's' });
      return (value, attributes: Attributes) => histogram.record(value, attributes);
    }),
  );
  const live = new Live({
    service: 'bench',
    bootId: 'bench',
    windowMs: milliseconds(5 * MINUTE_MS),
    now: () => milliseconds(Date.now()),
    pipeline: () => {
      throw new Error('not asked for by a scrape');
    },
  });
  const points = await reader.collectPoints();
  live.merge('bench', { points, dropped: {} });
  const sources: ServerSources = {
    snapshot: () => ({}) as Snapshot,
    latestSnapshotJson: () => '',
    health: () => ({}) as Health,
    metricFamilies: () => live.metricFamilies(),
  };
  const server = createCollectorServer({
    config: readConfig({ NERVECENTER_PORT: '0' }, tmpdir()),
    adminTokens: ['bench-bench-bench-bench'],
    sources,
    meter,
    assetsDir: join(tmpdir(), 'no-dashboard'),
    log: () => {},
  });
  return (await server.start()).port;
}

async function promClient(): Promise<number> {
  const { Histogram, Registry } = peer<PromClient>('prom-client');
  const registry = new Registry();
  fill(
    names('_').map((name) => {
      const labelNames = ['method', 'route'];
      const options = { name, help: 'bench', labelNames, buckets: BUCKETS, registers: [registry] };
      const histogram = new Histogram(options);
      return (value, labels) => histogram.observe(labels, value);
    }),
  );
  return listen(async (_request, response) => {
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  });
}

interface Exporter {
  getMetricsRequestHandler(request: IncomingMessage, response: ServerResponse): void;
}

async function exporterPrometheus(): Promise<number> {
  const { MeterProvider: Provider } = peer<typeof import('@opentelemetry/sdk-metrics')>(
    '@opentelemetry/sdk-metrics',
  );
  const { PrometheusExporter } = peer<{ PrometheusExporter: new (options: object) => Exporter }>(
    '@opentelemetry/exporter-prometheus',
  );
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meter = new Provider({ readers: [exporter as never] }).getMeter('bench');
  fill(
    names('.').map((name) => {
      const advice = { explicitBucketBoundaries: BUCKETS };
      const histogram = meter.createHistogram(name, { unit: 's', advice });
      return (value, attributes) => histogram.record(value, attributes);
    }),
  );
  return listen((request, response) => exporter.getMetricsRequestHandler(request, response));
}

async function listen(handler: Handler): Promise<number> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Looks at the clock in every turn of the event loop; a turn is what everything else has to wait for. */
class TurnWatch {
  #watching = false;
  #blocked: Blocked = { longestMs: 0, longestCpuMs: 0, cpuMs: 0 };

  begin(): void {
    this.#watching = true;
    this.#blocked = { longestMs: 0, longestCpuMs: 0, cpuMs: 0 };
    this.#turn(performance.now(), cpuNowMs());
  }

  end(): Blocked {
    this.#watching = false;
    return this.#blocked;
  }

  #turn(sinceMs: number, sinceCpuMs: number): void {
    setImmediate(() => {
      if (!this.#watching) return;
      const [nowMs, nowCpuMs] = [performance.now(), cpuNowMs()];
      const { longestMs, longestCpuMs, cpuMs } = this.#blocked;
      this.#blocked = {
        longestMs: Math.max(longestMs, nowMs - sinceMs),
        longestCpuMs: Math.max(longestCpuMs, nowCpuMs - sinceCpuMs),
        cpuMs: cpuMs + nowCpuMs - sinceCpuMs,
      };
      this.#turn(nowMs, nowCpuMs);
    });
  }
}

const STARTERS = {
  nervecenter: ours,
  'prom-client': promClient,
  'exporter-prometheus': exporterPrometheus,
} as const;

const watch = new TurnWatch();
process.on('message', (question) => {
  if (question === 'begin') watch.begin();
  process.send?.(question === 'begin' ? 'watching' : watch.end());
});
process.on('disconnect', () => process.exit());
process.send?.({ port: await STARTERS[process.argv[2] as Kind]() });
