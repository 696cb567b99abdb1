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

type Whereabouts = Pick<LockedError, 'pid' | 'elsewhere'>;

/** Somebody else has it; worth trying again, because that one may end. */
export class LockedError extends NervecenterError {
  /** The process of this host that has it; `null` when it is on another one, or not known yet. */
  readonly pid: number | null;
  /** On another host, so what it runs cannot be reached. */
  readonly elsewhere: boolean;

  constructor(path: string, holder: string, { pid = null, elsewhere = false }: Partial<Whereabouts> = {}) {
    super(
      'NC_STORAGE_UNREACHABLE',
      `The data directory is in use by ${holder} (${path}). Stop that one, or set NERVECENTER_DATA_DIR to another directory.`,
    );
    this.pid = pid;
    this.elsewhere = elsewhere;
  }
}

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with the same number. */
  readonly started: string;
  readonly host: string;
  /** When it took the lock, for people: ISO 8601. */
  readonly since: string;
}

const HEARTBEAT_MS = 5 * SECOND_MS;
/** A holder on another host (a container sharing the volume) is gone when its heart has not beaten for this long. */
const HOLDER_GONE_MS = 20 * SECOND_MS;
/** A lock without content is being written by its holder, or was left by one that died in between. */
const WRITTEN_WITHIN_MS = 2 * SECOND_MS;
const ATTEMPTS = 5;
/** As long as a time in ISO 8601. */
const SINCE_LENGTH_MAX = 24;

/** Locks of this thread; a lock that bears our process' number and is not here was held by a thread that is gone. */
const heldHere = new Set<string>();

/**
 * Makes what the lock stands for ours. A lock whose holder is gone is taken over.
 *
 * @throws LockedError when another process has it; NervecenterError `NC_DATA_DIR` when it cannot be written.
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

function create(path: string): boolean {
  const holder: Holder = {
    pid: process.pid,
    started: processStart(process.pid),
    host: hostname(),
    since: new Date().toISOString(),
  };
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
    if (ageMs < WRITTEN_WITHIN_MS) throw new LockedError(path, 'a process that is just starting');
    return;
  }
  const { pid, host, since } = holder;
  const name = `process ${pid}${host === hostname() ? '' : ` on ${host}`}${since === '' ? '' : `, since ${since}`}`;
  if (host !== hostname()) {
    if (ageMs < HOLDER_GONE_MS) throw new LockedError(path, name, { elsewhere: true });
    return;
  }
  const same = isAlive(pid) && processStart(pid) === holder.started;
  if (!same || (pid === process.pid && !heldHere.has(path))) return;
  throw new LockedError(path, name, { pid });
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
    const { pid, started, host, since = '' } = JSON.parse(content) as Partial<Holder>;
    return typeof pid === 'number' && typeof started === 'string' && typeof host === 'string'
      ? { pid, started, host, since: String(since).slice(0, SINCE_LENGTH_MAX) }
      : null;
  } catch {
    return null;
  }
}
