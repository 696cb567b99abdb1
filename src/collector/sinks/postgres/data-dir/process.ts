import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../../../../core/units.ts';

/** What a running server says about itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly socketDir: string;
  readonly port: number;
  /** It accepts connections. */
  readonly ready: boolean;
}

const POLL_MS = 20;
const FAST_STOP_MS = 15 * SECOND_MS;
const IMMEDIATE_STOP_MS = 5 * SECOND_MS;
const LAST_CHILD_MS = 5 * SECOND_MS;
/** Of what `procStat` gives: when it started. */
const START_FIELD = 19;

/** The server that wrote `postmaster.pid`, running or not. */
export function readPostmaster(clusterDir: string): Postmaster | null {
  let lines: string[];
  try {
    lines = readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return { pid, port: Number(lines[3]), socketDir: lines[4] ?? '', ready: lines[7]?.trim() === 'ready' };
}

/**
 * Makes sure that no server of an earlier process works on the cluster: one left behind by `kill -9` is stopped, and the
 * locks of one that is gone are removed where Postgres itself would stumble over them (its number belongs to another
 * process now, or to a zombie that nobody has reaped).
 */
export async function settlePrevious(clusterDir: string, signal: AbortSignal): Promise<'none' | 'stopped'> {
  const previous = readPostmaster(clusterDir);
  if (previous === null) return 'none';
  const running = () => isAlive(previous.pid) && worksIn(previous.pid, clusterDir);
  if (running()) {
    await terminate(previous.pid, running, signal);
    return 'stopped';
  }
  if (!exists(previous.pid)) return 'none';
  await poll(() => processesIn(clusterDir).length === 0, LAST_CHILD_MS, signal);
  rmSync(join(clusterDir, 'postmaster.pid'), { force: true });
  // Not where that file says: its account wrote it, and may not have us remove things elsewhere. A socket that lay elsewhere
  // is in nobody's way: the next one has a new directory.
  for (const name of ['.s.PGSQL.5432', '.s.PGSQL.5432.lock']) rmSync(join(clusterDir, name), { force: true });
  return 'none';
}

/** Fast stop, then immediate stop, then kill. */
async function terminate(pid: number, running: () => boolean, signal: AbortSignal): Promise<void> {
  for (const [name, timeoutMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const) {
    process.kill(pid, name);
    if (await poll(() => !running(), timeoutMs, signal)) return;
  }
}

/** Whether the condition came to hold in time. */
export async function poll(
  condition: () => boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const endsAt = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() >= endsAt) return false;
    await sleep(POLL_MS, undefined, { signal });
  }
  return true;
}

/** A zombie is dead: it only waits to be reaped. */
export function isAlive(pid: number): boolean {
  if (!exists(pid)) return false;
  const state = procStat(String(pid))?.[0];
  return state !== 'Z' && state !== 'X';
}

/** When the process started, in the kernel's own unit; empty where the system does not tell. */
export function processStart(pid: number): string {
  return procStat(String(pid))?.[START_FIELD] ?? '';
}

/** This thread, told from a later one with the same number; empty where the system does not tell. */
export function thisThread(): string {
  try {
    const path = readlinkSync('/proc/thread-self'); // 1234/task/1240
    return `${path} ${procStat(path)?.[START_FIELD] ?? ''}`;
  } catch {
    return '';
  }
}

/** @param thread as `thisThread` names it. */
export function isThreadAlive(thread: string): boolean {
  const [path = '', start] = thread.split(' ');
  return procStat(path)?.[START_FIELD] === start;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // Somebody else's, but there.
  }
}

/**
 * The fields of `/proc/<pid>/stat` from the state on; what precedes holds the name, which may hold anything.
 *
 * @param path `<pid>`, or `<pid>/task/<tid>` for a thread.
 */
function procStat(path: string): string[] | null {
  try {
    const stat = readFileSync(`/proc/${path}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** Every process of a server works in its cluster's directory. */
export function worksIn(pid: number, clusterDir: string): boolean {
  if (process.platform === 'linux') return workingDir(pid) === realpathSync(clusterDir);
  const [command, args] =
    process.platform === 'win32'
      ? ['tasklist', ['/NH', '/FI', `PID eq ${pid}`]]
      : ['ps', ['-o', 'comm=', '-p', String(pid)]];
  try {
    return execFileSync(command, args, { encoding: 'utf8', windowsHide: true }).includes('postgres');
  } catch {
    return false;
  }
}

function processesIn(clusterDir: string): number[] {
  if (process.platform !== 'linux') return [];
  const directory = realpathSync(clusterDir);
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isAlive(pid) && workingDir(pid) === directory);
}

function workingDir(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null; // Gone, or not ours to look at.
  }
}
