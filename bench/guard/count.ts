// Counts, in a process of its own, what the actions of one work cost: bytes that are allocated and functions that are called.
// Neither depends on how fast or how busy the machine is. To be run with the flags of `guard.ts`.
import { Session } from 'node:inspector/promises';
import { GCProfiler } from 'node:v8';
import { least, median } from '../measure.ts';
import { type Action, WORKS } from './work.ts';

export interface Cost {
  /** On V8's heap and in buffers beside it. */
  readonly bytes: number;
  /** JavaScript functions that are called, Node's among them. */
  readonly calls: number;
}

const COUNTS = 5;

async function repeated(action: Action, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const done = action();
    if (done !== undefined) await done;
  }
}

async function counts<T>(count: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  while (all.length < COUNTS) all.push(await count());
  return all;
}

interface Allocated {
  readonly onHeap: number;
  readonly inBuffers: number;
}

/** As long as nothing is collected, what is in use is what was ever allocated. */
async function allocated(work: () => Promise<void>): Promise<Allocated> {
  const collections = new GCProfiler();
  collections.start();
  const before = process.memoryUsage();
  await work();
  const after = process.memoryUsage();
  const { length } = collections.stop()?.statistics ?? [];
  if (length > 0) throw new Error('Garbage was collected during a count: let it be of fewer actions.');
  return {
    onHeap: after.heapUsed - before.heapUsed,
    inBuffers: after.arrayBuffers - before.arrayBuffers,
  };
}

/** What ends later than its action moves bytes from one count to the next; small buffers are cut from one of 64 KiB. */
async function bytesOf(work: () => Promise<void>): Promise<number> {
  const all = await counts(() => allocated(work));
  const inBuffers = all.reduce((sum, count) => sum + count.inBuffers, 0) / COUNTS;
  return median(all.map(({ onHeap }) => onHeap)) + inBuffers;
}

/** Timers of Node's get into some counts, and only add. */
async function callsOf(session: Session, work: () => Promise<void>): Promise<number> {
  const all = await counts(async () => {
    await callsTaken(session);
    await work();
    return callsTaken(session);
  });
  return least(all);
}

/** Since they were taken before. */
async function callsTaken(session: Session): Promise<number> {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const functions = result.flatMap((script) => script.functions);
  return functions.reduce((sum, { ranges }) => sum + (ranges[0]?.count ?? 0), 0);
}

async function costOf(action: Action, times: number): Promise<Cost> {
  const work = () => repeated(action, times);
  await work();
  await work();
  const bytes = await bytesOf(work);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await work();
  const itself = await callsOf(session, async () => {});
  const calls = (await callsOf(session, work)) - itself;
  session.disconnect();
  return { bytes, calls };
}

const [name = '', variant] = process.argv.slice(2);
const work = WORKS[name];
const action = variant === 'without' ? work?.without?.() : work?.with();
if (work === undefined || action === undefined) throw new Error(`There is no such work: ${name} ${variant}`);
process.send?.(await costOf(action, work.actions));
process.disconnect?.();
