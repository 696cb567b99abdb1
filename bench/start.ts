// How much later an app's first line runs, and how much memory it costs.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { MIB } from '../src/core/units.ts';
import { reachableTempDir } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { median, round, spread } from './measure.ts';
import { peerPath } from './peers.ts';

const ROUNDS = 7;
const START_MS_MAX = 100;
const RSS_MIB_MAX = 25;
/** The collector starts 100 ms after the app and embedded Postgres takes seconds on its first start. */
const AT_REST_MS = 6000;

interface Started {
  readonly sinceStartMs: number;
  readonly cpuMs: number;
  readonly rss: number;
}

interface Variant {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const NAMES = ['bare', 'nervecenter', 'nervecenterOff', 'sdkNode', 'instrumentationHttp', 'auto'] as const;
type Name = (typeof NAMES)[number];

function variants(dataDir: string): Readonly<Record<Name, Variant>> {
  const preload = (name: string) => ['--require', join(import.meta.dirname, 'apps', `${name}.cjs`)];
  const agent = ['--require', join(import.meta.dirname, '..', 'otel.js')];
  const agentEnv = { NERVECENTER_PORT: '0', NERVECENTER_DATA_DIR: dataDir, HOME: dataDir };
  // Nobody listens there: exporting is not what is measured.
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  return {
    bare: { flags: [], env: {} },
    nervecenter: { flags: agent, env: agentEnv },
    nervecenterOff: { flags: agent, env: { ...agentEnv, NERVECENTER_STORAGE: 'off' } },
    sdkNode: { flags: preload('preload-sdk-node'), env },
    instrumentationHttp: { flags: preload('preload-instrumentation-http'), env },
    auto: {
      flags: ['--require', peerPath('@opentelemetry/auto-instrumentations-node/register')],
      env,
    },
  };
}

export async function run(): Promise<Figure[]> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  try {
    const all = variants(dataDir);
    const starts = Object.fromEntries(NAMES.map((name) => [name, [] as Started[]])) as Record<
      Name,
      Started[]
    >;
    for (let round = 0; round <= ROUNDS; round++) {
      for (const name of NAMES) {
        const started = await startOnce(all[name]);
        if (round > 0) starts[name].push(started);
      }
    }
    return figures(starts, await memoryAtRest(all));
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function startOnce({ flags, env }: Variant): Promise<Started> {
  const child = new Child(join('apps', 'started.cjs'), { flags, env });
  const started = await child.next<Started>();
  await child.stop();
  return started;
}

/** All at once: memory does not depend on how busy the machine is. */
async function memoryAtRest(all: Readonly<Record<Name, Variant>>): Promise<Readonly<Record<Name, number>>> {
  const entries = NAMES.map(async (name) => {
    const child = new Child(join('apps', 'started.cjs'), all[name]);
    await child.next();
    await wait(AT_REST_MS);
    const { rss } = await child.ask<{ rss: number }>('rss');
    await child.stop();
    return [name, rss / MIB] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<Name, number>;
}

const PEERS: readonly (readonly [Name, string])[] = [
  ['sdkNode', 'sdk-node'],
  ['instrumentationHttp', 'sdk-node + instrumentation-http'],
  ['auto', 'auto-instrumentations-node'],
];

function figures(
  starts: Readonly<Record<Name, readonly Started[]>>,
  atRest: Readonly<Record<Name, number>>,
): Figure[] {
  const values = (name: Name, pick: (started: Started) => number) => starts[name].map(pick);
  const added = (name: Name, pick: (started: Started) => number) =>
    median(values(name, pick)) - median(values('bare', pick));
  const figure = (what: string, unit: string, pick: (started: Started) => number, budget?: number) => ({
    what,
    ...(budget === undefined
      ? {}
      : { budget: `<= ${budget} ${unit}`, within: added('nervecenter', pick) <= budget }),
    ours: `+${round(added('nervecenter', pick))} ${unit}`,
    peers: PEERS.map(([name, title]) => `${title} +${round(added(name, pick))} ${unit}`).join('; '),
    raw: NAMES.filter((name) => name !== 'nervecenterOff')
      .map((name) => `${title(name)} ${spread(values(name, pick), unit)}`)
      .join('; '),
  });
  return [
    figure("time to the app's first line", 'ms', ({ sinceStartMs }) => sinceStartMs, START_MS_MAX),
    figure("CPU time to the app's first line", 'ms', ({ cpuMs }) => cpuMs),
    figure("RSS at the app's first line (the agent alone)", 'MiB', ({ rss }) => rss / MIB, RSS_MIB_MAX),
    {
      what: `RSS of the process ${AT_REST_MS / 1000} s later, the collector's thread included`,
      ours: `+${round(atRest.nervecenter - atRest.bare)} MiB (storage off +${round(atRest.nervecenterOff - atRest.bare)} MiB)`,
      peers: PEERS.map(([name, title]) => `${title} +${round(atRest[name] - atRest.bare)} MiB`).join('; '),
      raw: NAMES.map((name) => `${title(name)} ${round(atRest[name])} MiB`).join('; '),
    },
  ];
}

function title(name: Name): string {
  const own: Partial<Record<Name, string>> = { nervecenterOff: 'nervecenter, storage off' };
  return own[name] ?? PEERS.find(([peer]) => peer === name)?.[1] ?? name;
}
