import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Leaving, Place } from '../core/place.ts';
import type { Config } from './config.ts';
import { type ConnectionSource, postgresUrl, resolvePostgres } from './postgres-options.ts';

/** Enough to tell two apart. */
const SHOWN_DIGITS = 12;

/** What a process with this configuration wants of a collector. */
export function placeOf(config: Config): Place {
  return {
    port: config.port,
    storage: config.storage,
    database: config.postgres === null ? null : digest(databaseOf(config.postgres)),
    schema: config.schema,
    dataDir: digest(withoutLinks(config.dataDir)),
    chosen: config.storageChosen,
    tokens: config.adminTokens.map(digest),
  };
}

/** Where a process with this configuration leaves rows; `null`: it has none. */
export function leavingOf(config: Config): Leaving | null {
  if (config.storage === 'off' || config.spoolMaxBytes === 0) return null;
  return { dataDir: withoutLinks(config.dataDir), target: destinationOf(config) };
}

/**
 * Where rows go, for people and without a secret: who says the same stores in the same tables, with embedded storage in those
 * of the data directory.
 */
export function destinationOf({ postgres, schema }: Pick<Config, 'postgres' | 'schema'>): string {
  const database = postgres === null ? 'embedded PostgreSQL' : `Postgres ${databaseOf(postgres)}`;
  return `${database}, schema ${schema}`.replace(/\p{Cc}/gu, '?');
}

/** What cannot be used names no database: one that is broken in another way is not the same one. */
function databaseOf(postgres: ConnectionSource): string {
  const { connectionString } = postgres;
  if (connectionString !== null && postgresUrl(connectionString) === null)
    return `at an address that cannot be used (${digest(connectionString).slice(0, SHOWN_DIGITS)})`;
  const { host, port, database, user } = resolvePostgres(postgres).options;
  return `${host.startsWith('/') ? host : host.toLowerCase()}:${port}/${database ?? user ?? ''}`;
}

function digest(text: string): string {
  // Not imported: as an app starts there is no need to load it.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}

/** The path without symbolic links, also of a directory that is still to be made. */
export function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(withoutLinks(parent), basename(path));
  }
}
