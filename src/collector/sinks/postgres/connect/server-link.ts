import type { Pool, PoolClient } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import { type Connections, connect } from './connection.ts';
import { storageError } from './failure.ts';
import type { PostgresServer } from './postgres-server.ts';

interface LinkOptions {
  /** That of our tables. @default `enterprise` */
  readonly schema?: string;
  /** Called with the first of new connections, before anybody else has one. */
  readonly prepare: (client: PoolClient) => Promise<void>;
}

/** The connections to the server: there, or lost and to be made again; and the two lines about it. */
export class ServerLink {
  readonly #server: PostgresServer;
  readonly #schema: string | undefined;
  readonly #prepare: (client: PoolClient) => Promise<void>;
  readonly #down: Condition;
  #connections: Connections | null = null;
  /** Connections being made, so that a shutdown need not wait for them. */
  #opening: Connections | null = null;
  #downSince = performance.now();
  #silent = false;
  #ended = false;

  constructor(server: PostgresServer, { schema, prepare }: LinkOptions, log: Log) {
    this.#server = server;
    this.#schema = schema;
    this.#prepare = prepare;
    this.#down = new Condition(log, 'storage');
  }

  /** See `PostgresServer.description`. */
  get description(): string {
    return this.#server.description;
  }

  /** `null` while there is no connection. */
  get pool(): Pool | null {
    return this.#connections?.pool ?? null;
  }

  /** @throws whatever went wrong; there is no connection then. */
  async open(): Promise<void> {
    const connections = connect(await this.#server.start(), this.#schema);
    this.#opening = connections;
    try {
      if (this.#ended) throw new Error('stopping');
      await withClient(connections.pool, this.#prepare);
    } catch (error) {
      connections.destroy();
      throw error;
    } finally {
      this.#opening = null;
    }
    this.#connections = connections;
  }

  /**
   * Lends a connection.
   *
   * @throws NervecenterError `NC_UNAVAILABLE` while there is none.
   */
  async lend<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#connections === null || this.#ended) {
      throw new NervecenterError(
        'NC_UNAVAILABLE',
        'Storage cannot be reached at the moment. Try again later.',
      );
    }
    return withClient(this.#connections.pool, work);
  }

  /** The connections are of no more use, or could not be made. */
  lose(error: unknown): void {
    const failure = storageError(error, this.description);
    this.#connections?.destroy();
    this.#connections = null;
    if (!this.#down.holds) this.#downSince = performance.now();
    // Said again only when the reason changes, for example from unreachable to refused.
    if (!this.#silent) {
      this.#down.begin(
        `${failure.message} Rows wait meanwhile; trying again. [${failure.code}]`,
        failure.code,
      );
    }
  }

  /** They were made again. */
  restored(waiting: number): void {
    const seconds = Math.ceil((performance.now() - this.#downSince) / SECOND_MS);
    if (!this.#silent) {
      this.#down.end(`${this.description} is back after ${seconds} s; ${waiting} events waited.`);
    }
  }

  /** What is lost from now on is lost on purpose. */
  silence(): void {
    this.#silent = true;
  }

  /** No more connections: none is lent, and those being made are given up. */
  end(): void {
    this.#ended = true;
    this.#opening?.destroy();
  }

  /** Says goodbye to the server. */
  async leave(): Promise<void> {
    await this.#connections?.pool.end();
  }

  /** Closes what is open at once, and stops a server of our own. */
  async close(deadlineMs: number): Promise<void> {
    this.#connections?.destroy();
    this.#connections = null;
    await this.#server.stop(deadlineMs);
  }
}

async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    const result = await work(client);
    broken = false;
    return result;
  } finally {
    client.release(broken); // After a failure nobody knows in what state the connection is.
  }
}
