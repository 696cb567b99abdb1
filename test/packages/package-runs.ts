import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { PostgresConfig } from '../../src/config/config.ts';
import { freePort, WITHOUT_OTLP } from '../support/free-port.ts';
import { ObservedApp, type ObservedAppOptions, PRELOAD } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import type { ExpectedRow } from './expected.ts';
import { type Providers, startProviders } from './provider.ts';

const APPS = join(import.meta.dirname, 'apps');
/** What an app leaves in a spool, because it ends on a machine that is busy, is taken from there within a minute. */
const PATIENCE_MS = 90_000;
const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

/** A stored call, as far as it is looked at. */
export interface Row {
  readonly id: string;
  readonly user_email: string | null;
  readonly provider: string;
  readonly model: string;
  readonly operation: string;
  readonly streaming: boolean;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly cached_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly total_tokens: number | null;
  readonly outcome: string;
  readonly usage_source: string;
  readonly usage_mismatch: boolean | null;
  readonly first_token_ms: number | null;
  readonly elapsed_ms: number;
  readonly status_code: number;
  readonly attempt: number;
  readonly trace_id: string;
}

/** Apps with the agent in front, which share stand-ins of all providers, a collector and its Postgres. */
export class PackageRuns {
  readonly providers: Providers;
  readonly #postgres: TestPostgres;
  readonly #database: PostgresConfig;
  readonly #collector: ObservedApp;
  readonly #port: string;
  readonly #known = new Set<string>();

  private constructor(
    providers: Providers,
    storage: { readonly postgres: TestPostgres; readonly database: PostgresConfig },
    port: string,
  ) {
    this.providers = providers;
    this.#postgres = storage.postgres;
    this.#database = storage.database;
    this.#port = port;
    const env = { NERVECENTER_PORT: port, ...WITHOUT_OTLP, ...storage.database.env };
    this.#collector = new ObservedApp(CLI, { flags: [], args: ['collector'], env });
  }

  /** @param startServers the stand-ins. @default those that `answers.ts` speaks for */
  static async start(startServers: () => Promise<Providers> = startProviders): Promise<PackageRuns> {
    const [postgres, providers] = await Promise.all([startPostgres(), startServers()]);
    const database = await postgres.createDatabase();
    const runs = new PackageRuns(providers, { postgres, database }, String(await freePort()));
    await runs.#collector.started();
    return runs;
  }

  /** Runs an app to its end; the rows it made, and what it printed. */
  async run(
    app: string,
    flag: string,
    moreArgs: readonly string[] = [],
  ): Promise<{ readonly rows: readonly Row[]; readonly stdout: string }> {
    const child = new ObservedApp(join(APPS, app), {
      flags: [flag, PRELOAD],
      args: [String(this.providers.port), String(this.providers.http2Port), ...moreArgs],
      env: { NERVECENTER_PORT: this.#port },
      dataDir: this.#collector.dataDir,
    });
    assert.deepEqual(await child.end(), { code: 0, signal: null }, child.stderr);
    const stored = await this.#stored().catch((cause: unknown) => {
      throw new Error(`fewer rows than requests; the app said: ${child.stderr}`, { cause });
    });
    const rows = stored.filter(({ id }) => !this.#known.has(id));
    for (const { id } of rows) this.#known.add(id);
    return { rows, stdout: child.stdout };
  }

  /** Starts an app that goes on. It is ended by whoever started it, and leaves the directory to all of them. */
  serve(script: string, options: ObservedAppOptions): ObservedApp {
    return new ObservedApp(script, {
      ...options,
      env: { NERVECENTER_PORT: this.#port, ...options.env },
      dataDir: this.#collector.dataDir,
    });
  }

  /** Every row there is once there are as many as requests came. */
  #stored(): Promise<readonly Row[]> {
    const rows = 'SELECT * FROM enterprise.llm_call_metrics ORDER BY id';
    return this.select<Row>(rows, ({ length }) => length >= this.providers.received);
  }

  /** Asks the database until the answer is as wanted. */
  async select<T extends object>(
    sql: string,
    isAsWanted: (rows: readonly T[]) => boolean,
  ): Promise<readonly T[]> {
    let rows: readonly T[] = [];
    await until(
      async () => {
        rows = (await this.#postgres.using(this.#database, (client) => client.query(sql))).rows;
        return isAsWanted(rows);
      },
      { timeoutMs: PATIENCE_MS },
    );
    return rows;
  }

  /** A database of the app's own on the same server, as the environment of a client. */
  async appDatabase(sql: string): Promise<Readonly<Record<string, string>>> {
    const database = await this.#postgres.createDatabase();
    await this.#postgres.using(database, (client) => client.query(sql));
    return database.env;
  }

  async stop(): Promise<void> {
    await this.#collector.stop();
    await this.providers.close();
    await this.#postgres.stop();
  }
}

/** A call that went well, with the figures that were sent. */
export function assertRow(row: Row, { tokens, ...expected }: ExpectedRow): void {
  const { provider, model, operation, streaming } = row;
  assert.deepEqual({ provider, model, operation, streaming }, expected);
  assert.deepEqual([row.outcome, row.status_code, row.attempt, row.usage_mismatch], ['ok', 200, 0, null]);
  assert.equal(row.usage_source, tokens === null ? 'none' : 'provider');
  const counts = [row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.reasoning_tokens];
  assert.deepEqual(counts, tokens ?? [null, null, null, null]);
  if (!streaming) assert.equal(row.first_token_ms, null);
  else assert.ok(row.first_token_ms !== null && row.first_token_ms <= row.elapsed_ms);
}
