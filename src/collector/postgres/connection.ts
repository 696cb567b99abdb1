import { Socket } from 'node:net';
import { Client, type ClientConfig, Pool } from 'pg';
import type { PostgresConfig } from '../../config.ts';
import { SECOND_MS } from '../../core/units.ts';

/** One connection writes, one is left for whoever reads history. */
const CONNECTIONS_MAX = 2;
const CONNECT_TIMEOUT_MS = 10 * SECOND_MS;
/** Longer than the pause between two samples of the host, so that an idle app does not reconnect for each. */
const IDLE_TIMEOUT_MS = 60 * SECOND_MS;
const KEEP_ALIVE_AFTER_MS = 10 * SECOND_MS;
const DEFAULT_PORT = 5432;

/** `sslmode` values that the driver would read as `verify-full`, unless asked to mean what libpq means. */
const LIBPQ_SSL_MODES = new Set(['prefer', 'require', 'verify-ca']);

/** A pool that can be closed at once, whatever its connections are doing. */
export interface Connections {
  readonly pool: Pool;
  /** Closes every socket, also one still connecting: what waits for an answer fails. */
  destroy(): void;
}

/** The driver's options for the user's server. `DATABASE_URL` means what it means to psql, `sslmode` included. */
export function connectionOptions({ connectionString, env }: PostgresConfig): ClientConfig {
  if (connectionString !== null) return { connectionString: withLibpqSslModes(connectionString) };
  return {
    host: env['PGHOST'] ?? 'localhost',
    port: env['PGPORT'] === undefined ? DEFAULT_PORT : Number(env['PGPORT']),
    ssl: sslOptions(env['PGSSLMODE']),
    ...(env['PGUSER'] === undefined ? {} : { user: env['PGUSER'] }),
    ...(env['PGPASSWORD'] === undefined ? {} : { password: env['PGPASSWORD'] }),
    ...(env['PGDATABASE'] === undefined ? {} : { database: env['PGDATABASE'] }),
  };
}

/** Host, port and database as the driver understands them, without user and password. */
export function describeServer(options: ClientConfig): string {
  const { host, port, database } = new Client(options);
  const place = host.startsWith('/') ? host : `${host}:${port}`;
  return `Postgres ${place}/${database ?? ''}`;
}

export function connect(options: ClientConfig): Connections {
  const sockets = new Set<Socket>();
  const pool = new Pool({
    ...options,
    max: CONNECTIONS_MAX,
    application_name: 'nervecenter',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    stream: () => trackedSocket(sockets),
  });
  // The pool has already removed the idle connection that broke; whoever needs one next will see whether it can have one.
  pool.on('error', () => {});
  // While a connection is in use the pool does not listen, and an event nobody listens to ends the process. The query
  // that was under way fails with the same error.
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    pool,
    destroy() {
      pool.end().catch(() => {}); // Fails only when called twice, which is as good as once.
      for (const socket of sockets) socket.destroy();
    },
  };
}

function trackedSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket();
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

function withLibpqSslModes(connectionString: string): string {
  const url = new URL(connectionString);
  const mode = url.searchParams.get('sslmode');
  if (mode === null || !LIBPQ_SSL_MODES.has(mode) || url.searchParams.has('uselibpqcompat')) {
    return connectionString;
  }
  url.searchParams.set('uselibpqcompat', 'true');
  return url.href;
}

/** libpq's `PGSSLMODE`: only the two `verify` modes look at the certificate. The driver cannot fall back to plain text. */
function sslOptions(mode: string | undefined): Exclude<ClientConfig['ssl'], undefined> {
  switch (mode) {
    case 'verify-full':
      return true;
    case 'verify-ca':
      return { checkServerIdentity: () => undefined };
    case 'prefer':
    case 'require':
    case 'no-verify':
      return { rejectUnauthorized: false };
    default:
      return false;
  }
}
