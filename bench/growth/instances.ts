// What a collector costs as the processes grow that send to it.
import { rmSync } from 'node:fs';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { SECOND_MS } from '../../src/core/units.ts';
import { reachableTempDir } from '../../test/support/postgres.ts';
import type { Child } from '../child.ts';
import { round } from '../measure.ts';
import type { Order, Usage } from './app.ts';
import { type Curve, seriesOf } from './curve.ts';
import { type AloneCollector, type CollectorUsage, startAlone, startJoined, TOKEN } from './setup.ts';

const STEPS = [1, 3, 10, 30, 100];
const TRAFFIC: Order = { perSecond: 10, routes: 5, settleSeconds: 3, seconds: 4 };
/** So many start at once. */
const STARTED_TOGETHER = 5;
const BYTES_PER_MIB = 2 ** 20;
/** Of `docs/limits.md`. */
const OWN_FIGURES_MAX = 500;

interface Step {
  readonly x: number;
  readonly cpuMs: number;
  readonly mib: number;
}

export async function instancesCurve(): Promise<Curve> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const collector = await startAlone(dataDir);
  const apps: Child[] = [];
  try {
    const steps: Step[] = [];
    for (const x of STEPS) {
      while (apps.length < x) {
        const missing = Math.min(STARTED_TOGETHER, x - apps.length);
        apps.push(
          ...(await Promise.all(Array.from({ length: missing }, () => startJoined(collector, dataDir)))),
        );
      }
      steps.push({ x, ...(await measured(collector, apps)) });
    }
    const joined = await joinedBy(collector);
    if (joined < apps.length) throw new Error(`${joined} of ${apps.length} processes have joined`);
    return curveOf(steps);
  } finally {
    await Promise.all([...apps, collector.child].map((child) => child.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** What the collector takes a second while all of them record, and then has. */
async function measured({ child }: AloneCollector, apps: readonly Child[]): Promise<Omit<Step, 'x'>> {
  const settle = { ...TRAFFIC, seconds: TRAFFIC.settleSeconds, settleSeconds: 0 };
  await Promise.all(apps.map((app) => app.ask<Usage>(settle)));
  const [before, beganMs] = [await child.ask<CollectorUsage>('usage'), performance.now()];
  await Promise.all(apps.map((app) => app.ask<Usage>({ ...TRAFFIC, settleSeconds: 0 })));
  const after = await child.ask<CollectorUsage>('usage');
  const seconds = (performance.now() - beganMs) / SECOND_MS;
  return { cpuMs: (after.cpuMs - before.cpuMs) / seconds, mib: after.residentBytes / BYTES_PER_MIB };
}

async function joinedBy({ url }: AloneCollector): Promise<number> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const response = await fetch(`${url}/api/metrics/snapshot`, { headers });
  return ((await response.json()) as Snapshot).instances.length;
}

function curveOf(steps: readonly Step[]): Curve {
  const most = steps.at(-1);
  const perInstance = ((most?.cpuMs ?? 0) - (steps[0]?.cpuMs ?? 0)) / ((most?.x ?? 0) - 1);
  return {
    title: `Instances: one collector alone, ${TRAFFIC.perSecond} requests a second from each process, no storage`,
    x: 'processes',
    panels: [
      {
        y: 'CPU of the collector, ms a second',
        series: [seriesOf('collector', steps, ({ cpuMs }) => cpuMs)],
      },
      { y: 'resident memory of the collector, MiB', series: [seriesOf('memory', steps, ({ mib }) => mib)] },
    ],
    limit: limitOf(most?.x ?? 0, perInstance),
  };
}

function limitOf(most: number, perInstanceMs: number): string {
  const full = Math.round(SECOND_MS / perInstanceMs);
  const first =
    full < OWN_FIGURES_MAX
      ? `the first is its thread, which some ${round(full)} processes fill`
      : `the first is the bound of ${OWN_FIGURES_MAX} instances with figures of their own; further ones are \`<other>\``;
  return `none up to ${most} processes. Each takes ${round(perInstanceMs)} ms a second of the collector's thread, so that ${first}.`;
}
