// What the agent costs an app that does nothing.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';
import { reachableTempDir } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { interleaved, least, median, round, spread } from './measure.ts';

const ROUNDS = 6;
/** Two frames of an agent at rest. */
const ROUND_MS = 5000;
/** By then whatever starts has started. */
const SETTLED_MS = 5000;
const CPU_MS_MAX = 0.5;

export async function run(): Promise<Figure[]> {
  const dataDir = reachableTempDir('nervecenter-bench-');
  const preload = join(import.meta.dirname, '..', 'otel.js');
  const idle = (flags: readonly string[], port: number) =>
    new Child(join('apps', 'idle.cjs'), {
      flags,
      env: {
        NERVECENTER_PORT: String(port),
        NERVECENTER_DATA_DIR: dataDir,
        NERVECENTER_STORAGE: 'off',
        HOME: dataDir,
      },
    });
  const port = await freePort();
  const bare = idle([], 0);
  const hosting = idle(['--require', preload], port);
  const children = [bare, hosting];
  try {
    for (const child of children) await child.next();
    await pause(SETTLED_MS);
    const joined = idle(['--require', preload], port);
    children.push(joined);
    await joined.next();
    await pause(SETTLED_MS);
    const ask = (child: Child) => () => child.ask<number>({ durationMs: ROUND_MS });
    const samples = await interleaved(ROUNDS, {
      bare: ask(bare),
      hosting: ask(hosting),
      joined: ask(joined),
    });
    return [
      figure('whose collector is in a thread of its own', samples.bare, samples.hosting),
      figure('that joined the collector of another process', samples.bare, samples.joined),
    ];
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function figure(which: string, bare: readonly number[], observed: readonly number[]): Figure {
  const addedMs = (median(observed) - median(bare)) / 1000;
  return {
    what: `CPU of the app's thread added to a second in which nothing happens, in a process ${which}`,
    budget: `<= ${CPU_MS_MAX} ms`,
    within: addedMs <= CPU_MS_MAX,
    ours: `${round(addedMs)} ms`,
    raw: `no agent ${spread(bare, 'µs')}; nervecenter ${spread(observed, 'µs')}; least of both ${round((least(observed) - least(bare)) / 1000)} ms`,
  };
}
