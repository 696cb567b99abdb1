// What a tick costs as the dashboards grow that watch.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { reachableTempDir } from '../../test/support/postgres.ts';
import { Child } from '../child.ts';
import { median, round } from '../measure.ts';
import type { Order } from './app.ts';
import type { Watched, Watching } from './audience.ts';
import { type Curve, seriesOf } from './curve.ts';
import { type AloneCollector, type CollectorUsage, startAlone, startJoined, TOKEN } from './setup.ts';

const STEPS = [1, 3, 10, 30, 100, 300, 1000];
const TICKS = 4;
/** Of `docs/limits.md`. */
const VIEWERS_MAX = 1000;
/** What the dashboards show: an app of as many routes as have names. */
const TRAFFIC: Order = { perSecond: 500, routes: 200, settleSeconds: 1, seconds: 1 };
const UNAVAILABLE = 503;

interface Step {
  readonly x: number;
  readonly tickMs: number;
  readonly spreadMs: number;
  readonly bytes: number;
}

export async function viewersCurve(): Promise<Curve> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const collector = await startAlone(dataDir);
  const app = await startJoined(collector, dataDir);
  const url = `${collector.url.replace(/^http/, 'ws')}/api/metrics/stream`;
  const audience = new Child(join('growth', 'audience.ts'), { args: [url, TOKEN] });
  try {
    await audience.next();
    await app.ask(TRAFFIC);
    const steps: Step[] = [];
    for (const x of STEPS) steps.push(await measured(x, audience, collector));
    return curveOf(steps, await audience.ask<number>('one more'));
  } finally {
    await Promise.all([audience, app, collector.child].map((child) => child.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function measured(viewers: number, audience: Child, { child }: AloneCollector): Promise<Step> {
  const watch = (ticks: number) => audience.ask<Watched>({ viewers, ticks } satisfies Watching);
  await watch(1);
  const before = await child.ask<CollectorUsage>('usage');
  const { spreadMs, bytes } = await watch(TICKS);
  const after = await child.ask<CollectorUsage>('usage');
  return { x: viewers, tickMs: (after.cpuMs - before.cpuMs) / TICKS, spreadMs: median(spreadMs), bytes };
}

function curveOf(steps: readonly Step[], statusOfOneMore: number): Curve {
  const most = steps.at(-1);
  const refused =
    statusOfOneMore === UNAVAILABLE ? 'the next one is refused with 503' : 'and the next one was taken';
  return {
    title: `Viewers: one collector, a snapshot of ${round((most?.bytes ?? 0) / 1000)} kB every second`,
    x: 'viewers',
    bounds: [{ name: '1,000 viewers', at: VIEWERS_MAX }],
    panels: [
      {
        y: 'CPU of the collector a tick, ms',
        series: [seriesOf('collector', steps, ({ tickMs }) => tickMs)],
      },
      {
        y: 'from the first viewer that has it to the last, ms',
        series: [seriesOf('spread', steps, ({ spreadMs }) => spreadMs)],
      },
    ],
    limit: `1,000 viewers, ${refused}. At so many a tick takes ${round(most?.tickMs ?? 0)} ms of the collector's thread, which has 5,000 for it by default.`,
  };
}
