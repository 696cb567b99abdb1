import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

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

/**
 * Whom Postgres runs as: `null` for ourselves, unless we are root. Then it is whoever owns an existing cluster, else the
 * user `postgres`, else `nobody`.
 */
export function postgresAccount(clusterDir: string, passwd: string = readPasswd()): Account | null {
  if (process.getuid?.() !== ROOT) return null;
  const owner = statSync(clusterDir, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== ROOT) {
    return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` };
  }
  return accountIn(passwd);
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
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
