import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Client, type ClientConfig, DatabaseError, Pool } from 'pg';
import type { PostgresConfig } from '../../../../config/config.ts';
import { type PostgresOptions, resolvePostgres } from '../../../../config/postgres-options.ts';
import { DEFAULT_SCHEMA } from '../../../../config/postgres-settings.ts';
import { NervecenterError } from '../../../../core/errors.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { failureKind } from './failure.ts';
import { clientOf } from './schema.ts';

/** One connection writes, one is left for whoever reads history. */
const CONNECTIONS_MAX = 2;
const CONNECT_TIMEOUT_MS = 10 * SECOND_MS;
/** Longer than the pause between two samples of the host, so that an idle app does not reconnect for each. */
const IDLE_TIMEOUT_MS = 60 * SECOND_MS;
const KEEP_ALIVE_AFTER_MS = 10 * SECOND_MS;
/** A pool that can be closed at once, whatever its connections are doing. */
export interface Connections {
  readonly pool: Pool;
  /** Closes every socket, also one still connecting: what waits for an answer fails. */
  destroy(): void;
}

/**
 * The driver's options for the user's server, in the order in which to try them: `sslmode=prefer` and `allow` name two ways.
 *
 * @throws NervecenterError `NC_CONFIG_INVALID` when an option cannot be used, such as a file that is gone.
 */
export function connectionAttempts(config: PostgresConfig): [ClientConfig, ...ClientConfig[]] {
  const { options, problems } = resolvePostgres(config);
  if (problems.length > 0) throw new NervecenterError('NC_CONFIG_INVALID', problems.join(' '));
  const plain: ClientConfig = { ...driverOptions(options), ssl: false, sslnegotiation: 'postgres' };
  // As in libpq, a Unix socket needs no TLS and has none.
  if (options.sslMode === 'disable' || options.host.startsWith('/')) return [plain];
  const secure: ClientConfig = {
    ...driverOptions(options),
    ssl: tlsOptions(options),
    sslnegotiation: options.sslNegotiation,
  };
  if (options.sslMode === 'prefer') return [secure, plain];
  return options.sslMode === 'allow' ? [plain, secure] : [secure];
}

/**
 * The first of the attempts with which the server can be used. The only one is not tried: whoever uses it will see.
 *
 * @throws the server's refusal, or the error of a connection that could not be made at all.
 */
export async function agreedOptions(
  attempts: readonly [ClientConfig, ...ClientConfig[]],
  signal: AbortSignal,
): Promise<ClientConfig> {
  const [only, ...others] = attempts;
  if (others.length === 0) return only;
  let refusal: unknown = null;
  for (const attempt of attempts) {
    try {
      await tryOut(attempt, signal);
      return attempt;
    } catch (error) {
      if (failureKind(error) !== 'refused') throw error;
      if (!(refusal instanceof DatabaseError)) refusal = error;
    }
  }
  throw refusal;
}

async function tryOut(options: ClientConfig, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const socket = new Socket();
  const abort = () => socket.destroy();
  signal.addEventListener('abort', abort);
  const client = new Client({
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...options,
    stream: () => socket,
  });
  client.on('error', () => {}); // Told by the connection that fails.
  try {
    await client.connect();
    await client.end();
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** Host, port and database as the driver understands them, without user and password. */
export function describeServer(options: ClientConfig): string {
  const { host, port, database } = new Client(options);
  const place = host.startsWith('/') ? host : `${host}:${port}`;
  return `Postgres ${place}/${database ?? ''}`;
}

/** @param schema that of our tables. @default `enterprise` */
export function connect(options: ClientConfig, schema = DEFAULT_SCHEMA): Connections {
  const sockets = new Set<Socket>();
  const pool = new Pool({
    application_name: 'nervecenter',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...options,
    Client: clientOf(schema),
    max: CONNECTIONS_MAX,
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

function driverOptions(options: PostgresOptions): ClientConfig {
  const { host, port, database, user, password, applicationName, connectTimeoutSeconds } = options;
  return {
    host,
    port,
    ...(database === undefined ? {} : { database }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(applicationName === undefined ? {} : { application_name: applicationName }),
    ...(options.options === undefined ? {} : { options: options.options }),
    ...(connectTimeoutSeconds === undefined
      ? {}
      : { connectionTimeoutMillis: connectTimeoutSeconds * SECOND_MS }),
    ...options.timeouts,
  };
}

/** As libpq: an authority that is named is asked in every mode, the host's name is compared in `verify-full` only. */
function tlsOptions({ sslMode, tls }: PostgresOptions): ConnectionOptions {
  const verified = sslMode === 'verify-full' || sslMode === 'verify-ca';
  return {
    ...tls,
    rejectUnauthorized: verified || (tls.ca !== undefined && sslMode !== 'no-verify'),
    ...(sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}
