// One sample of the machine, against OpenTelemetry's host metrics.
import { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { createHostSampler } from '../src/collector/host/sampler.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, pairedRatio, spread } from './measure.ts';
import { peer } from './peers.ts';

const ROUNDS = 15;
const SAMPLES = 10;
/** Asked again sooner, the peer answers what it found before. */
const PEER_CACHE_MS = 600;
const SAMPLE_MS_MAX = 1;

type OtelSdk = typeof import('@opentelemetry/sdk-metrics');

interface HostMetrics {
  readonly HostMetricsInstrumentation: new () => { setMeterProvider(provider: unknown): void };
}

export async function run(): Promise<Figure[]> {
  const sampler = createHostSampler({ dataDir: tmpdir() });
  const collect = hostMetrics();
  const spawned = { ours: 0, peer: 0 };
  const samples = await interleaved(ROUNDS, {
    ours: async () => {
      const cost = await spawnsCounted(() => repeated(() => sampler.sample()));
      spawned.ours += cost.spawns;
      return cost.cpuMs / SAMPLES;
    },
    peer: async () => {
      await wait(PEER_CACHE_MS);
      const cost = await spawnsCounted(() => collect());
      spawned.peer += cost.spawns;
      return cost.cpuMs;
    },
  });
  return [
    {
      what: 'one sample: CPU, memory, disks, network, limits',
      budget: `<= ${SAMPLE_MS_MAX} ms, no child process`,
      within: median(samples.ours) <= SAMPLE_MS_MAX && spawned.ours === 0,
      ours: `${median(samples.ours).toFixed(2)} ms, ${spawned.ours} child processes`,
      peers: `instrumentation-host-metrics, without disks, ${pairedRatio(samples.peer, samples.ours).toFixed(1)} x, ${(spawned.peer / (ROUNDS + 1)).toFixed(1)} child processes per sample`,
      raw: `CPU of the process: ${spread(samples.ours, 'ms')}; instrumentation-host-metrics ${spread(samples.peer, 'ms')} without its child processes`,
    },
  ];
}

async function repeated(work: () => Promise<unknown>): Promise<void> {
  for (let sample = 0; sample < SAMPLES; sample++) await work();
}

function hostMetrics(): () => Promise<unknown> {
  const { MeterProvider, AggregationTemporality, PeriodicExportingMetricReader } = peer<OtelSdk>(
    '@opentelemetry/sdk-metrics',
  );
  const { HostMetricsInstrumentation } = peer<HostMetrics>('@opentelemetry/instrumentation-host-metrics');
  const reader = new PeriodicExportingMetricReader({
    exporter: {
      export: (_metrics, done) => done({ code: 0 }),
      selectAggregationTemporality: () => AggregationTemporality.DELTA,
      forceFlush: async () => {},
      shutdown: async () => {},
    },
    exportIntervalMillis: 2 ** 30,
  });
  new HostMetricsInstrumentation().setMeterProvider(new MeterProvider({ readers: [reader] }));
  return () => reader.collect();
}

/** CPU of the whole process, because file systems are asked in the thread pool, and the processes started meanwhile. */
async function spawnsCounted(
  work: () => Promise<unknown>,
): Promise<{ readonly cpuMs: number; readonly spawns: number }> {
  const { spawn } = ChildProcess.prototype as unknown as { spawn: (...parameters: unknown[]) => unknown };
  let spawns = 0;
  Object.assign(ChildProcess.prototype, {
    spawn(this: ChildProcess, ...parameters: unknown[]) {
      spawns++;
      return spawn.apply(this, parameters);
    },
  });
  try {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return { cpuMs: (user + system) / 1000, spawns };
  } finally {
    Object.assign(ChildProcess.prototype, { spawn });
  }
}
