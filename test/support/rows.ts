import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedPostgres } from '../../src/collector/sinks/postgres/embedded/embedded.ts';

/** Opens the embedded database that an app has left behind, asks it, and stops it again. */
export async function rowsOf<T extends Record<string, unknown>>(
  dataDir: string,
  query: (select: (sql: string) => Promise<T[]>) => Promise<void>,
): Promise<void> {
  const server = new EmbeddedPostgres({ dataDir: join(dataDir, 'data'), log: () => {} });
  const client = new Client(await server.start());
  try {
    await client.connect();
    await query(async (sql) => (await client.query<T>(sql)).rows);
  } finally {
    await client.end();
    await server.stop(10_000);
  }
}
