import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { reachableTempDir } from '../../support/postgres.ts';
import { assertSameEnd, type End } from './process-end.ts';

const EXITS = join(import.meta.dirname, 'exits.cjs');
const exits = (code: number): End => ({ code, signal: null });
const dies = (signal: NodeJS.Signals): End => ({ code: null, signal });

type Way = readonly [way: string, end: End, sent?: NodeJS.Signals];

/** How a process ends by itself, and by a signal that is sent to it. */
const WAYS: readonly Way[] = [
  ['natural end', exits(0)],
  ['process.exit', exits(3)],
  ['process.exitCode', exits(4)],
  ['a code set by a listener of exit', exits(8)],
  ['a listener of beforeExit that goes on once', exits(0)],
  ['an uncaught exception', exits(1)],
  ['an exception in a listener of exit', exits(1)],
  ['an uncaught exception that is handled', exits(9)],
  ['an unhandled rejection', exits(1)],
  ['process.abort', dies('SIGABRT')],
  ['no handler', dies('SIGTERM'), 'SIGTERM'],
  ['no handler', dies('SIGINT'), 'SIGINT'],
  ['no handler', dies('SIGHUP'), 'SIGHUP'],
  ['no handler', dies('SIGKILL'), 'SIGKILL'],
  ['no handler', dies('SIGQUIT'), 'SIGQUIT'],
  ['a handler that exits', exits(5), 'SIGTERM'],
  ['a handler that closes the server', exits(0), 'SIGTERM'],
  ['a handler that exits later', exits(6), 'SIGTERM'],
  ['a handler that ignores it', exits(0), 'SIGTERM'],
  ['a once handler that exits later', exits(7), 'SIGTERM'],
  ['a once handler that closes the server', exits(0), 'SIGTERM'],
  ['a handler that removes itself and raises the signal again', dies('SIGTERM'), 'SIGTERM'],
  ['a once handler that raises the signal again later', dies('SIGTERM'), 'SIGTERM'],
  ['raised by its number', dies('SIGHUP')],
  ['raised by default, to the own group', dies('SIGTERM')],
  ['raised by an imported kill', dies('SIGINT')],
  ['a signal that only asks', exits(0)],
  ['a signal that is none', exits(0)],
  ['a worker of a cluster that is disconnected', exits(0)],
  ['a worker of a cluster that ends first', exits(0)],
  ['a worker of a cluster that is killed', exits(0)],
  ['a cluster whose primary ends first', exits(2)],
  ['process.exit in a worker thread', exits(0)],
  ['an uncaught exception in a worker thread', exits(1)],
  ['a worker thread that is still there', exits(1)],
  ['a test that fails', exits(1)],
];

describe('an end with the agent and without it', () => {
  let dataDir: string;
  const running = new Set<ChildProcess>();
  beforeAll(() => {
    dataDir = reachableTempDir();
  });
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = (way: string, flags: readonly string[]) => {
    const child = spawn(process.execPath, [...flags, EXITS, way], {
      cwd: dataDir,
      env: {
        PATH: process.env['PATH'],
        HOME: dataDir,
        NERVECENTER_PORT: '0',
        NERVECENTER_DATA_DIR: join(dataDir, 'data'),
      },
      stdio: 'pipe',
      detached: true, // A group of its own: one way is to signal that.
    });
    running.add(child);
    child.once('close', () => running.delete(child));
    return child;
  };

  for (const [way, end, sent] of WAYS) {
    it(`${way}${sent === undefined ? '' : ` of ${sent}`}: ${end.signal ?? `code ${end.code}`}`, async () => {
      await assertSameEnd((flags) => start(way, flags), { end, sent });
    });
  }
});
