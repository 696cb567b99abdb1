import type { Pool, PoolClient } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import { type Connections, connect } from './connection.ts';
import { storageError } from './failure.ts';
import type { PostgresServer } from './postgres-server.ts';
import { Pulse } from './pulse.ts';

interface LinkOptions {
  /** That of our tables. @default `enterprise` */
  readonly schema?: string;
  /** Called with the first of new connections, before anybody else has one. */
  readonly prepare: (client: PoolClient) => Promise<void>;
  /** How many events wait to be stored. */
  readonly waiting: () => number;
}

/** From the first failure until the server is of use again. */
interface Outage {
  readonly sinceMs: number;
  /** There are connections, and no answers. */
  readonly unanswered: boolean;
  /** Events that waited when there were connections again. */
  waited: number;
}

/** The connections to the server: there, or lost and to be made again; and the two lines about it. */
export class ServerLink {
  readonly #server: PostgresServer;
  readonly #schema: string | undefined;
  readonly #prepare: (client: PoolClient) => Promise<void>;
  readonly #waiting: () => number;
  readonly #down: Condition;
  #connections: Connections | null = null;
  #pulse: Pulse | null = null;
  /** Connections being made, so that a shutdown need not wait for them. */
  #opening: Connections | null = null;
  #outage: Outage | null = null;
  #silent = false;
  #ended = false;

  constructor(server: PostgresServer, { schema, prepare, waiting }: LinkOptions, log: Log) {
    this.#server = server;
    this.#schema = schema;
    this.#prepare = prepare;
    this.#waiting = waiting;
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

  /** Whether the server has kept what it was last given, and answers. */
  get usable(): boolean {
    return this.#connections !== null && this.#outage === null;
  }

  /** It is there, and does not answer: stopped, or cut off. */
  get unanswered(): boolean {
    return this.#outage?.unanswered === true;
  }

  /**
   * Makes the connections. After an outage it is over once something is stored: see `restored`.
   *
   * @throws whatever went wrong; there is no connection then.
   */
  async open(): Promise<void> {
    const options = await this.#server.start();
    const connections = connect(options, this.#schema);
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
    if (this.#outage !== null) this.#outage.waited = this.#waiting();
    this.#pulse = new Pulse(options, { onSilent: () => this.#unheard(), onAnswer: () => this.#heard() });
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
    this.#disconnect();
    this.#outage = { ...(this.#outage ?? newOutage()), unanswered: false };
    this.#say(failure);
  }

  /** They were made again, and nothing waits or some of it is stored: a server may be there and keep nothing, its disk full. */
  restored(): void {
    if (this.#outage === null) return;
    const { sinceMs, unanswered } = this.#outage;
    const waited = unanswered ? this.#waiting() : this.#outage.waited;
    this.#outage = null;
    const seconds = Math.ceil((performance.now() - sinceMs) / SECOND_MS);
    if (!this.#silent)
      this.#down.end(`${this.description} is back after ${seconds} s; ${waited} events waited.`);
  }

  /** What is under way stays so: should the server go on, nothing has to be done again. */
  #unheard(): void {
    this.#outage ??= { ...newOutage(), unanswered: true };
    this.#say(new NervecenterError('NC_STORAGE_UNREACHABLE', `${this.description} does not answer.`));
  }

  #heard(): void {
    if (this.unanswered) this.restored();
  }

  /** Said again only when the reason changes, for example from unreachable to refused. */
  #say({ message, code }: NervecenterError): void {
    if (!this.#silent) this.#down.begin(`${message} Rows wait meanwhile; trying again. [${code}]`, code);
  }

  #disconnect(): void {
    this.#pulse?.stop();
    this.#pulse = null;
    this.#connections?.destroy();
    this.#connections = null;
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
    this.#pulse?.stop();
    await this.#connections?.pool.end();
  }

  /** Closes what is open at once, and stops a server of our own. */
  async close(deadlineMs: number): Promise<void> {
    this.#disconnect();
    await this.#server.stop(deadlineMs);
  }
}

function newOutage(): Outage {
  return { sinceMs: performance.now(), unanswered: false, waited: 0 };
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
