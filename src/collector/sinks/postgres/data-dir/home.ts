import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NervecenterError } from '../../../../core/errors.ts';
import { makeDirectory } from '../../../../platform/paths.ts';
import { type Account, canReach, postgresAccount } from './account.ts';

/** Where embedded storage lives and whom it belongs to. */
export interface Home {
  /** Holds the cluster, the server's log and the lock. */
  readonly directory: string;
  /** PostgreSQL's data directory, mode 0700. */
  readonly clusterDir: string;
  readonly account: Account | null;
  /** Why it is not in the configured data directory; `null` when it is. */
  readonly movedBecause: string | null;
}

/** Root's own place for what unprivileged users must reach. */
export const SYSTEM_DIR = '/var/lib/nervecenter';
const TRAVERSABLE = 0o755;
const HASH_DIGITS = 12;

/**
 * Makes the data directory and decides where the cluster goes: into it, unless we are root and the user Postgres runs as
 * cannot get there (a project below root's home); then below `/var/lib/nervecenter`.
 *
 * @throws NervecenterError `NC_DATA_DIR` when it cannot be made or belongs to somebody else.
 */
export function prepareHome(dataDir: string, systemDir: string = SYSTEM_DIR): Home {
  makeHome(dataDir);
  ignoreInGit(dataDir);
  const clusterDir = join(dataDir, 'postgres');
  refuseForeignCluster(clusterDir);
  const account = postgresAccount(clusterDir);
  if (account === null || canReach(dataDir, account)) {
    return { directory: dataDir, clusterDir, account, movedBecause: null };
  }
  const directory = join(systemDir, createHash('sha256').update(dataDir).digest('hex').slice(0, HASH_DIGITS));
  makeHome(directory);
  return {
    directory,
    clusterDir: join(directory, 'postgres'),
    account: postgresAccount(join(directory, 'postgres')),
    movedBecause: `the user ${account.name}, whom PostgreSQL runs as instead of root, cannot reach ${dataDir}`,
  };
}

/**
 * Whether the cluster has to be made first.
 *
 * @throws NervecenterError `NC_DATA_DIR` when it was made by another major version or is not a cluster.
 */
export function needsInit(clusterDir: string, major: string): boolean {
  const stat = statSync(clusterDir, { throwIfNoEntry: false });
  if (stat === undefined) return true;
  const entries = readdirSync(clusterDir);
  if (entries.length === 0) {
    rmdirSync(clusterDir);
    return true;
  }
  if (!entries.includes('PG_VERSION')) {
    throw dataDirError(`${clusterDir} is not empty and not a PostgreSQL cluster. Move it away`);
  }
  const found = readFileSync(join(clusterDir, 'PG_VERSION'), 'utf8').trim();
  if (found === major) return false;
  throw dataDirError(
    `${clusterDir} was made by PostgreSQL ${found}, this version of nervecenter brings ${major}. Move it away`,
  );
}

/** A sentence without its end, and the remedies that always help. */
export function dataDirError(problem: string, cause?: unknown): NervecenterError {
  return new NervecenterError(
    'NC_DATA_DIR',
    `${problem}, set NERVECENTER_DATA_DIR to another directory, or set NERVECENTER_DATABASE_URL.`,
    { cause },
  );
}

/**
 * Makes a directory and what is missing above it, open to traversal: a strict umask would lock out the user Postgres runs
 * as. What is secret in it has a mode of its own.
 */
export function makeTraversable(directory: string): void {
  const first = makeDirectory(directory);
  if (first === null) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) chmodSync(made, TRAVERSABLE);
}

function makeHome(directory: string): void {
  try {
    makeTraversable(directory);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw dataDirError(`The data directory ${directory} cannot be made (${code}). Correct that`, error);
  }
}

/** @throws NervecenterError `NC_DATA_DIR` when the directory cannot be written. */
export function ignoreInGit(directory: string): void {
  try {
    writeFileSync(join(directory, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    throw dataDirError(`The data directory ${directory} cannot be written (${code}). Correct that`, error);
  }
}

function refuseForeignCluster(clusterDir: string): void {
  const uid = process.getuid?.();
  const owner = statSync(clusterDir, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || uid === 0 || owner === undefined || owner === uid) return;
  throw dataDirError(`${clusterDir} belongs to another user (uid ${owner}). Run as that user or as root`);
}
