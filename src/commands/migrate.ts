import { Client } from 'pg';
import { logToStderr } from '../collector/log.ts';
import { EmbeddedPostgres } from '../collector/postgres/embedded.ts';
import { label, migrate, schemaStatus } from '../collector/postgres/migrate.ts';
import { externalServer, type PostgresServer } from '../collector/postgres/server.ts';
import { type Config, readConfig } from '../config.ts';

const STOP_DEADLINE_MS = 10_000;

/** Applies the migrations to the configured database, embedded or not, and says what was done. */
export async function migrateCommand(): Promise<number> {
  const server = serverOf(readConfig());
  try {
    const client = new Client(await server.start());
    await client.connect();
    try {
      const applied = await migrate(client, { log: () => {} });
      const status = await schemaStatus(client);
      for (const migration of applied) process.stdout.write(`applied ${label(migration)}\n`);
      process.stdout.write(`${server.description}: ${status.applied.length} migrations, none pending\n`);
    } finally {
      await client.end();
    }
  } finally {
    await server.stop(STOP_DEADLINE_MS);
  }
  return 0;
}

function serverOf({ postgres, dataDir }: Config): PostgresServer {
  return postgres === null ? new EmbeddedPostgres({ dataDir, log: logToStderr }) : externalServer(postgres);
}
