import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { NervecenterError } from '../core/errors.ts';

/** From the configured one upwards: so many dashboards of apps that share nothing can be on one machine without a setting. */
const PORTS = 10;
const PORT_MAX = 65_535;

/** The ports at which a process looks for a collector, its own first. `0` is nobody's in particular, and stands alone. */
export function candidatePorts(port: number): number[] {
  if (port === 0) return [0];
  return Array.from({ length: PORTS }, (_, above) => port + above).filter((one) => one <= PORT_MAX);
}

/**
 * Where the processes of one user that share a dashboard port find their collector: a socket named after the port, in a
 * directory nobody else may enter. `null` when there is no such place (port 0 is nobody's in particular; a directory that
 * is not ours alone is not to be trusted): then every process hosts its own collector.
 */
export function rendezvousPath(port: number): string | null {
  try {
    return port === 0 ? null : meetingPlace(port);
  } catch {
    return null; // Nothing to share through.
  }
}

/**
 * The same for the process that hosts the collector there.
 *
 * @throws NervecenterError `NC_SHARING` when there is no such place.
 */
export function meetingPlace(port: number): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\nervecenter-${userInfo().username}-${port}`;
  // Not `userInfo().uid`: in a container the user may have a number and no entry in /etc/passwd, and then it throws.
  const uid = process.getuid?.();
  const directory = join(tmpdir(), `nervecenter-${uid}`);
  try {
    makePrivateDirectory(directory);
    const { uid: owner, mode } = lstatSync(directory);
    if (owner === uid && (mode & 0o077) === 0) return join(directory, `${port}.sock`);
  } catch (error) {
    throw noMeetingPlace(directory, error);
  }
  throw noMeetingPlace(directory, new Error("it is not this user's alone"));
}

function makePrivateDirectory(path: string): void {
  try {
    // Not what is above it: in some file systems, such as /proc, Node tries that for ever.
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Why other processes cannot come to the collector of this one. */
export function noMeetingPlace(path: string, cause: unknown): NervecenterError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new NervecenterError(
    'NC_SHARING',
    `Other processes cannot join this dashboard: no socket can be made at ${path} (${code ?? message}). Set TMPDIR, for all of them, to a directory of this user that can be written; a single process needs none.`,
    { cause },
  );
}
