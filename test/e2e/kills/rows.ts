import { Client } from 'pg';
import { prepareHome } from '../../../src/collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../../../src/collector/sinks/postgres/embedded/running.ts';

/** What is stored: the names of the requests that have rows, one per row, and how many model calls. */
export interface Stored {
  readonly requests: readonly string[];
  readonly calls: number;
}

/** A model call that has a row. */
export interface StoredCall {
  readonly trace_id: string;
  readonly prompt_tokens: number;
  readonly ended_ms: number;
}

/** Asks the embedded server that a collector runs. @param dataDir as the collector's setting says. */
export function storedIn(dataDir: string): Promise<Stored> {
  return asking(dataDir, async (client) => {
    const requests = await client.query<{ name: string }>(
      'SELECT user_email AS name FROM enterprise.request_metrics',
    );
    const calls = await client.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM enterprise.llm_call_metrics',
    );
    return { requests: requests.rows.map(({ name }) => name), calls: calls.rows[0]?.n ?? 0 };
  });
}

/** A request that has a row. */
export interface StoredRequest {
  readonly service: string;
  readonly duration_ms: number;
}

/** Asks the same server. @returns a row each, the shortest first. */
export function requestsIn(dataDir: string): Promise<StoredRequest[]> {
  return asking(dataDir, async (client) => {
    const { rows } = await client.query<StoredRequest>(
      'SELECT service, response_time_ms AS duration_ms FROM enterprise.request_metrics ORDER BY response_time_ms',
    );
    return rows;
  });
}

/** Asks the same server. @returns a row each, by trace and time. */
export function callsIn(dataDir: string): Promise<StoredCall[]> {
  return asking(dataDir, async (client) => {
    const { rows } = await client.query<StoredCall>(
      `SELECT trace_id, prompt_tokens, extract(epoch FROM timestamp)::float8 * 1000 AS ended_ms
       FROM enterprise.llm_call_metrics ORDER BY trace_id, timestamp`,
    );
    return rows;
  });
}

async function asking<T>(dataDir: string, ask: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(runningServer(prepareHome(dataDir)) ?? {});
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}
