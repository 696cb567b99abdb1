import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { dataDirError, type Home, prepareHome } from '../data-dir/home.ts';
import { isAlive, readPostmaster, worksIn } from '../data-dir/process.ts';
import { clientOptions, passwordOf } from './server-settings.ts';

/**
 * How to connect to the server that another process runs on the cluster; `null` while none accepts connections. Whether
 * that process still lives is for the caller to know: without it the server is about to stop.
 */
export function runningServer({ directory, clusterDir }: Home): ClientConfig | null {
  const server = readPostmaster(clusterDir);
  if (server?.ready !== true || !isAlive(server.pid) || !worksIn(server.pid, clusterDir)) return null;
  const { socketDir, port } = server;
  return clientOptions(
    socketDir === ''
      ? { socketDir: null, port, password: passwordOf(directory) }
      : { socketDir, port, password: null },
  );
}

/**
 * For whoever only reads: nothing is made for them.
 *
 * @throws NervecenterError `NC_DATA_DIR` when the data directory holds no embedded storage at all.
 */
export function refuseWithoutCluster(dataDir: string, shownAs: string): void {
  const home = existsSync(dataDir) ? prepareHome(dataDir) : null;
  if (home !== null && existsSync(join(home.clusterDir, 'PG_VERSION'))) return;
  throw dataDirError(`There is no embedded storage in ${shownAs}. Run this where the app runs`);
}
