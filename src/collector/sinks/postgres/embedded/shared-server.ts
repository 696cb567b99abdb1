import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientConfig } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import type { PostgresServer } from '../connect/postgres-server.ts';
import { prepareHome } from '../data-dir/home.ts';
import { LockedError } from '../data-dir/lock.ts';
import { type EmbeddedOptions, EmbeddedPostgres } from './embedded.ts';
import { runningServer } from './running.ts';

/** Making a cluster takes some seconds, replaying the log of a killed server as long as it takes; this is for one look. */
const JOIN_TIMEOUT_MS = MINUTE_MS / 2;
const LOOK_INTERVAL_MS = SECOND_MS / 10;

/**
 * The embedded server of a data directory that several processes may use: the first one runs it, the others connect to it,
 * and when it ends with that process, the first of them that comes back runs it.
 */
export class SharedEmbedded implements PostgresServer {
  readonly #options: EmbeddedOptions;
  readonly #own: EmbeddedPostgres;
  readonly #stopping = new AbortController();
  /** The process that runs the server; `null`: we do, or nobody yet. */
  #host: number | null = null;
  #tookOver = false;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
    this.#own = new EmbeddedPostgres(options);
  }

  get description(): string {
    const now = this.#tookOver ? ' (run by this process now)' : '';
    return `${this.#own.description}${this.#host === null ? now : ` (run by process ${this.#host})`}`;
  }

  /**
   * See `PostgresServer.start`. Throws what `EmbeddedPostgres.start` throws, `LockedError` when the process that has the data
   * directory is elsewhere, and `NC_STORAGE_UNREACHABLE` when it runs no server for half a minute.
   */
  async start(): Promise<ClientConfig> {
    const { signal } = this.#stopping;
    const endsAt = performance.now() + JOIN_TIMEOUT_MS;
    for (;;) {
      const started = await this.#runOrJoin();
      if (!(started instanceof LockedError)) return started;
      if (started.elsewhere) throw started;
      if (performance.now() >= endsAt) throw started.pid === null ? started : this.#noServer(started.pid);
      await sleep(LOOK_INTERVAL_MS, undefined, { signal });
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#own.stop(deadlineMs);
  }

  #noServer(pid: number): NervecenterError {
    return new NervecenterError(
      'NC_STORAGE_UNREACHABLE',
      `${this.#own.description} belongs to process ${pid}, whose server does not accept connections yet. Wait for it, or see in its postgres.log what keeps it.`,
    );
  }

  async #runOrJoin(): Promise<ClientConfig | LockedError> {
    try {
      const options = await this.#own.start();
      if (this.#host !== null) this.#tookOver = true;
      this.#host = null;
      return options;
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      const { dataDir, systemDir } = this.#options;
      const running = error.pid === null ? null : runningServer(prepareHome(dataDir, systemDir));
      if (running === null) return error;
      this.#host = error.pid;
      return running;
    }
  }
}
