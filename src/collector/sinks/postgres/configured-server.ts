import { isAbsolute, relative } from 'node:path';
import type { Config } from '../../../config/config.ts';
import type { Log } from '../../log.ts';
import { externalServer, type PostgresServer } from './connect/postgres-server.ts';
import { SharedEmbedded } from './embedded/shared-server.ts';

/** The user's server, or the embedded one where none is given, whichever process runs it. */
export function configuredServer(
  { postgres, dataDir }: Pick<Config, 'postgres' | 'dataDir'>,
  log: Log,
): PostgresServer {
  if (postgres !== null) return externalServer(postgres);
  return new SharedEmbedded({ dataDir, shownAs: shownPath(dataDir), log });
}

/** Relative where that is shorter to read. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}
