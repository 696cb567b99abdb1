// 100 viewers of the stream against a bare broadcast of the same bytes.
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { createCollectorServer, type ServerSources } from '../src/collector/server/server.ts';
import { startCollector } from '../src/collector/start.ts';
import { type Config, readConfig } from '../src/config/config.ts';
import type { Health, Snapshot } from '../src/core/snapshot.ts';
import { DeltaMeterProvider } from '../src/metrics/meter-provider.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { cpuMs as cpuNowMs, interleaved, median, pairedRatio, spread } from './measure.ts';

const VIEWERS = 100;
const ROUNDS = 9;
const TICKS = 20;
const SNAPSHOT_CHARACTERS = 30_000;
const TIMES_MAX = 1.05;
const COUNTED_TICKS = 3;
const TOKEN = 'bench-bench-bench-bench';

/** Somebody who sends to all viewers. */
interface Broadcaster {
  readonly url: string;
  broadcast(json: string): void;
  shutdown(): Promise<unknown>;
}

export async function run(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nervecenter-bench-'));
  try {
    return [await serialisations(configOf(directory)), await costOfBroadcast(configOf(directory))];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function configOf(dataDir: string): Config {
  const settings = {
    NERVECENTER_PORT: '0',
    NERVECENTER_OTLP_PORT: 'off',
    NERVECENTER_OTLP_GRPC_PORT: 'off',
    NERVECENTER_STORAGE: 'off',
    NERVECENTER_INTERVAL_MS: '1000',
  };
  return readConfig({ ...settings, NERVECENTER_ADMIN_TOKEN: TOKEN, NERVECENTER_DATA_DIR: dataDir }, dataDir);
}

function viewersOf(url: string): Child {
  const address = `${url.replace(/^http/, 'ws')}/api/metrics/stream`;
  return new Child('viewers.ts', { args: [address, String(VIEWERS), TOKEN] });
}

/** How often a whole collector serialises a snapshot per tick. */
async function serialisations(config: Config): Promise<Figure> {
  const collector = await startCollector({ config, log: () => {}, host: null });
  const viewers = viewersOf(collector.url);
  const { stringify } = JSON;
  try {
    while ((await viewers.next()) !== 'open');
    await viewers.next();
    let count = 0;
    JSON.stringify = ((value: unknown, ...rest: []) => {
      if (typeof value === 'object' && value !== null && 'boot_id' in value) count++;
      return stringify(value, ...rest);
    }) as typeof JSON.stringify;
    for (let tick = 0; tick < COUNTED_TICKS; tick++) await viewers.next();
    const perTick = count / COUNTED_TICKS;
    return {
      what: `serialisations per tick with ${VIEWERS} viewers`,
      budget: '1',
      within: perTick === 1,
      ours: String(perTick),
      raw: `${count} in ${COUNTED_TICKS} ticks of a whole collector`,
    };
  } finally {
    JSON.stringify = stringify;
    await viewers.stop();
    await collector.shutdown(1000);
  }
}

async function costOfBroadcast(config: Config): Promise<Figure> {
  const ours = await collectorServer(config);
  const bare = await bareServer((json) => Buffer.from(frameText(json)));
  const naive = await bareServer(frameText);
  const all = { ours, bare, naive };
  const viewers = Object.values(all).map(({ url }) => viewersOf(url));
  try {
    for (const child of viewers) while ((await child.next()) !== 'open');
    const [a, b, c] = viewers;
    if (a === undefined || b === undefined || c === undefined) throw new Error('viewers are missing');
    const samples = await interleaved(ROUNDS, {
      ours: () => costPerTick(ours, a),
      bare: () => costPerTick(bare, b),
      naive: () => costPerTick(naive, c),
    });
    const times = pairedRatio(samples.ours, samples.bare);
    return {
      what: `CPU of one tick to ${VIEWERS} viewers, snapshot of ${SNAPSHOT_CHARACTERS / 1000} kB`,
      budget: `<= ${TIMES_MAX} x a bare \`ws\` broadcast`,
      within: times <= TIMES_MAX,
      ours: `${times.toFixed(2)} x`,
      peers: `\`ws\` with text per viewer ${pairedRatio(samples.naive, samples.bare).toFixed(2)} x`,
      raw: `${spread(samples.ours, 'ms')} (${((median(samples.ours) * 1000) / VIEWERS).toFixed(1)} µs per viewer); bare ${spread(samples.bare, 'ms')}; text per viewer ${spread(samples.naive, 'ms')}`,
    };
  } finally {
    await Promise.all(viewers.map((child) => child.stop()));
    await Promise.all(Object.values(all).map((server) => server.shutdown()));
  }
}

function frameText(json: string): string {
  return `{"type":"metrics_snapshot","data":${json}}`;
}

async function costPerTick(server: Broadcaster, viewers: Child): Promise<number> {
  let cpuMs = 0;
  for (let tick = 0; tick < TICKS; tick++) {
    const json = JSON.stringify({ tick, text: 'x'.repeat(SNAPSHOT_CHARACTERS) });
    const received = viewers.next();
    const before = cpuNowMs();
    server.broadcast(json);
    await received;
    cpuMs += cpuNowMs() - before;
  }
  return cpuMs / TICKS;
}

async function collectorServer(config: Config): Promise<Broadcaster> {
  const sources: ServerSources = {
    snapshot: () => ({}) as Snapshot,
    latestSnapshotJson: () => '',
    health: () => ({}) as Health,
    metricFamilies: () => [],
  };
  const assetsDir = join(config.dataDir, 'no-dashboard');
  const server = createCollectorServer({
    config,
    adminTokens: [TOKEN],
    sources,
    meter: new DeltaMeterProvider().getMeter(),
    assetsDir,
    log: () => {},
  });
  const { url } = await server.start();
  return { url, broadcast: (json) => server.broadcast(json), shutdown: () => server.shutdown() };
}

/** The example of `ws`' own documentation. */
async function bareServer(frame: (json: string) => Buffer | string): Promise<Broadcaster> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    broadcast: (json) => {
      const data = frame(json);
      for (const client of server.clients) client.send(data, { binary: false });
    },
    shutdown: () => new Promise((resolve) => server.close(resolve)),
  };
}
