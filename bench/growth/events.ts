// What an app costs as its events grow, rows stored.
import { rmSync } from 'node:fs';
import { reachableTempDir, startPostgres, urlOf } from '../../test/support/postgres.ts';
import { round } from '../measure.ts';
import type { Order, Usage } from './app.ts';
import { type Curve, seriesOf } from './curve.ts';
import { startApp } from './setup.ts';

const STEPS = [10, 100, 1000, 2000, 5000, 10_000, 20_000];
const ROUTES = 20;
const [SETTLE_SECONDS, SECONDS] = [2, 5];
/** Of what is due; an app that records less has no time for more. */
const REACHED = 0.95;
const CORE_MS = 1000;

type Step = Usage & { readonly x: number };

export async function eventsCurve(): Promise<Curve> {
  const server = await startPostgres();
  const dataDir = reachableTempDir('nervecenter-bench-');
  try {
    const database = urlOf(await server.createDatabase());
    const app = await startApp(dataDir, { NERVECENTER_DATABASE_URL: database });
    try {
      const steps: Step[] = [];
      for (const x of STEPS) {
        const order: Order = {
          perSecond: x,
          routes: ROUTES,
          settleSeconds: SETTLE_SECONDS,
          seconds: SECONDS,
        };
        steps.push({ x, ...(await app.ask<Usage>(order)) });
      }
      if (steps.at(-1)?.eventsStored === 0) throw new Error('no row was stored');
      return curveOf(steps);
    } finally {
      await app.stop();
    }
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function curveOf(steps: readonly Step[]): Curve {
  return {
    title: 'Events: one app, its collector in a thread, rows stored in Postgres beside it',
    x: 'request events a second',
    panels: [
      {
        y: 'CPU, ms a second',
        series: [
          seriesOf('whole process', steps, ({ processMs }) => processMs),
          seriesOf("app's thread", steps, ({ threadMs }) => threadMs),
        ],
        budgets: [{ name: 'one core', at: CORE_MS }],
      },
      {
        y: 'CPU of the process for one event, µs',
        series: [seriesOf('per event', steps, (step) => (step.processMs * 1000) / step.eventsPerSecond)],
      },
    ],
    limit: limitOf(steps),
  };
}

function limitOf(steps: readonly Step[]): string {
  const most = steps.at(-1);
  const dropping = steps.find(({ eventsDropped }) => eventsDropped > 0);
  const slow = steps.find(({ x, eventsPerSecond }) => eventsPerSecond < x * REACHED);
  const perSecond = (step: Step | undefined) => `${step?.x.toLocaleString('en')} a second`;
  if (dropping !== undefined && (slow === undefined || dropping.x <= slow.x)) {
    return `the agent's ring of 4 MiB, at ${perSecond(dropping)}: the collector's thread does not keep up, and ${dropping.eventsDropped.toLocaleString('en')} rows were dropped and counted; their figures were not.`;
  }
  if (slow !== undefined)
    return `the app's own thread, which recorded ${round(slow.eventsPerSecond)} of ${perSecond(slow)}; no row was dropped.`;
  return `none up to ${perSecond(most)}, and no row was dropped. Of a core each, the app's thread used ${percent(most?.threadMs)}, the collector's and all others ${percent((most?.processMs ?? 0) - (most?.threadMs ?? 0))}; the first is the collector's thread, behind which the agent's ring of 4 MiB fills.`;
}

const percent = (ms = 0) => `${round(ms / (CORE_MS / 100))} %`;
