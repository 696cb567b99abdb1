import { Client } from 'pg';
import { logToStderr } from '../collector/log.ts';
import { configuredServer } from '../collector/postgres/configured-server.ts';
import { storageError } from '../collector/postgres/failure.ts';
import { label, migrate, schemaStatus } from '../collector/postgres/migrate.ts';
import { readConfig } from '../config.ts';

const STOP_DEADLINE_MS = 10_000;

/** Applies the migrations to the configured database, embedded or not, and says what was done. */
export async function migrateCommand(): Promise<number> {
  const server = configuredServer(readConfig(), logToStderr);
  try {
    const client = new Client(await server.start());
    client.on('error', () => {}); // A connection that breaks fails the query; it must not end the process as well.
    try {
      await client.connect();
      const applied = await migrate(client);
      const status = await schemaStatus(client);
      for (const migration of applied) process.stdout.write(`applied ${label(migration)}\n`);
      process.stdout.write(`${server.description}: ${status.applied.length} migrations, none pending\n`);
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
