import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { lchownSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ClientConfig } from 'pg';
import { MINUTE_MS } from '../../../../core/units.ts';
import type { Log } from '../../../log.ts';
import type { PostgresServer } from '../connect/postgres-server.ts';
import { childOptions, makerFor } from '../data-dir/account.ts';
import { giveCluster } from '../data-dir/give-cluster.ts';
import { type Home, needsInit, prepareHome, SYSTEM_DIR } from '../data-dir/home.ts';
import { type Lock, takeLock } from '../data-dir/lock.ts';
import { settlePrevious } from '../data-dir/process.ts';
import { writeAuthentication } from './authentication.ts';
import { type Binaries, INITDB, installedBinaries, runnableBinaries } from './binaries.ts';
import { cannotRun, ServerProcess } from './child.ts';
import {
  chooseEndpoint,
  clientOptions,
  type Endpoint,
  initdbArguments,
  passwordFile,
  postgresArguments,
} from './server-settings.ts';

export interface EmbeddedOptions {
  /** Made when it is not there; gets a `.gitignore` of its own. */
  readonly dataDir: string;
  /** The data directory as people are told about it. @default dataDir */
  readonly shownAs?: string;
  readonly log: Log;
  /** The binaries as installed. @default those npm brought for this platform */
  readonly installed?: Binaries;
  /** Root's place for what the data directory cannot hold. @default /var/lib/nervecenter */
  readonly systemDir?: string;
}

const INITDB_TIMEOUT_MS = 2 * MINUTE_MS;
const INIT_PREFIX = 'postgres.init-';
const run = promisify(execFile);

/**
 * PostgreSQL from npm's native binaries, run as our child on a Unix socket in the data directory. The data directory is
 * locked while it is ours; a server that a killed process left behind is stopped first.
 */
export class EmbeddedPostgres implements PostgresServer {
  readonly #options: EmbeddedOptions;
  readonly #stopping = new AbortController();
  #movedTo = '';
  #version = '';
  #lock: Lock | null = null;
  #endpoint: Endpoint | null = null;
  #home: Home | null = null;
  #server: ServerProcess | null = null;
  #starting: Promise<unknown> = Promise.resolve();

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  get description(): string {
    const place = this.#movedTo || (this.#options.shownAs ?? this.#options.dataDir);
    return `embedded PostgreSQL${this.#version} in ${place}`;
  }

  /**
   * See `PostgresServer.start`. Throws `NC_EMBEDDED_UNAVAILABLE`, `NC_DATA_DIR` or `NC_STORAGE_UNREACHABLE`, as `LockedError`
   * when another process has the data directory.
   */
  start(): Promise<ClientConfig> {
    const starting = this.#start();
    this.#starting = starting.catch(() => {});
    return starting;
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#starting;
    await this.#server?.stop(deadlineMs);
    this.#server = null;
    this.#removeShortSocketDir();
    this.#unlock();
  }

  async #start(): Promise<ClientConfig> {
    const { signal } = this.#stopping;
    signal.throwIfAborted();
    if (this.#server?.running !== true || this.#endpoint === null) {
      this.#server = null;
      try {
        this.#endpoint = await this.#launch(signal);
      } catch (error) {
        this.#unlock();
        throw error;
      }
    }
    await this.#server?.ready(signal);
    return clientOptions(this.#endpoint);
  }

  async #launch(signal: AbortSignal): Promise<Endpoint> {
    const { dataDir, log, systemDir = SYSTEM_DIR, installed = installedBinaries() } = this.#options;
    const home = prepareHome(dataDir, systemDir);
    if (home.movedBecause !== null) this.#movedTo = `${home.directory} (${home.movedBecause})`;
    this.#lock ??= takeLock(join(home.directory, 'postgres.lock'));
    this.#removeShortSocketDir();
    this.#home = home;
    const copyInto = home.account === null ? [home.directory] : [systemDir, home.directory];
    const binaries = await runnableBinaries({ account: home.account, copyInto, installed });
    const major = binaries.version.split('.')[0] ?? '';
    this.#version = ` ${major}`;
    if ((await settlePrevious(home.clusterDir, signal)) === 'stopped') {
      log('storage', 'Stopped the embedded PostgreSQL that an earlier process left running.');
    }
    if (needsInit(home.clusterDir, major)) await initialize(home, binaries, signal);
    if (home.account !== null && giveCluster(home.clusterDir, home.account)) {
      log(
        'storage',
        `${this.description} is the user's ${home.account.name} from now on, which neither /etc/passwd nor /etc/group names.`,
      );
    }
    writeAuthentication(home.clusterDir, home.account);
    const endpoint = await chooseEndpoint(home);
    this.#server = new ServerProcess({
      binaries,
      account: home.account,
      clusterDir: home.clusterDir,
      arguments: postgresArguments(home.clusterDir, endpoint),
      logPath: join(home.directory, 'postgres.log'),
    });
    return endpoint;
  }

  #unlock(): void {
    this.#lock?.release();
    this.#lock = null;
  }

  #removeShortSocketDir(): void {
    const socketDir = this.#endpoint?.socketDir ?? null;
    if (socketDir === null || socketDir === this.#home?.clusterDir) return;
    rmSync(socketDir, { recursive: true, force: true });
  }
}

/** A complete cluster or none: it is made beside its place and renamed into it. */
async function initialize(home: Home, binaries: Binaries, signal: AbortSignal): Promise<void> {
  const { directory, clusterDir, account } = home;
  for (const name of readdirSync(directory)) {
    // Left by a process that was killed while it made one.
    if (name.startsWith(INIT_PREFIX)) rmSync(join(directory, name), { recursive: true, force: true });
  }
  const temporary = join(directory, `${INIT_PREFIX}${randomUUID()}`);
  const secret = process.platform === 'win32' ? passwordFile(directory) : null;
  const maker = makerFor(account);
  try {
    mkdirSync(temporary, { mode: 0o700 });
    if (maker !== null) lchownSync(temporary, maker.uid, maker.gid);
    await run(join(binaries.directory, 'bin', INITDB), initdbArguments(temporary, secret), {
      ...childOptions(maker),
      cwd: directory,
      timeout: INITDB_TIMEOUT_MS,
      signal,
    });
    if (account !== null) giveCluster(temporary, account);
    renameSync(temporary, clusterDir);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (signal.aborted) throw error;
    const { stderr } = error as { stderr?: string };
    const reason = stderr?.split('\n').find((line) => line.includes('error:'));
    throw cannotRun(reason === undefined ? (error as Error) : new Error(reason));
  }
}
