import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirError, prepareHome } from './embedded-home.ts';
import { isHeld } from './embedded-lock.ts';
import { isAlive, readPostmaster, worksIn } from './embedded-process.ts';
import { clientOptions, passwordOf } from './embedded-settings.ts';
import type { PostgresServer } from './server.ts';

/**
 * The embedded server that another process runs, to be used beside it; `null` when none runs and it may be started.
 *
 * @throws NervecenterError `NC_DATA_DIR` when the data directory holds no embedded storage at all: nothing is made.
 */
export function runningEmbedded(dataDir: string, shownAs: string = dataDir): PostgresServer | null {
  const home = existsSync(dataDir) ? prepareHome(dataDir) : null;
  if (home === null || !existsSync(join(home.clusterDir, 'PG_VERSION'))) {
    throw dataDirError(`There is no embedded storage in ${shownAs}. Run this where the app runs`);
  }
  const { directory, clusterDir } = home;
  const server = readPostmaster(clusterDir);
  const usable = server?.ready === true && isAlive(server.pid) && worksIn(server.pid, clusterDir);
  // Without its process the server is about to stop.
  if (!usable || !isHeld(join(directory, 'postgres.lock'))) return null;
  const { socketDir, port } = server;
  const endpoint =
    socketDir === ''
      ? { socketDir: null, port, password: passwordOf(directory) }
      : { socketDir, port, password: null };
  return {
    description: `embedded PostgreSQL in ${shownAs}, which runs`,
    start: async () => clientOptions(endpoint),
    stop: async () => {}, // It is not ours.
  };
}
