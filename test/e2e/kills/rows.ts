import { Client } from 'pg';
import { prepareHome } from '../../../src/collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../../../src/collector/sinks/postgres/embedded/running.ts';

/** What is stored: the names of the requests that have rows, one per row, and how many model calls. */
export interface Stored {
  readonly requests: readonly string[];
  readonly calls: number;
}

/** Asks the embedded server that a collector runs. @param dataDir as the collector's setting says. */
export async function storedIn(dataDir: string): Promise<Stored> {
  const client = new Client(runningServer(prepareHome(dataDir)) ?? {});
  await client.connect();
  try {
    const requests = await client.query<{ name: string }>(
      'SELECT user_email AS name FROM enterprise.request_metrics',
    );
    const calls = await client.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM enterprise.llm_call_metrics',
    );
    return { requests: requests.rows.map(({ name }) => name), calls: calls.rows[0]?.n ?? 0 };
  } finally {
    await client.end();
  }
}
