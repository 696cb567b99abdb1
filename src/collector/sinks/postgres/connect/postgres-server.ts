import type { ClientConfig } from 'pg';
import type { PostgresConfig } from '../../../../config/config.ts';
import { agreedOptions, connectionAttempts, describeServer } from './connection.ts';

/** A Postgres to store in: the user's, which is just there, or our own, which has to be started. */
export interface PostgresServer {
  /** For people: where rows go, never with a password. */
  readonly description: string;
  /**
   * Makes sure that the server runs, as far as that is ours to do, and tells how to connect. May be called again whenever
   * a connection was lost.
   *
   * @throws NervecenterError of class `permanent` when trying again cannot help, else of class `retryable`.
   */
  start(): Promise<ClientConfig>;
  /** Stops what `start` started, also one that is still starting. Idempotent. */
  stop(deadlineMs: number): Promise<void>;
}

/** The user's own server. */
export function externalServer(postgres: PostgresConfig): PostgresServer {
  const stopping = new AbortController();
  return {
    description: describe(postgres),
    start: async () => agreedOptions(connectionAttempts(postgres), stopping.signal),
    stop: async () => stopping.abort(),
  };
}

function describe(postgres: PostgresConfig): string {
  try {
    return describeServer(connectionAttempts(postgres)[0]);
  } catch {
    return 'Postgres'; // The driver cannot make sense of the options; connecting says why.
  }
}
