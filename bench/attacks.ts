// What viewers who read notice, and what the collector holds, while others do harm to it over bare sockets.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { MIB, SECOND_MS } from '../src/core/units.ts';
import {
  type Attack,
  connectAndLeave,
  deafViewers,
  pipelines,
  slowRequests,
  type Target,
} from '../test/support/attacks/attackers.ts';
import { freePort, WITHOUT_OTLP } from '../test/support/free-port.ts';
import { reachableTempDir } from '../test/support/postgres.ts';
import type { Seen } from './attacks/viewers.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { type AloneCollector, startJoined, TOKEN } from './growth/setup.ts';
import { quantile, round } from './measure.ts';
import type { MemoryNow } from './soak/memory.ts';

const HONEST = 80;
const DEAF = 20;
const SLOW = 200;
const PIPELINED = 200;
const CONNECTS_PER_SECOND = 1000;
const SECONDS = 10;
/** Connections are opened so many at a time. */
const STEP_MS = 50;
const LOOK_MS = 250;
const LATE_MS_MAX = 100;
const GROWN_MAX = 64 * MIB;
/** Routes that the snapshot has, which is some 100 KB by that. */
const ROUTES = 200;
const FILLING = { perSecond: 400, routes: ROUTES, settleSeconds: 1, seconds: 2 };

/** What is done for ten seconds; gives what is to be ended behind it. */
type Harm = (target: Target) => Promise<Attack | null>;

const HARMS: Readonly<Record<string, Harm>> = {
  'nothing else happens': async () => {
    await wait(SECONDS * SECOND_MS);
    return null;
  },
  [`${DEAF} viewers more never read`]: (target) => lasting(deafViewers(target, DEAF)),
  [`${CONNECTS_PER_SECOND.toLocaleString('en')} connections a second come and go`]: async (target) => {
    const beganMs = performance.now();
    const open: Promise<void>[] = [];
    for (let step = 0; step < (SECONDS * SECOND_MS) / STEP_MS; step++) {
      open.push(connectAndLeave(target, (CONNECTS_PER_SECOND * STEP_MS) / SECOND_MS));
      await wait(Math.max(0, beganMs + (step + 1) * STEP_MS - performance.now()));
    }
    await Promise.all(open);
    return null;
  },
  [`${SLOW} requests come byte by byte or never end`]: (target) => lasting(slowRequests(target, SLOW)),
  [`${PIPELINED} connections ask a thousand times each and read nothing`]: (target) =>
    lasting(pipelines(target, PIPELINED)),
};

async function lasting(beginning: Promise<Attack>): Promise<Attack> {
  const attack = await beginning;
  await wait(SECONDS * SECOND_MS);
  return attack;
}

export async function run(): Promise<Figure[]> {
  const home = reachableTempDir('nervecenter-bench-');
  const collector = await startCollector(home);
  const app = await startJoined(collector, home);
  await app.ask(FILLING);
  const address = `${collector.url.replace('http', 'ws')}/api/metrics/stream`;
  const viewers = new Child(join('attacks', 'viewers.ts'), { args: [address, TOKEN, String(HONEST)] });
  try {
    await viewers.next();
    const target = { port: Number(new URL(collector.url).port), token: TOKEN };
    const figures: Figure[] = [];
    for (const [what, harm] of Object.entries(HARMS)) {
      figures.push(await under(what, () => harm(target), { collector: collector.child, viewers }));
    }
    return figures;
  } finally {
    for (const child of [viewers, app, collector.child]) await child.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

async function startCollector(home: string): Promise<AloneCollector> {
  const env = {
    ...WITHOUT_OTLP,
    NERVECENTER_STORAGE: 'off',
    NERVECENTER_INTERVAL_MS: '1000',
    NERVECENTER_PORT: String(await freePort()),
    NERVECENTER_DATA_DIR: home,
    NERVECENTER_ADMIN_TOKEN: TOKEN,
  };
  const child = new Child(join('attacks', 'collector.ts'), {
    env: { ...env, HOME: home },
    flags: ['--expose-gc'],
  });
  return { child, url: await child.next<string>(), env };
}

const usedBytes = ({ heapBytes, bufferBytes }: MemoryNow) => heapBytes + bufferBytes;

async function under(
  what: string,
  harm: () => Promise<Attack | null>,
  { collector, viewers }: Readonly<Record<'collector' | 'viewers', Child>>,
): Promise<Figure> {
  const held = () => collector.ask<MemoryNow>('held');
  const before = await held();
  await viewers.ask<Seen>('seen');
  const memories: MemoryNow[] = [];
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      memories.push(await held());
      await wait(LOOK_MS);
    }
  };
  const looking = look();
  const attack = await harm();
  isOver = true;
  await looking;
  const { latenessMs, missed } = await viewers.ask<Seen>('seen');
  attack?.stop();
  await wait(2 * SECOND_MS);
  const after = await held();
  const grown = Math.max(...memories.map(usedBytes)) - usedBytes(before);
  const resident = Math.max(...memories.map(({ residentBytes }) => residentBytes));
  const mib = (bytes: number) => `${round(bytes / MIB)} MiB`;
  const worst = Math.max(...latenessMs);
  return {
    what: `while ${what}: the latest of ${HONEST} viewers to have a snapshot after it was made; memory in use more than before`,
    budget: `<= ${LATE_MS_MAX} ms, none missed; <= ${mib(GROWN_MAX)}`,
    within: worst <= LATE_MS_MAX && missed === 0 && grown <= GROWN_MAX,
    ours: `${round(worst)} ms, ${missed} missed; ${mib(grown)}`,
    raw: `p50 ${round(quantile(latenessMs, 0.5))}, p99 ${round(quantile(latenessMs, 0.99))} ms of ${latenessMs.length.toLocaleString('en')}; resident ${mib(before.residentBytes)} before, ${mib(resident)} at most, ${mib(after.residentBytes)} after`,
  };
}
