// Rows stored end to end, from `offer` to the commit, against the statements one would write by hand.
import { Client, type ClientConfig } from 'pg';
import { insertsOf } from '../src/collector/postgres/insert.ts';
import { createStorage } from '../src/collector/postgres/storage.ts';
import type { PostgresConfig } from '../src/config.ts';
import type { NervecenterEvent } from '../src/core/event.ts';
import { toRow } from '../src/core/row.ts';
import { llmCall } from '../src/core/signals/llm-call.ts';
import { startPostgres } from '../test/support/postgres.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, pairedRatio, round } from './measure.ts';
import { llmCallEvent } from './synthetic.ts';

const ROUNDS = 5;
const ROWS = 20_000;
const SINGLE_ROWS = 1000;
/** As the agent hands them over. */
const BATCH = 200;
/** As the writer stores them; with 24 columns it is also near the most parameters one statement may have. */
const STATEMENT_ROWS = 1000;
const FLUSH_MS = 60_000;
const STOP_MS = 5000;

export async function run(): Promise<Figure[]> {
  const server = await startPostgres();
  try {
    const database = await server.createDatabase();
    const storage = createStorage({ config: { postgres: database, dataDir: '/nonexistent' }, log: () => {} });
    await storage.start();
    const client = new Client(clientOptions(database));
    await client.connect();
    const offer = async (events: readonly NervecenterEvent[]) => {
      for (let at = 0; at < events.length; at += BATCH) storage.offer(events.slice(at, at + BATCH));
      if (!(await storage.flush(FLUSH_MS))) throw new Error('not everything was stored');
    };
    const samples = await interleaved(ROUNDS, {
      ours: () => rowsPerSecond(client, ROWS, offer),
      single: () => rowsPerSecond(client, SINGLE_ROWS, (events) => insertEach(client, events)),
      values: () => rowsPerSecond(client, ROWS, (events) => insertValues(client, events)),
      unnest: () => rowsPerSecond(client, ROWS, (events) => insertUnnest(client, events)),
    });
    await client.end();
    await storage.shutdown(STOP_MS);
    const against = (other: 'single' | 'values' | 'unnest') => pairedRatio(samples.ours, samples[other]);
    return [
      {
        what: 'rows of `llm_call_metrics` per second, offered until committed',
        ours: `${round(against('single'))} x single INSERTs`,
        peers: `${against('values').toFixed(2)} x INSERT ... VALUES of ${STATEMENT_ROWS} rows; ${against('unnest').toFixed(2)} x our own statement without queue and books`,
        raw: `rows/s: ${round(median(samples.ours))}; single ${round(median(samples.single))}; VALUES ${round(median(samples.values))}; statement alone ${round(median(samples.unnest))}`,
      },
    ];
  } finally {
    await server.stop();
  }
}

function clientOptions({ env }: PostgresConfig): ClientConfig {
  return {
    host: env['PGHOST'] ?? '',
    port: Number(env['PGPORT']),
    user: env['PGUSER'] ?? '',
    database: env['PGDATABASE'] ?? '',
  };
}

/** Every measurement begins with an empty table and events of its own. */
async function rowsPerSecond(
  client: Client,
  rows: number,
  store: (events: readonly NervecenterEvent[]) => Promise<unknown>,
): Promise<number> {
  await client.query(`TRUNCATE enterprise.${llmCall.table}`);
  const events = Array.from({ length: rows }, (_, index) => llmCallEvent(index, 10));
  const begin = performance.now();
  await store(events);
  return rows / ((performance.now() - begin) / 1000);
}

const COLUMNS = llmCall.columns.map(({ name }) => `"${name}"`).join(', ');

function valuesStatement(rows: number): string {
  const width = llmCall.columns.length;
  const tuples = Array.from(
    { length: rows },
    (_, row) => `(${llmCall.columns.map((_, column) => `$${row * width + column + 1}`).join(', ')})`,
  );
  return `INSERT INTO enterprise.${llmCall.table} (${COLUMNS}) VALUES ${tuples.join(', ')}`;
}

const rowOf = (event: NervecenterEvent) => (event.signal === 'llm-call' ? toRow(llmCall, event) : []);

async function insertEach(client: Client, events: readonly NervecenterEvent[]): Promise<void> {
  const statement = { name: 'single', text: valuesStatement(1) };
  for (const event of events) await client.query({ ...statement, values: rowOf(event) });
}

async function insertValues(client: Client, events: readonly NervecenterEvent[]): Promise<void> {
  const text = valuesStatement(STATEMENT_ROWS);
  for (let at = 0; at < events.length; at += STATEMENT_ROWS) {
    await client.query({ text, values: events.slice(at, at + STATEMENT_ROWS).flatMap(rowOf) });
  }
}

async function insertUnnest(client: Client, events: readonly NervecenterEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += STATEMENT_ROWS) {
    for (const { text, values } of insertsOf(events.slice(at, at + STATEMENT_ROWS))) {
      await client.query({ text, values: [...values] });
    }
  }
}
