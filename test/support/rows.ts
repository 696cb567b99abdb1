import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedPostgres } from '../../src/collector/sinks/postgres/embedded/embedded.ts';
import type { EventBase } from '../../src/core/event.ts';
import type { ColumnValue, Signal } from '../../src/core/signals/signal.ts';

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

/** The event's values in the order of its signal's columns. */
export function toRow<E extends EventBase>({ columns }: Signal<E>, event: E): ColumnValue[] {
  return columns.map((column) => column.value(event));
}
