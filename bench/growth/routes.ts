// What an app costs as the routes grow that its requests are spread over.
import { rmSync } from 'node:fs';
import { reachableTempDir } from '../../test/support/postgres.ts';
import { round } from '../measure.ts';
import type { Order, Usage } from './app.ts';
import { type Curve, seriesOf } from './curve.ts';
import { startApp } from './setup.ts';

const STEPS = [10, 30, 100, 200, 300, 1000, 3000, 10_000];
const PER_SECOND = 2000;
const PACE = { perSecond: PER_SECOND, settleSeconds: 2, seconds: 4 };
/** Of `docs/limits.md`. */
const ROUTES_MAX = 200;

export async function routesCurve(): Promise<Curve> {
  const steps: (Usage & { readonly x: number })[] = [];
  for (const x of STEPS) steps.push({ x, ...(await measured({ ...PACE, routes: x })) });
  const [before, most] = [steps.findLast(({ x }) => x <= ROUTES_MAX), steps.at(-1)];
  return {
    title: `Routes: one app of ${PER_SECOND.toLocaleString('en')} requests a second, its collector in a thread, no storage`,
    x: 'routes',
    bounds: [{ name: '200 routes', at: ROUTES_MAX }],
    panels: [
      {
        y: 'CPU of the process, ms a second',
        series: [seriesOf('process', steps, ({ processMs }) => processMs)],
      },
      { y: 'snapshot, kB', series: [seriesOf('snapshot', steps, (step) => step.snapshotBytes / 1000)] },
    ],
    limit: `200 routes have names at once, the busiest: the others are \`<other>\`, so that the snapshot stops growing (${round((before?.snapshotBytes ?? 0) / 1000)} kB at ${before?.x} routes, ${round((most?.snapshotBytes ?? 0) / 1000)} kB at ${most?.x.toLocaleString('en')}). What more of them cost is names that displace each other.`,
  };
}

/** By an app of its own: names of before keep places. */
async function measured(order: Order): Promise<Usage> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const app = await startApp(dataDir);
  try {
    return await app.ask<Usage>(order);
  } finally {
    await app.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
