import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NervecenterError } from '../../../../core/errors.ts';
import { MIB, MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import { type Account, childOptions } from '../data-dir/account.ts';
import { poll, readPostmaster } from '../data-dir/process.ts';
import { type Binaries, PG_CTL, POSTGRES, REMEDY } from './binaries.ts';

export interface ServerCommand {
  readonly binaries: Binaries;
  readonly account: Account | null;
  readonly clusterDir: string;
  readonly arguments: readonly string[];
  readonly logPath: string;
}

/** The log is started anew past this size when the server starts. */
const LOG_MAX_BYTES = 10 * MIB;
/** Replaying the log of a killed server takes as long as it takes; this is for one look. */
const READY_TIMEOUT_MS = MINUTE_MS / 2;
const STOP_MIN_MS = SECOND_MS / 4;
const run = promisify(execFile);

/**
 * One running server, child of this process, in a session of its own: Ctrl-C in the terminal does not reach it, so it
 * outlives the last flush and is stopped by us. Should we die without stopping it, a watchdog does.
 */
export class ServerProcess {
  readonly #command: ServerCommand;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #running = true;
  #spawnError: Error | null = null;
  #watchdog: ChildProcess | null = null;

  constructor(command: ServerCommand) {
    this.#command = command;
    this.#child = spawnServer(command);
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        this.#running = false;
        this.#watchdog?.kill('SIGKILL');
        resolve();
      };
      this.#child.once('exit', ended);
      this.#child.once('error', (error) => {
        this.#spawnError = error;
        if (this.#child.pid === undefined) ended();
      });
    });
    this.#watchdog = watch(this.#child, command.account);
  }

  get running(): boolean {
    return this.#running;
  }

  /**
   * Resolves when it accepts connections.
   *
   * @throws NervecenterError `NC_EMBEDDED_UNAVAILABLE` when it cannot be run, `NC_STORAGE_UNREACHABLE` when it has ended or
   * is not ready yet.
   */
  async ready(signal: AbortSignal): Promise<void> {
    const { clusterDir } = this.#command;
    const isReady = () => {
      const postmaster = readPostmaster(clusterDir);
      return postmaster?.ready === true && postmaster.pid === this.#child.pid;
    };
    await poll(() => !this.#running || isReady(), READY_TIMEOUT_MS, signal);
    if (this.#spawnError !== null) throw cannotRun(this.#spawnError);
    if (this.#running && isReady()) return;
    const state = this.#running ? 'is not ready yet' : 'did not start';
    throw new NervecenterError(
      'NC_STORAGE_UNREACHABLE',
      `Embedded PostgreSQL ${state}: ${this.#lastWords()} (${this.#command.logPath}).`,
    );
  }

  /** Fast stop, then, when the time is up, immediate stop (the next start replays the log), then kill. */
  async stop(deadlineMs: number): Promise<void> {
    if (!this.#running) return;
    if (process.platform === 'win32') await this.#stopOnWindows();
    else this.#child.kill('SIGINT');
    const { signal } = new AbortController();
    if (await poll(() => !this.#running, Math.max(deadlineMs, STOP_MIN_MS), signal)) return;
    this.#child.kill('SIGQUIT');
    if (await poll(() => !this.#running, SECOND_MS, signal)) return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Windows knows no signals: `kill` would end it at once. */
  async #stopOnWindows(): Promise<void> {
    const { binaries, clusterDir } = this.#command;
    const pgCtl = join(binaries.directory, 'bin', PG_CTL);
    await run(pgCtl, ['stop', '-D', clusterDir, '-m', 'fast', '--no-wait']).catch(() => {}); // Then it is killed below.
  }

  #lastWords(): string {
    try {
      const lines = readFileSync(this.#command.logPath, 'utf8').trimEnd().split('\n');
      return lines.findLast((line) => line.includes('FATAL')) ?? lines.at(-1) ?? 'its log is empty';
    } catch {
      return 'its log cannot be read';
    }
  }
}

/** Postgres cannot be run at all: no such binary, no right to change the user. */
export function cannotRun(error: Error): NervecenterError {
  return new NervecenterError(
    'NC_EMBEDDED_UNAVAILABLE',
    `The bundled PostgreSQL cannot be run: ${error.message.split('\n')[0]}. ${REMEDY}`,
    { cause: error },
  );
}

function spawnServer({
  binaries,
  account,
  clusterDir,
  arguments: args,
  logPath,
}: ServerCommand): ChildProcess {
  const tooLong = (statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > LOG_MAX_BYTES;
  // A file, not a pipe: when nobody reads a pipe, Postgres stops at its next word.
  const log = openSync(logPath, tooLong ? 'w' : 'a', 0o600);
  try {
    const child = spawn(join(binaries.directory, 'bin', POSTGRES), args, {
      ...childOptions(account),
      cwd: clusterDir,
      detached: process.platform !== 'win32',
      stdio: ['ignore', log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/**
 * A shell that waits for the end of a pipe whose other end we hold: however we end, `kill -9` included, the kernel closes
 * it, and the server gets a fast stop. Where there is no shell, the next start settles it.
 */
function watch(server: ChildProcess, account: Account | null): ChildProcess | null {
  if (server.pid === undefined || process.platform === 'win32') return null;
  const script = 'read -r _; kill -INT "$1"';
  const watchdog = spawn('/bin/sh', ['-c', script, 'nervecenter-watchdog', String(server.pid)], {
    ...childOptions(account),
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.once('error', () => {});
  watchdog.unref();
  const pipe = watchdog.stdin as Socket | null;
  pipe?.on('error', () => {});
  pipe?.unref();
  return watchdog;
}
