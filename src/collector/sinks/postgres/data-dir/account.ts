import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** An unprivileged user that Postgres runs as, because it refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** What every child of embedded storage is started with. */
export interface ChildOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: Record<string, string>;
  readonly windowsHide: true;
}

/** Last resort where the system names neither of our candidates: the traditional number of `nobody`. */
const NOBODY: Account = { uid: 65_534, gid: 65_534, name: 'nobody' };
const CANDIDATES = ['postgres', 'nobody'];
const ROOT = 0;
/** A range that distributions and systemd leave to nobody (https://systemd.io/UIDS-GIDS). */
const OWN_NUMBERS = { first: 61_000, last: 61_183 };

/**
 * Whom Postgres runs as: `null` for ourselves, unless we are root. Then it is an account of its own, the same for all
 * data directories; where there can be none, the user `postgres`, else `nobody`. A cluster stays with its owner, unless an
 * earlier version made it as root for one of those two: it is taken over.
 */
export function postgresAccount(clusterDir: string, passwd: string = readPasswd()): Account | null {
  if (process.getuid?.() !== ROOT) return null;
  const own = ownAccount(`${passwd}\n${readOrNothing('/etc/group')}`);
  const owner = statSync(clusterDir, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === ROOT) return own ?? accountIn(passwd);
  if (own !== null && madeForShared(clusterDir, owner.uid, passwd) && canReach(dirname(clusterDir), own)) {
    return own;
  }
  return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` };
}

/** Who makes a cluster that is for the account: `initdb` and its server ask the system for the name of their user. */
export function makerFor(account: Account | null): Account | null {
  return account === null ? null : accountIn(readPasswd());
}

/**
 * The first number that no user or group of the machine's files has: nobody but root can act as it, unless a directory service
 * gives it to somebody. `null` where it means nothing.
 *
 * @param named what `/etc/passwd` and `/etc/group` say.
 * @param maps of the user namespace, as the kernel writes them: users, then groups. @default this process'
 */
export function ownAccount(named: string, maps: readonly string[] = idMaps()): Account | null {
  const taken = new Set(named.split('\n').flatMap((line) => line.split(':').slice(2, 4)));
  for (let id = OWN_NUMBERS.first; id <= OWN_NUMBERS.last; id++) {
    if (taken.has(String(id))) continue;
    const exists = maps.length > 0 && maps.every((map) => isMapped(id, map));
    return exists ? { uid: id, gid: id, name: `with the number ${id}` } : null;
  }
  return null;
}

/** Whether root made it, for a user who may have other processes. One whose parts lie elsewhere is left as it is. */
function madeForShared(clusterDir: string, owner: number, passwd: string): boolean {
  const shared = [accountIn(passwd).uid, NOBODY.uid];
  return shared.includes(owner) && statSync(dirname(clusterDir)).uid === ROOT && !hasLinks(clusterDir);
}

function hasLinks(clusterDir: string): boolean {
  const places = [clusterDir, join(clusterDir, 'pg_tblspc')];
  return places.some(
    (place) =>
      lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true &&
      readdirSync(place, { withFileTypes: true }).some((entry) => entry.isSymbolicLink()),
  );
}

/** Whether a number stands for a user of the machine in a user namespace: `inside outside count` in each line. */
function isMapped(id: number, map: string): boolean {
  return map.split('\n').some((line) => {
    const [inside = Number.NaN, , count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= inside && id < inside + count;
  });
}

/** None where the system has no such thing. */
function idMaps(): string[] {
  try {
    return ['uid_map', 'gid_map'].map((name) => readFileSync(`/proc/self/${name}`, 'utf8'));
  } catch {
    return [];
  }
}

/** The first of our candidates that an `/etc/passwd` names. */
export function accountIn(passwd: string): Account {
  const lines = passwd.split('\n').map((line) => line.split(':'));
  for (const name of CANDIDATES) {
    const [, , uid, gid] = lines.find(([user]) => user === name) ?? [];
    if (Number(uid) > ROOT && Number(gid) > ROOT) return { uid: Number(uid), gid: Number(gid), name };
  }
  return NOBODY;
}

/** Whether the account may enter the directory and every one above it. */
export function canReach(directory: string, account: Account): boolean {
  for (let at = directory; ; at = dirname(at)) {
    const { mode, uid, gid } = statSync(at);
    const mask = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & mask) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/**
 * A small, fixed environment, so that no variable of the app (`PGDATA`, `LD_PRELOAD`, a locale that is not installed) gets
 * to Postgres. Windows needs its own variables and gets them all.
 */
export function childOptions(account: Account | null): ChildOptions {
  return {
    ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
    ...(process.platform === 'win32' ? {} : { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } }),
    windowsHide: true,
  };
}

function readPasswd(): string {
  return readOrNothing('/etc/passwd');
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
