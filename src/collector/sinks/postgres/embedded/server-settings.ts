import { randomBytes } from 'node:crypto';
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import type { Account } from '../data-dir/account.ts';
import type { Home } from '../data-dir/home.ts';

/** Where the server listens: a socket in a directory only we can enter, or on Windows a port of 127.0.0.1. */
export interface Endpoint {
  /** `null` where there are no Unix sockets. */
  readonly socketDir: string | null;
  readonly port: number;
  /** `null`: the kernel says who connects (see `authentication.ts`). */
  readonly password: string | null;
}

const USER = 'nervecenter';
const DATABASE = 'postgres';
/** Only a part of the socket's file name here: nothing listens on a port. */
const SOCKET_PORT = 5432;
/** The shortest limit of the systems we run on is 104 bytes with the terminating one (macOS). */
const SOCKET_PATH_BYTES_MAX = 103;
const PASSWORD_BYTES = 24;

/** A small footprint for one writer and the odd reader; durability is Postgres' default. */
const SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: '32MB',
  // Three for each of the processes that may share a data directory, and some for commands.
  max_connections: '60',
  // Shared by all connections: a migration or a rollback locks every partition, some five locks each, at once.
  max_locks_per_transaction: '128',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  // Nothing replicates from here.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  autovacuum_max_workers: '1',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  // Reads without helper processes, of which PostgreSQL 18 starts three.
  io_method: 'sync',
  timezone: 'UTC',
  cluster_name: 'nervecenter',
  // Starts, stops and crashes only: a refused row or a checkpoint every five minutes would fill the log.
  log_min_messages: 'log',
  log_checkpoints: 'off',
  log_timezone: 'UTC',
};

/** Options of `initdb`, `directory` being the cluster to make. */
export function initdbArguments(directory: string, passwordFile: string | null): string[] {
  const authentication =
    passwordFile === null ? ['--auth=peer'] : ['--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  return [
    `--pgdata=${directory}`,
    `--username=${USER}`,
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...authentication,
  ];
}

export function postgresArguments(clusterDir: string, endpoint: Endpoint): string[] {
  const settings = {
    ...SETTINGS,
    listen_addresses: endpoint.socketDir === null ? '127.0.0.1' : '',
    unix_socket_directories: endpoint.socketDir ?? '',
    unix_socket_permissions: '0700',
    port: String(endpoint.port),
  };
  return [
    '-D',
    clusterDir,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

/** Every option is given, so that no `PG*` variable of the app decides one. */
export function clientOptions({ socketDir, port, password }: Endpoint): ClientConfig {
  return {
    host: socketDir ?? '127.0.0.1',
    port,
    user: USER,
    database: DATABASE,
    ssl: false,
    sslnegotiation: 'postgres',
    options: ' ', // Empty would be as good as none given.
    ...(password === null ? {} : { password }),
  };
}

/**
 * The socket lies in the cluster's directory (mode 0700). A path too long for a socket address gets a directory of that
 * mode below `/tmp` instead, which the caller removes when the server has stopped.
 */
export async function chooseEndpoint({ directory, clusterDir, account }: Home): Promise<Endpoint> {
  if (process.platform === 'win32') {
    return { socketDir: null, port: await freePort(), password: passwordOf(directory) };
  }
  const path = join(clusterDir, `.s.PGSQL.${SOCKET_PORT}.lock`);
  const fits = Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
  return { socketDir: fits ? clusterDir : shortDirectory(account), port: SOCKET_PORT, password: null };
}

/** The file with the password of a server that listens on a port; made on first use. */
export function passwordFile(directory: string): string {
  const path = join(directory, 'postgres.password');
  try {
    writeFileSync(path, randomBytes(PASSWORD_BYTES).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return path;
}

export function passwordOf(directory: string): string {
  return readFileSync(passwordFile(directory), 'utf8');
}

function shortDirectory(account: Account | null): string {
  const directory = mkdtempSync('/tmp/nervecenter-');
  if (account !== null) chownSync(directory, account.uid, account.gid);
  return directory;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
