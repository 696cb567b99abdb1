import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientConfig, Pool } from 'pg';
import { EmbeddedPostgres } from '../../src/collector/sinks/postgres/embedded/embedded.ts';
import type { PostgresConfig } from '../../src/config/config.ts';

/** A real, throw-away server; start one per test file and stop it in `after`. */
export interface TestPostgres {
  /** PostgreSQL's own directory, where its socket is, too. */
  readonly clusterDir: string;
  /** A new, empty database as the configuration names it. */
  createDatabase(): Promise<PostgresConfig>;
  /** Runs something with a connection to a database. */
  using<T>(database: PostgresConfig, work: (client: Client) => Promise<T>): Promise<T>;
  /** The server goes away and keeps its data. */
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const STOP_MS = 5000;

/**
 * A directory that the unprivileged user Postgres runs as can reach when the tests run as root (`mkdtemp` alone makes it
 * private). Remove it in the end.
 */
export function reachableTempDir(prefix = 'nervecenter-test-'): string {
  const directory = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(directory, 0o755);
  return directory;
}

export async function startPostgres(): Promise<TestPostgres> {
  const directory = reachableTempDir();
  const start = async () => {
    const server = new EmbeddedPostgres({ dataDir: directory, log: () => {} });
    return { server, options: await server.start() };
  };
  let { server, options } = await start();
  return {
    clusterDir: join(directory, 'postgres'),
    async createDatabase() {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      await withClient(options, (client) => client.query(`CREATE DATABASE ${name}`));
      return configOf(options, name);
    },
    using: (database, work) =>
      withClient({ ...options, database: database.env['PGDATABASE'] ?? 'postgres' }, work),
    halt: () => server.stop(STOP_MS),
    async resume() {
      ({ server, options } = await start());
    },
    async stop() {
      await server.stop(STOP_MS);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function withClient<T>(options: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(options);
  // A test may stop the server under an open connection.
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function configOf({ host = '', port, user }: ClientConfig, database: string): PostgresConfig {
  return {
    connectionString: null,
    env: { PGHOST: host, PGPORT: String(port), PGUSER: String(user), PGDATABASE: database },
  };
}

/** A database as a URL: an app takes no other name of one. */
export function urlOf({ env }: PostgresConfig): string {
  const { PGHOST = '', PGPORT = '', PGUSER = '', PGDATABASE = '' } = env;
  return `postgres:///${PGDATABASE}?${new URLSearchParams({ host: PGHOST, port: PGPORT, user: PGUSER })}`;
}

/** Connections to a test's database, which its test ends. */
export function poolOf({ env }: PostgresConfig): Pool {
  return new Pool({
    host: env['PGHOST'],
    port: Number(env['PGPORT']),
    user: env['PGUSER'],
    database: env['PGDATABASE'],
  });
}
