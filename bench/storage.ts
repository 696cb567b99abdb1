// Rows stored end to end, from `offer` to the commit, against the statements one would write by hand.
import { execFile, execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, type ClientConfig } from 'pg';
import { EventMeter } from '../src/collector/event-ledger.ts';
import { encodeEvents, sectionsOf } from '../src/collector/sinks/postgres/spool/batch.ts';
import { COPY_HEADER, COPY_TRAILER } from '../src/collector/sinks/postgres/spool/copy-encoder.ts';
import { createStorage } from '../src/collector/sinks/postgres/storage.ts';
import { copyIn } from '../src/collector/sinks/postgres/write/copy-in.ts';
import { copyStatement } from '../src/collector/sinks/postgres/write/writer.ts';
import type { PostgresConfig } from '../src/config/config.ts';
import type { NervecenterEvent } from '../src/core/signals/index.ts';
import { llmCall } from '../src/core/signals/llm-call.ts';
import { GIB } from '../src/core/units.ts';
import { reachableTempDir, startPostgres } from '../test/support/postgres.ts';
import { toRow } from '../test/support/rows.ts';
import type { Figure } from './figure.ts';
import { interleaved, median, pairedRatio, round } from './measure.ts';
import { llmCallEvent } from './synthetic.ts';

const ROUNDS = 9;
/** Until V8 has compiled what stores rows: of a process's first rows it would be most of the work. */
const WARM_UPS = 3;
const ROWS = 20_000;
const SINGLE_ROWS = 1000;
/** As the agent hands them over. */
const BATCH = 200;
/** As the writer stores them; with 25 columns it is also near the most parameters one statement may have. */
const STATEMENT_ROWS = 1000;
/** As the collector fills it in. */
const SENDER = { instanceId: '0d1e6f3b-2a10-4c8b-9a64-5f0c2d8e7a40', service: 'rag-app' };
const FLUSH_MS = 60_000;
const STOP_MS = 5000;
const COPY_TIMEOUT_MS = 60_000;
const BARE_COPY_MIN = 0.8;
const PSQL_MIN = 0.5;

export async function run(): Promise<Figure[]> {
  const server = await startPostgres();
  const dataDir = reachableTempDir('nervecenter-bench-');
  try {
    const database = await server.createDatabase();
    const meter = new EventMeter();
    const storage = createStorage({
      config: { postgres: database, dataDir, spoolMaxBytes: GIB },
      log: () => {},
      measuring: { measure: (events) => meter.measure(events), show: () => {} },
      onEarlier: () => {},
    });
    await storage.start();
    const psql = hasPsql();
    const client = new Client(clientOptions(database));
    await client.connect();
    const offer = async (events: readonly NervecenterEvent[]) => {
      for (let at = 0; at < events.length; at += BATCH) void storage.offer(events.slice(at, at + BATCH));
      if (!(await storage.flush(FLUSH_MS))) throw new Error('not everything was stored');
    };
    for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) {
      await rowsPerSecond(client, ROWS, offer);
      await rowsPerSecond(client, ROWS, (events) => copyBare(client, events));
    }
    const samples = await interleaved(ROUNDS, {
      ours: () => rowsPerSecond(client, ROWS, offer),
      single: () => rowsPerSecond(client, SINGLE_ROWS, (events) => insertEach(client, events)),
      values: () => rowsPerSecond(client, ROWS, (events) => insertValues(client, events)),
      copy: () => rowsPerSecond(client, ROWS, (events) => copyBare(client, events)),
      psql: () => (psql ? psqlRowsPerSecond(client, database, dataDir) : Number.NaN),
    });
    await client.end();
    await storage.shutdown(STOP_MS);
    const against = (other: 'single' | 'values' | 'copy' | 'psql') =>
      pairedRatio(samples.ours, samples[other]);
    return [
      {
        what: 'rows of `llm_call_metrics` per second, offered until committed',
        budget: `>= ${BARE_COPY_MIN} of a bare binary COPY`,
        within: against('copy') >= BARE_COPY_MIN,
        ours: `${against('copy').toFixed(2)} x a bare binary COPY of the same batches`,
        peers: `${round(against('single'))} x single INSERTs; ${against('values').toFixed(2)} x INSERT ... VALUES of ${STATEMENT_ROWS} rows`,
        raw: `rows/s: ${round(median(samples.ours))}; single ${round(median(samples.single))}; VALUES ${round(median(samples.values))}; bare COPY ${round(median(samples.copy))}`,
      },
      {
        what: 'the same against `psql \\copy` of one binary file',
        budget: `>= ${PSQL_MIN}`,
        ...(psql ? { within: against('psql') >= PSQL_MIN } : {}),
        ours: psql ? `${against('psql').toFixed(2)} x` : 'no psql here',
        raw: psql ? `rows/s by psql's own clock: ${round(median(samples.psql))}` : '',
      },
    ];
  } finally {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
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
  const events = Array.from({ length: rows }, (_, index) => ({
    ...llmCallEvent(index, 10),
    sender: SENDER,
  }));
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

/** As the driver takes it. */
function rowOf(event: NervecenterEvent): unknown[] {
  if (event.signal !== 'llm-call') return [];
  return toRow(llmCall, event).map((value, column) =>
    llmCall.columns[column]?.type === 'timestamptz' ? new Date(Number(value)) : value,
  );
}

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

async function copyBare(client: Client, events: readonly NervecenterEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += STATEMENT_ROWS) {
    for (const section of sectionsOf(encodeEvents(events.slice(at, at + STATEMENT_ROWS)).payload)) {
      const chunks = [COPY_HEADER, section.tuples, COPY_TRAILER];
      await copyIn(client, [{ statement: copyStatement(section), chunks }], COPY_TIMEOUT_MS);
    }
  }
}

function hasPsql(): boolean {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // The binaries from npm bring none.
  }
}

/** The most that can be had: one file, encoded before, in one statement, timed by psql without its start. */
async function psqlRowsPerSecond(
  client: Client,
  database: PostgresConfig,
  directory: string,
): Promise<number> {
  await client.query(`TRUNCATE enterprise.${llmCall.table}`);
  const events = Array.from({ length: ROWS }, (_, index) => ({ ...llmCallEvent(index, 10), sender: SENDER }));
  const [section] = sectionsOf(encodeEvents(events).payload);
  if (section === undefined) throw new Error('no rows');
  const file = join(directory, 'rows.copy');
  // Else whoever is next and synchronises the disk waits for it.
  writeFileSync(file, Buffer.concat([COPY_HEADER, section.tuples, COPY_TRAILER]), { flush: true });
  const columns = section.columns.map(([name]) => `"${name}"`).join(', ');
  const copy = `\\copy enterprise.${section.table} (${columns}) from '${file}' with (format binary)`;
  const { host, port, user, database: name } = clientOptions(database);
  const { stdout } = await promisify(execFile)('psql', [
    ...['-X', '-h', String(host), '-p', String(port), '-U', String(user), '-d', String(name)],
    ...['-c', '\\timing on', '-c', copy],
  ]);
  const [, ms] = /COPY \d+\s+Time: ([\d.]+) ms/.exec(stdout) ?? [];
  if (ms === undefined) throw new Error(`psql said: ${stdout}`);
  return ROWS / (Number(ms) / 1000);
}
