import { Client, type ClientBase } from 'pg';
import { logToStderr } from '../collector/log.ts';
import { configuredServer } from '../collector/postgres/configured-server.ts';
import { storageError } from '../collector/postgres/failure.ts';
import { type Config, readConfig } from '../config.ts';

const STOP_DEADLINE_MS = 10_000;

export interface OpenDatabase {
  readonly config: Config;
  readonly client: ClientBase;
  /** For people, never with a password. */
  readonly description: string;
}

/**
 * Runs a command's work on the configured database, embedded or not, and leaves nothing running.
 *
 * @throws NervecenterError saying why the database could not be used.
 */
export async function withDatabase(work: (database: OpenDatabase) => Promise<void>): Promise<number> {
  const config = readConfig();
  const server = configuredServer(config, logToStderr);
  try {
    const client = new Client(await server.start());
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
