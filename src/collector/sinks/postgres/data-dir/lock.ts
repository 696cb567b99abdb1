import { readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { NervecenterError } from '../../../../core/errors.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { dataDirError } from './home.ts';
import { isAlive, isThreadAlive, processStart, thisThread } from './process.ts';

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
      `The data directory is in use by ${holder} (${path}). Stop what uses it, or set NERVECENTER_DATA_DIR to another directory.`,
    );
    this.pid = pid;
    this.elsewhere = elsewhere;
  }
}

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with the same number. */
  readonly started: string;
  /** The collector is a thread of an app that goes on without it, and may start another one; empty where nobody can tell. */
  readonly thread: string;
  readonly host: string;
  /** Where its number means something, see `systemId`. */
  readonly system: string;
  /** When it took the lock, for people: ISO 8601. */
  readonly since: string;
}

const HEARTBEAT_MS = 5 * SECOND_MS;
/** A holder on another host, or in another container that shares the volume, is gone when its heart has not beaten for this long. */
const HOLDER_GONE_MS = 20 * SECOND_MS;
/** A lock without content is being written, a stale one being removed, or whoever did that died in between. */
const WRITTEN_WITHIN_MS = 2 * SECOND_MS;
const ATTEMPTS = 5;
/** For processes of other users, too: who has it is no secret. */
const READABLE = 0o644;
/** As long as a time in ISO 8601. */
const SINCE_LENGTH_MAX = 24;

/** Locks of this thread: where threads cannot be told from each other, another one's counts for as long as its heart beats. */
const heldHere = new Set<string>();

/**
 * Makes what the lock stands for ours. A lock whose holder is gone is taken over.
 *
 * @throws LockedError when another process has it; NervecenterError `NC_DATA_DIR` when it cannot be written.
 */
export function takeLock(path: string): Lock {
  const content = JSON.stringify(ourselves());
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (create(path, content)) return held(path, content);
    const found = read(path);
    if (found === null) continue;
    refuseLiveHolder(path, found);
    removeStale(path, found);
  }
  throw new LockedError(path, 'one of several processes that are just starting');
}

function ourselves(): Holder {
  return {
    pid: process.pid,
    started: processStart(process.pid),
    thread: thisThread(),
    host: hostname(),
    system: systemId(),
    since: new Date().toISOString(),
  };
}

/** False when it is there already. */
function create(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx', mode: READABLE });
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw dataDirError(`${path} cannot be written (${code}). Correct that`, error);
  }
}

function held(path: string, content: string): Lock {
  heldHere.add(path);
  const heart = setInterval(() => beat(path, content), HEARTBEAT_MS);
  heart.unref();
  return {
    release() {
      clearInterval(heart);
      if (heldHere.delete(path)) removeIf(path, content);
    },
  };
}

function beat(path: string, content: string): void {
  try {
    const now = new Date();
    if (read(path) === content) utimesSync(path, now, now);
  } catch {
    // Somebody removed it by hand; Postgres' own lock still guards the cluster on this host.
  }
}

function refuseLiveHolder(path: string, content: string): void {
  const holder = parse(content);
  const ageMs = ageOf(path) ?? Number.POSITIVE_INFINITY;
  if (holder === null) {
    if (ageMs < WRITTEN_WITHIN_MS) throw new LockedError(path, 'a process that is just starting');
    return;
  }
  const { pid } = holder;
  if (!isHere(holder)) {
    if (ageMs < HOLDER_GONE_MS) throw new LockedError(path, nameOf(holder), { elsewhere: true });
    return;
  }
  const isSame = isAlive(pid) && processStart(pid) === holder.started;
  if (isSame && (heldHere.has(path) || worksOn(holder, ageMs)))
    throw new LockedError(path, nameOf(holder), { pid });
}

/** Whether the thread of a live process that took the lock is there. */
function worksOn({ pid, thread }: Holder, ageMs: number): boolean {
  if (thread !== '') return isThreadAlive(thread);
  return pid !== process.pid || ageMs < HOLDER_GONE_MS;
}

/** Whether its number is one of those that we see. */
function isHere({ host, system }: Holder): boolean {
  return host === hostname() && (system === '' || system === systemId());
}

function nameOf(holder: Holder): string {
  const { pid, host, since } = holder;
  const elsewhere = host === hostname() ? ' in another container' : ` on ${host}`;
  return `process ${pid}${isHere(holder) ? '' : elsewhere}${since === '' ? '' : `, since ${since}`}`;
}

/** One process at a time, and only the lock it has judged: else two that look at once would remove each other's new one. */
function removeStale(path: string, content: string): void {
  const removing = `${path}.removing`;
  if (!create(removing, '')) {
    if ((ageOf(removing) ?? 0) >= WRITTEN_WITHIN_MS) rmSync(removing, { force: true });
    return;
  }
  removeIf(path, content);
  rmSync(removing, { force: true });
}

function removeIf(path: string, content: string): void {
  try {
    if (read(path) === content) rmSync(path, { force: true });
  } catch {
    // Not ours any more, or no longer to be removed; the next look judges it again.
  }
}

/** `null` when it is not there. */
function ageOf(path: string): number | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : Date.now() - stat.mtimeMs;
}

/** `null` when it is not there. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new LockedError(path, `a process that cannot be told from its lock (${code})`);
  }
}

/** This boot of the machine and this container, each with process numbers of its own; empty where the system does not tell. */
function systemId(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

function parse(content: string): Holder | null {
  try {
    const {
      pid,
      started,
      host,
      thread = '',
      system = '',
      since = '',
    } = JSON.parse(content) as Partial<Holder>;
    return typeof pid === 'number' && typeof started === 'string' && typeof host === 'string'
      ? {
          pid,
          started,
          host,
          thread: String(thread),
          system: String(system),
          since: String(since).slice(0, SINCE_LENGTH_MAX),
        }
      : null;
  } catch {
    return null;
  }
}
