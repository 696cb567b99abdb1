// An app that records requests at a steady pace, with the agent in front, and tells what that takes.
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { SECOND_MS } from '../../src/core/units.ts';

export interface Order {
  readonly perSecond: number;
  readonly routes: number;
  /** It goes on for so long before it is measured. */
  readonly settleSeconds: number;
  readonly seconds: number;
}

/** Of one second, in milliseconds. */
export interface Usage {
  /** Of all threads, the collector's where it is hosted here. */
  readonly processMs: number;
  /** Of the app's thread, what makes the events included. */
  readonly threadMs: number;
  readonly eventsPerSecond: number;
  readonly eventsDropped: number;
  readonly eventsStored: number;
  readonly snapshotBytes: number;
}

/** So seldom that waking up weighs little where there is little to record. */
const PACE_MS = 20;
const { recordRequest, getSnapshot } = createRequire(import.meta.url)(
  '../../dist/index.js',
) as typeof import('../../src/index.ts');

const names = Array.from({ length: 10_000 }, (_, index) => `/api/things-${nameOf(index)}`);
let recorded = 0;

/** Of letters: what looks like an id is none of a route. */
function nameOf(index: number): string {
  return index.toString().replaceAll(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
}

async function record({ perSecond, routes }: Order, seconds: number): Promise<void> {
  const begin = performance.now();
  for (let done = 0; ; await wait(PACE_MS)) {
    const elapsedMs = performance.now() - begin;
    const due = Math.round(Math.min(elapsedMs / SECOND_MS, seconds) * perSecond);
    for (; done < due; done++) {
      recordRequest({ endpoint: names[recorded++ % routes] ?? '/', latencyMs: 5 + (recorded % 500) });
    }
    if (elapsedMs >= seconds * SECOND_MS) return;
  }
}

function usedMs() {
  const ms = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;
  return { process: ms(process.cpuUsage()), thread: ms(process.threadCpuUsage()) };
}

async function measured(order: Order): Promise<Usage> {
  await record(order, order.settleSeconds);
  const [before, beganMs, first] = [usedMs(), performance.now(), recorded];
  await record(order, order.seconds);
  const after = usedMs();
  const seconds = (performance.now() - beganMs) / SECOND_MS;
  const snapshot = await getSnapshot();
  return {
    processMs: (after.process - before.process) / seconds,
    threadMs: (after.thread - before.thread) / seconds,
    eventsPerSecond: (recorded - first) / seconds,
    eventsDropped: Object.values(snapshot.pipeline.events_dropped).reduce((sum, count) => sum + count, 0),
    eventsStored: snapshot.pipeline.events_stored,
    snapshotBytes: Buffer.byteLength(JSON.stringify(snapshot)),
  };
}

process.on('message', async (order: Order) => process.send?.(await measured(order)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
