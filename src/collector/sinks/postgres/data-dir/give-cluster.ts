import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
} from 'node:fs';
import { join } from 'node:path';
import { NervecenterError } from '../../../../core/errors.ts';
import type { Account } from './account.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const PRIVATE_DIRECTORY = 0o700;
/** The last of a cluster's files to be given to another account. */
const LAST_GIVEN = 'PG_VERSION';

/**
 * Makes a cluster the account's, unless it is. Each directory comes before what is in it: from then on whoever had it changes
 * nothing there. They may have put links there before, for root to give away what they lead to, so nothing is done by its path
 * but to what has been opened, and links are refused. What is interrupted is done again.
 *
 * @returns whether it was somebody else's.
 * @throws NervecenterError `NC_EMBEDDED_UNAVAILABLE` where there is a link
 */
export function giveCluster(clusterDir: string, account: Account): boolean {
  if (lstatSync(join(clusterDir, LAST_GIVEN)).uid === account.uid) return false;
  const top = openedDirectory(clusterDir, clusterDir);
  try {
    giveDirectory(top, clusterDir, account, LAST_GIVEN);
    giveEntry(top, LAST_GIVEN, clusterDir, account);
  } finally {
    closeSync(top);
  }
  return true;
}

/**
 * @param shown where it is, for people.
 * @param except what stays as it is for now.
 */
function giveDirectory(directory: number, shown: string, account: Account, except = ''): void {
  fchownSync(directory, account.uid, account.gid);
  fchmodSync(directory, PRIVATE_DIRECTORY);
  for (const name of readdirSync(within(directory)))
    if (name !== except) giveEntry(directory, name, shown, account);
}

function giveEntry(directory: number, name: string, shownDirectory: string, account: Account): void {
  const path = within(directory, name);
  const shown = join(shownDirectory, name);
  const found = lstatSync(path);
  if (found.isSymbolicLink()) throw refused(shown, 'a symbolic link');
  if (found.isDirectory()) {
    const opened = openedDirectory(path, shown);
    try {
      giveDirectory(opened, shown, account);
    } finally {
      closeSync(opened);
    }
  } else if (found.isFile()) {
    // By its only name it is this cluster's; it stays so, because nobody else may add one here any more.
    if (found.nlink !== 1) throw refused(shown, 'a file that has another name elsewhere');
    giveFile(path, shown, found.ino, account);
  }
  // Sockets and pipes that a server has left are made anew by the next one.
}

function giveFile(path: string, shown: string, ino: number, { uid, gid }: Account): void {
  const file = openedAs(path, shown, O_NONBLOCK);
  try {
    if (fstatSync(file).ino !== ino) throw refused(shown, 'another file than a moment before');
    fchownSync(file, uid, gid);
  } finally {
    closeSync(file);
  }
}

function openedDirectory(path: string, shown: string): number {
  return openedAs(path, shown, O_DIRECTORY);
}

function openedAs(path: string, shown: string, flags: number): number {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP' || code === 'ENOTDIR') throw refused(shown, 'a symbolic link');
    throw error;
  }
}

/** What is opened, and what is in it, whatever its path leads to by now. */
function within(directory: number, name = ''): string {
  return `/proc/self/fd/${directory}/${name}`;
}

function refused(shown: string, what: string): NervecenterError {
  return new NervecenterError(
    'NC_EMBEDDED_UNAVAILABLE',
    `The embedded PostgreSQL is to be given to a user of its own, and ${shown} is ${what}: expected files and directories alone. Look who put it there, and remove it, or move the data directory away.`,
  );
}
