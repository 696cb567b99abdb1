import type { ClientBase } from 'pg';
import type { PostgresConfig } from '../../../config/config.ts';
import { externalServer } from './connect/postgres-server.ts';
import { clientOf } from './connect/schema.ts';
import { migrate } from './schema/migrate.ts';

/** The key by which users of this database are hidden: the one it has, else the one that is offered, from now on. */
export async function agreeOnUserKey(client: ClientBase, offered: string): Promise<string> {
  const known = await storedUserKey(client);
  if (known !== null) return known;
  await client.query('INSERT INTO enterprise.nervecenter_user_key (key) VALUES ($1) ON CONFLICT DO NOTHING', [
    offered,
  ]);
  return (await storedUserKey(client)) ?? offered;
}

/** `null`: it has none. */
export async function storedUserKey(client: ClientBase): Promise<string | null> {
  const { rows } = await client.query<{ key: string }>('SELECT key FROM enterprise.nervecenter_user_key');
  return rows[0]?.key ?? null;
}

export interface AskOptions {
  readonly postgres: PostgresConfig;
  readonly schema: string;
  readonly offered: string;
  /** Whoever starts waits for it. */
  readonly timeoutMs: number;
}

/**
 * Asks a server before anything else does.
 *
 * @throws whatever kept it from answering in time.
 */
export async function askForUserKey({ postgres, schema, offered, timeoutMs }: AskOptions): Promise<string> {
  const server = externalServer(postgres);
  const options = { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs };
  const client = new (clientOf(schema))({ ...(await server.start()), ...options });
  client.on('error', () => {}); // The query under way says it.
  try {
    await client.connect();
    await migrate(client);
    return await agreeOnUserKey(client, offered);
  } finally {
    await client.end();
  }
}
