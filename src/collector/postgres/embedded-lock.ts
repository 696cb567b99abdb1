import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { SECOND_MS } from '../../core/units.ts';
import { NervecenterError } from '../../errors.ts';
import { dataDirError } from './embedded-home.ts';
import { isAlive, processStart } from './embedded-process.ts';

/** Held for as long as a data directory is ours. */
export interface Lock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with the same number. */
  readonly started: string;
  readonly host: string;
}

const HEARTBEAT_MS = 5 * SECOND_MS;
/** A holder on another host (a container sharing the volume) is gone when its heart has not beaten for this long. */
const HOLDER_GONE_MS = 20 * SECOND_MS;
/** A lock without content is being written by its holder, or was left by one that died in between. */
const WRITTEN_WITHIN_MS = 2 * SECOND_MS;
const ATTEMPTS = 5;

/** Locks of this thread; a lock that bears our process' number and is not here was held by a thread that is gone. */
const heldHere = new Set<string>();

/**
 * Makes the data directory ours. A lock whose holder is gone is taken over.
 *
 * @throws NervecenterError `NC_DATA_DIR` when another process of this host has it, `NC_STORAGE_UNREACHABLE` (worth trying
 * again) when a process of another host seems to.
 */
export function takeLock(path: string): Lock {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (create(path)) return held(path);
    const content = read(path);
    if (content === null) continue;
    refuseLiveHolder(path, content);
    removeStale(path, content);
  }
  throw new NervecenterError('NC_STORAGE_UNREACHABLE', `Too many processes want ${path} at once.`);
}

/** Whether a process that runs holds the lock. */
export function isHeld(path: string): boolean {
  const content = read(path);
  if (content === null) return false;
  try {
    refuseLiveHolder(path, content);
    return false;
  } catch {
    return true;
  }
}

function create(path: string): boolean {
  const holder: Holder = { pid: process.pid, started: processStart(process.pid), host: hostname() };
  try {
    writeFileSync(path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw dataDirError(`${path} cannot be written (${code}). Correct that`, error);
  }
}

function held(path: string): Lock {
  heldHere.add(path);
  const heart = setInterval(() => beat(path), HEARTBEAT_MS);
  heart.unref();
  return {
    release() {
      clearInterval(heart);
      if (heldHere.delete(path)) rmSync(path, { force: true });
    },
  };
}

function beat(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Somebody removed it by hand; Postgres' own lock still guards the cluster on this host.
  }
}

function refuseLiveHolder(path: string, content: string): void {
  const holder = parse(content);
  const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if (holder === null) {
    if (ageMs < WRITTEN_WITHIN_MS) throw inUse(path, 'a process that is just starting');
    return;
  }
  if (holder.host !== hostname()) {
    if (ageMs < HOLDER_GONE_MS) throw inUse(path, `a process on ${holder.host}`);
    return;
  }
  const same = isAlive(holder.pid) && processStart(holder.pid) === holder.started;
  if (!same || (holder.pid === process.pid && !heldHere.has(path))) return;
  throw dataDirError(
    `The data directory is in use by another nervecenter (process ${holder.pid}, ${path}). Stop that one, set its NERVECENTER_PORT here as well to join it`,
  );
}

function inUse(path: string, by: string): NervecenterError {
  return new NervecenterError('NC_STORAGE_UNREACHABLE', `The data directory is in use by ${by} (${path}).`);
}

/** Between our look and our removal another process may have taken the lock: then it is given back. */
function removeStale(path: string, content: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== content && read(path) === null) renameSync(aside, path);
  } catch {
    // Another process was faster; the next attempt sees what it left.
  }
  rmSync(aside, { force: true });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parse(content: string): Holder | null {
  try {
    const { pid, started, host } = JSON.parse(content) as Partial<Holder>;
    return typeof pid === 'number' && typeof started === 'string' && typeof host === 'string'
      ? { pid, started, host }
      : null;
  } catch {
    return null;
  }
}
