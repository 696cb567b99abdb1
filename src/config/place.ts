import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Place } from '../core/place.ts';
import type { Config } from './config.ts';
import { resolvePostgres } from './postgres-options.ts';

/** What a process with this configuration wants of a collector. */
export function placeOf(config: Config): Place {
  return {
    port: config.port,
    storage: config.storage,
    database: databaseOf(config),
    dataDir: digest(withoutLinks(config.dataDir)),
    chosen: config.storageChosen,
    tokens: config.adminTokens.map(digest),
  };
}

function databaseOf({ postgres, schema }: Config): string | null {
  if (postgres === null) return null;
  const { host, port, database, user } = resolvePostgres(postgres).options;
  return digest(`${host}:${port}/${database ?? user ?? ''} ${schema}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Also of a directory that is still to be made. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(withoutLinks(parent), basename(path));
  }
}
