// How much of a hello-world server's throughput is left with each kind of observation in front of it.
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reachableTempDir } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure, PartOptions } from './figure.ts';
import type { Load } from './load.ts';
import { least, median, pairedRatio, round } from './measure.ts';
import { peerPath } from './peers.ts';

const ROUNDS = 9;
const REQUESTS = 8000;
/** Until V8 has compiled what a server at work runs: of the first seconds it would be most of what any observer costs. */
const WARM_UP_REQUESTS = 60_000;
const CONNECTIONS = 32;
/** Of the app's thread, and no less than what is left with prom-client; of all threads. */
const THREAD_KEPT_MIN = 0.92;
const PROCESS_KEPT_MIN = 0.75;
/** What a server still does for a round belongs to that round: it is waited for until it uses less than this share of a core. */
const IDLE_SHARE = 0.1;
const IDLE_CHECK_MS = 50;
const IDLE_CHECKS_MAX = 60;

interface Cpu {
  readonly process: number;
  readonly thread: number;
}

interface Server {
  readonly name: string;
  readonly child: Child;
  readonly port: number;
  readonly rounds: Round[];
}

/** Of one request, in microseconds. */
interface Round {
  readonly elapsedUs: number;
  readonly threadUs: number;
  readonly processUs: number;
}

const BARE = 'no agent';
const OFF = 'nervecenter, storage off';
const PROM = 'prom-client middleware';
const ON = 'nervecenter';

export async function run({ before }: Partial<PartOptions> = {}): Promise<Figure[]> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const sink = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const load = new Child('load.ts');
  const servers: Server[] = [];
  try {
    for (const start of starters(dataDir, (sink.address() as AddressInfo).port, before)) {
      servers.push(await start());
      await idle(servers.at(-1)?.child);
    }
    for (const server of servers) await measure(server, load, WARM_UP_REQUESTS);
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of servers) server.rounds.push(await measure(server, load, REQUESTS));
    }
  } finally {
    await Promise.all([load, ...servers.map(({ child }) => child)].map((child) => child.stop()));
    sink.closeAllConnections();
    sink.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  return figures(servers);
}

function starters(dataDir: string, sinkPort: number, before: string | undefined): (() => Promise<Server>)[] {
  const agentOf = (checkout: string) => ['--require', join(checkout, 'otel.js')];
  const agent = agentOf(join(import.meta.dirname, '..'));
  const agentEnv = { NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: dataDir, HOME: dataDir };
  const otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sinkPort}` };
  const preload = (name: string) => ['--require', join(import.meta.dirname, 'apps', `${name}.cjs`)];
  const server =
    (name: string, flags: string[] = [], env: Record<string, string> = {}, app = 'hello') =>
    async (): Promise<Server> => {
      const child = new Child(join('apps', `${app}.cjs`), { flags, env });
      const { port } = await child.next<{ port: number }>();
      return { name, child, port, rounds: [] };
    };
  return [
    server(BARE),
    server(OFF, agent, { ...agentEnv, NERVECENTER_STORAGE: 'off' }),
    server(ON, agent, agentEnv),
    ...(before === undefined
      ? []
      : [
          server(`${OFF}, before`, agentOf(before), { ...agentEnv, NERVECENTER_STORAGE: 'off' }),
          server(`${ON}, before`, agentOf(before), {
            ...agentEnv,
            NERVECENTER_DATA_DIR: join(dataDir, 'before'),
          }),
        ]),
    server(PROM, [], {}, 'hello-prom-client'),
    server('instrumentation-http, metrics only', preload('preload-instrumentation-http-metrics')),
    server('instrumentation-http', preload('preload-instrumentation-http'), otlp),
    server(
      'auto-instrumentations-node',
      ['--require', peerPath('@opentelemetry/auto-instrumentations-node/register')],
      otlp,
    ),
  ];
}

async function measure({ child, port }: Server, load: Child, requests: number): Promise<Round> {
  const before = await child.ask<Cpu>('cpu');
  const order: Load = { port, requests, connections: CONNECTIONS };
  const elapsedMs = await load.ask<number>(order);
  const answered = await child.ask<Cpu>('cpu');
  const settled = await idle(child);
  return {
    elapsedUs: (elapsedMs * 1000) / requests,
    threadUs: (answered.thread - before.thread) / requests,
    processUs: (settled.process - before.process) / requests,
  };
}

/** Waits until the process is at rest. */
async function idle(child: Child | undefined): Promise<Cpu> {
  let cpu: Cpu = { process: 0, thread: 0 };
  for (let check = 0; check < IDLE_CHECKS_MAX && child !== undefined; check++) {
    const next = await child.ask<Cpu>('cpu');
    if (next.process - cpu.process < IDLE_SHARE * IDLE_CHECK_MS * 1000) return next;
    cpu = next;
    await wait(IDLE_CHECK_MS);
  }
  return cpu;
}

const ASPECTS = [
  { key: 'elapsedUs', what: 'requests per second kept', min: null, asProm: false },
  {
    key: 'threadUs',
    what: "share of the app thread's CPU left for the app",
    min: THREAD_KEPT_MIN,
    asProm: true,
  },
  {
    key: 'processUs',
    what: "share of the process's CPU left, all threads",
    min: PROCESS_KEPT_MIN,
    asProm: false,
  },
] as const;

function figures(servers: readonly Server[]): Figure[] {
  const bare = servers.find(({ name }) => name === BARE);
  if (bare === undefined) return [];
  return ASPECTS.map(({ key, what, min, asProm }) => {
    const values = ({ rounds }: Server) => rounds.map((costs) => costs[key]);
    const kept = (name: string) => {
      const server = servers.find((candidate) => candidate.name === name);
      return server === undefined ? Number.NaN : pairedRatio(values(bare), values(server));
    };
    const prom = asProm ? kept(PROM) : 0;
    const peers = servers.filter(({ name }) => name !== BARE && name !== ON && name !== OFF);
    return {
      what,
      ...(min !== null && {
        budget: `>= ${min}${asProm ? ' and >= prom-client' : ''}`,
        within: kept(ON) >= Math.max(min, prom),
      }),
      ours: `${kept(ON).toFixed(2)} (storage off ${kept(OFF).toFixed(2)})`,
      peers: peers.map(({ name }) => `${name} ${kept(name).toFixed(2)}`).join('; '),
      raw: `µs per request, median (least): ${servers
        .map((server) => `${server.name} ${round(median(values(server)))} (${round(least(values(server)))})`)
        .join('; ')}`,
    };
  });
}
