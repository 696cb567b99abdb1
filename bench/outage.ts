// What the app's latency is while its database is down, against while it is up: two apps alike, each with a server of its own,
// asked in turn; one server goes away after its app has begun to store.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reachableTempDir, startPostgres, urlOf } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, pairedRatio, quantile, round, type Samples } from './measure.ts';
import type { PacedLoad } from './paced-load.ts';

const ROUNDS = 15;
const REQUESTS = 2000;
const PER_SECOND = 500;
const CHANGE_MAX = 0.05;
/** Until the collector has noticed that its server is gone and waits between attempts. */
const SETTLE_MS = 3000;

interface App {
  readonly child: Child;
  readonly port: number;
  readonly dataDir: string;
}

export async function run(): Promise<Figure[]> {
  const servers = [await startPostgres(), await startPostgres()] as const;
  const load = new Child('paced-load.ts');
  const apps: App[] = [];
  try {
    for (const server of servers) apps.push(await startApp(urlOf(await server.createDatabase())));
    const [up, down] = apps;
    if (up === undefined || down === undefined) return [];
    for (const app of [up, down]) await latencies(load, app);
    await servers[1].halt();
    await wait(SETTLE_MS);
    const all = { up: [] as number[], down: [] as number[] };
    const p99 = (name: 'up' | 'down', app: App) => async () => {
      const measured = await latencies(load, app);
      all[name].push(...measured);
      return quantile(measured, 0.99);
    };
    const samples = await interleaved(ROUNDS, { up: p99('up', up), down: p99('down', down) });
    return [figure(samples, all)];
  } finally {
    await Promise.all([load, ...apps.map(({ child }) => child)].map((child) => child.stop()));
    for (const { dataDir } of apps) rmSync(dataDir, { recursive: true, force: true });
    for (const server of servers) await server.stop();
  }
}

async function startApp(databaseUrl: string): Promise<App> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const child = new Child(join('apps', 'hello.cjs'), {
    flags: ['--require', join(import.meta.dirname, '..', 'otel.js')],
    env: {
      NERVECENTER_PORT: '0',
      NERVECENTER_DATA_DIR: dataDir,
      HOME: dataDir,
      NERVECENTER_DATABASE_URL: databaseUrl,
    },
  });
  const { port } = await child.next<{ port: number }>();
  return { child, port, dataDir };
}

function latencies(load: Child, { port }: App): Promise<number[]> {
  const order: PacedLoad = { port, requests: REQUESTS, perSecond: PER_SECOND };
  return load.ask<number[]>(order);
}

function figure(samples: Samples<'up' | 'down'>, all: Record<'up' | 'down', number[]>): Figure {
  const ratio = pairedRatio(samples.down, samples.up);
  const raw = (name: 'up' | 'down') =>
    `${name}: p50 ${round(median(all[name]))}, p99 ${round(quantile(all[name], 0.99))} ms`;
  return {
    what: `the app's p99 with the database down, ${PER_SECOND} requests/s`,
    budget: `<= ${(1 + CHANGE_MAX).toFixed(2)} of that with it up`,
    within: ratio <= 1 + CHANGE_MAX,
    ours: `${ratio.toFixed(2)} x`,
    raw: `${raw('up')}; ${raw('down')}; ${ROUNDS} rounds of ${REQUESTS} requests each`,
  };
}
