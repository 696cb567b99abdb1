// What it costs the app's thread to have a model call observed.
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { reachableTempDir } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, round, type Samples, spread } from './measure.ts';

/**
 * With so many calls that what is done in the meantime without them, a row of its own, weighs little, and what is exported now
 * and then is in each round.
 */
const ROUNDS = 24;
const CALLS = { once: 200, stream: 80, idle: 1 } as const;
/** Of the cheaper peer. */
const SHARE_MAX = 0.5;
type Kind = keyof typeof CALLS;

/** Less than this is lost between two rounds. */
const LEAST_MEASURED_MICROS = 25;

const BARE = 'no agent';
const OURS = 'nervecenter';
const PEERS = ['OpenLLMetry-JS', 'instrumentation-openai'] as const;
type Name = typeof BARE | typeof OURS | (typeof PEERS)[number];

export async function run(): Promise<Figure[]> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const sink = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const provider = new Child('llm-provider.ts');
  const { port } = await provider.next<{ port: number }>();
  const clients = startClients(port, (sink.address() as AddressInfo).port, dataDir);
  try {
    for (const client of Object.values(clients)) await client.next();
    return [
      figure('0.35 s in which nothing is called', await measured(clients, 'idle'), null),
      figure('a call, not streamed', await measured(clients, 'once'), SHARE_MAX),
      figure('a call, streamed in 200 chunks', await measured(clients, 'stream'), SHARE_MAX),
    ];
  } finally {
    await Promise.all([provider, ...Object.values(clients)].map((child) => child.stop()));
    sink.closeAllConnections();
    sink.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function startClients(port: number, sinkPort: number, dataDir: string): Record<Name, Child> {
  const args = [`http://127.0.0.1:${port}/v1`];
  const otlp = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sinkPort}`,
    // As often as our own events are handed over: the export is part of the cost.
    OTEL_BSP_SCHEDULE_DELAY: '250',
    // Both measure calls as well, as we do; frames of ours go out once a second.
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_METRIC_EXPORT_TIMEOUT: '1000',
  };
  const agentEnv = { NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: dataDir, HOME: dataDir };
  const client = (preload: string | null, env: Record<string, string>) =>
    new Child(join('apps', 'llm-client.cjs'), {
      flags: preload === null ? [] : ['--require', preload],
      env,
      args,
    });
  const app = (name: string) => join(import.meta.dirname, 'apps', `${name}.cjs`);
  return {
    [BARE]: client(null, {}),
    [OURS]: client(join(import.meta.dirname, '..', 'otel.js'), { ...agentEnv, NERVECENTER_STORAGE: 'off' }),
    'OpenLLMetry-JS': client(app('preload-openllmetry-openai'), otlp),
    'instrumentation-openai': client(app('preload-instrumentation-openai'), otlp),
  };
}

function measured(clients: Record<Name, Child>, kind: Kind): Promise<Samples<Name>> {
  const ask = (name: Name) => () => clients[name].ask<number>({ kind, calls: CALLS[kind] });
  return interleaved(ROUNDS, {
    [BARE]: ask(BARE),
    [OURS]: ask(OURS),
    'OpenLLMetry-JS': ask('OpenLLMetry-JS'),
    'instrumentation-openai': ask('instrumentation-openai'),
  });
}

/** What observation adds to the bare call, by the median of the rounds: each was as disturbed with as without it. */
function added(samples: Samples<Name>, name: Name): number {
  return median(samples[name].map((micros, at) => micros - (samples[BARE][at] ?? Number.NaN)));
}

/** Of what adds nothing that can be measured there is none. */
function ratio(ours: number, theirs: number): string {
  return theirs < LEAST_MEASURED_MICROS ? '' : ` (ours ${(ours / theirs).toFixed(2)} x)`;
}

function figure(what: string, samples: Samples<Name>, shareMax: number | null): Figure {
  const ours = added(samples, OURS);
  const cheaper = Math.min(...PEERS.map((peer) => added(samples, peer)));
  const share = (peer: Name) =>
    `${round(added(samples, peer))} µs by ${peer}${ratio(ours, added(samples, peer))}`;
  return {
    what: `CPU of the app's thread added to ${what}`,
    ...(shareMax !== null && {
      budget: `<= ${shareMax} of the cheaper peer`,
      within: ours <= shareMax * cheaper,
    }),
    ours: `${round(ours)} µs`,
    peers: PEERS.map(share).join('; '),
    raw: `with everything: ${[BARE, OURS, ...PEERS]
      .map((name) => `${name} ${spread(samples[name as Name], 'µs')}`)
      .join('; ')}`,
  };
}
