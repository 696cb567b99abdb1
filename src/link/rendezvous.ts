import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/**
 * Where the processes of one user that share a dashboard port find their collector: a socket named after the port, in a
 * directory nobody else may enter. `null` when there is no such place (port 0 is nobody's in particular; a directory that
 * is not ours alone is not to be trusted): then every process hosts its own collector.
 */
export function rendezvousPath(port: number): string | null {
  if (port === 0) return null;
  try {
    if (process.platform === 'win32') return `\\\\.\\pipe\\nervecenter-${userInfo().username}-${port}`;
    // Not `userInfo().uid`: in a container the user may have a number and no entry in /etc/passwd, and then it throws.
    const uid = process.getuid?.();
    const directory = join(tmpdir(), `nervecenter-${uid}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid: owner, mode } = lstatSync(directory);
    return owner === uid && (mode & 0o077) === 0 ? join(directory, `${port}.sock`) : null;
  } catch {
    return null; // No writable temporary directory, or nobody we could name: nothing to share through.
  }
}
