import type { ClientBase } from 'pg';
import { logToStderr } from '../collector/log.ts';
import { configuredServer } from '../collector/sinks/postgres/configured-server.ts';
import { storageError } from '../collector/sinks/postgres/connect/failure.ts';
import type { PostgresServer } from '../collector/sinks/postgres/connect/postgres-server.ts';
import { clientOf } from '../collector/sinks/postgres/connect/schema.ts';
import { type Config, readConfig } from '../config/config.ts';
import { NervecenterError } from '../core/errors.ts';

const STOP_DEADLINE_MS = 10_000;

export interface OpenDatabase {
  readonly config: Config;
  readonly client: ClientBase;
  /** For people, never with a password. */
  readonly description: string;
}

export interface WithDatabaseOptions {
  /** Which server to use. @default the configured one, embedded or not */
  readonly server?: (config: Config) => PostgresServer;
}

/**
 * Runs a command's work on the database and leaves nothing running.
 *
 * @throws NervecenterError saying why the database could not be used, `NC_CONFIG_INVALID` when storage is off.
 */
export async function withDatabase(
  work: (database: OpenDatabase) => Promise<void>,
  { server: choose = (config) => configuredServer(config, logToStderr) }: WithDatabaseOptions = {},
): Promise<number> {
  const config = readConfig();
  refuseStorageOff(config);
  const server = choose(config);
  try {
    const client = new (clientOf(config.schema))(await server.start());
    client.on('error', () => {}); // A connection that breaks fails the query; it must not end the process as well.
    try {
      await client.connect();
      await work({ config, client, description: server.description });
    } finally {
      await client.end();
    }
  } catch (error) {
    throw storageError(error, server.description);
  } finally {
    await server.stop(STOP_DEADLINE_MS);
  }
  return 0;
}

/** Embedded storage would be made only for the command. */
function refuseStorageOff({ storage }: Config): void {
  if (storage === 'on') return;
  throw new NervecenterError(
    'NC_CONFIG_INVALID',
    'NERVECENTER_STORAGE: expected on, because this command works on the database, got "off". Unset it to use the database.',
  );
}
