import { escapeIdentifier, type Pool, type PoolClient, type QueryConfig, type QueryResult } from 'pg';
import { SECOND_MS } from '../../core/units.ts';
import { type Batch, type Section, sectionsOf } from './batch.ts';
import { COPY_HEADER, COPY_TRAILER } from './copy-encoder.ts';
import { copyIn } from './copy-in.ts';
import { failureKind } from './failure.ts';
import { markStatement } from './touched.ts';
import { columnArray, type Tuple, tuplesOf } from './tuples.ts';

/** The server gives up a statement after this; a batch takes some 20 ms. */
const STATEMENT_TIMEOUT_MS = 30 * SECOND_MS;
/** We give up a server that does not answer at all a little later than it would give up itself. */
const ANSWER_GRACE_MS = 10 * SECOND_MS;

/** A row its table cannot hold. */
export interface Rejection {
  readonly table: string;
  readonly error: unknown;
}

export interface WriterOptions {
  /** @default 30 s */
  readonly statementTimeoutMs?: number;
}

/**
 * Stores a batch: its line in the ledger and its rows in one transaction, so that a batch sent twice is stored once. A
 * batch with a value some table cannot take is stored without that row.
 *
 * @returns the rows that were left out.
 * @throws whatever went wrong; it is then unknown whether the batch is stored, and it has to be sent again.
 */
export async function storeBatch(
  pool: Pool,
  batch: Batch,
  { statementTimeoutMs = STATEMENT_TIMEOUT_MS }: WriterOptions = {},
): Promise<Rejection[]> {
  const client = await pool.connect();
  let broken = true;
  try {
    const rejected = await new BatchWriter(client, batch, statementTimeoutMs).store();
    broken = false;
    return rejected;
  } finally {
    // After a failure nobody knows in what state the connection is.
    client.release(broken);
  }
}

/** The statement that takes rows in binary form. */
export function copyStatement({ table, columns }: Pick<Section, 'table' | 'columns'>): string {
  return `COPY ${tableName(table)} (${columnNames(columns)}) FROM STDIN (FORMAT binary)`;
}

class BatchWriter {
  readonly #client: PoolClient;
  readonly #batch: Batch;
  readonly #statementTimeoutMs: number;

  constructor(client: PoolClient, batch: Batch, statementTimeoutMs: number) {
    this.#client = client;
    this.#batch = batch;
    this.#statementTimeoutMs = statementTimeoutMs;
  }

  async store(): Promise<Rejection[]> {
    let sections: Section[];
    try {
      sections = sectionsOf(this.#batch.payload);
    } catch (error) {
      return rejections('', error, this.#batch.rows); // Sending what nobody can read again would help nobody.
    }
    try {
      await this.#transaction(sections, () => this.#copyAll(sections));
      return [];
    } catch (error) {
      if (failureKind(error) !== 'row') throw error;
      await this.#run('ROLLBACK');
    }
    const rejected: Rejection[] = [];
    await this.#transaction(sections, () => this.#insertAll(sections, rejected));
    return rejected;
  }

  async #transaction(sections: readonly Section[], work: () => Promise<void>): Promise<void> {
    const { writer, seq } = this.#batch;
    // One message; the timeout in the transaction rather than in the connection's options, which a pooling proxy refuses.
    const results = (await this.#run(
      `BEGIN; SET LOCAL statement_timeout = ${this.#statementTimeoutMs}; ` +
        `INSERT INTO enterprise.nervecenter_batches (writer, seq) VALUES ('${writer}', ${seq}) ON CONFLICT DO NOTHING`,
    )) as unknown as QueryResult[];
    const first = results.at(-1)?.rowCount === 1;
    if (first) await work();
    await this.#run(`${first ? markStatement(sections) : ''}COMMIT`);
  }

  async #copyAll(sections: readonly Section[]): Promise<void> {
    for (const section of sections) {
      const chunks = [COPY_HEADER, section.tuples, COPY_TRAILER];
      await copyIn(this.#client, copyStatement(section), chunks, this.#answerTimeoutMs);
    }
  }

  /** The slow way, for a batch that COPY did not take: rows already there are left alone, bad ones are found. */
  async #insertAll(sections: readonly Section[], rejected: Rejection[]): Promise<void> {
    for (const section of sections) {
      const parts: Tuple[][] = [];
      try {
        parts.push(tuplesOf(section.tuples));
      } catch (error) {
        rejected.push(...rejections(section.table, error, section.rows));
      }
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
        const error = await this.#insert(section, part);
        if (error === null) continue;
        if (part.length === 1) rejected.push({ table: section.table, error });
        else parts.unshift(...halves(part));
      }
    }
  }

  /** Returns why the table cannot hold one of these rows, `null` when it holds them all now. */
  async #insert(section: Section, tuples: readonly Tuple[]): Promise<unknown> {
    await this.#run('SAVEPOINT part');
    try {
      const values = section.columns.map(([, type], column) => columnArray(type, tuples, column));
      await this.#run({ text: insertStatement(section), values });
      await this.#run('RELEASE part');
      return null;
    } catch (error) {
      if (failureKind(error) !== 'row') throw error;
      await this.#run('ROLLBACK TO part');
      return error;
    }
  }

  /** The driver knows an answer timeout per query; its types do not. */
  #run(query: string | QueryConfig): Promise<QueryResult> {
    const config = typeof query === 'string' ? { text: query } : query;
    return this.#client.query(Object.assign(config, { query_timeout: this.#answerTimeoutMs }));
  }

  get #answerTimeoutMs(): number {
    return this.#statementTimeoutMs + ANSWER_GRACE_MS;
  }
}

/**
 * One statement for every number of rows: they arrive as one array per column. No conflict target, because the primary key
 * of a partitioned table has other columns than the spec's.
 */
function insertStatement({ table, columns }: Section): string {
  const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ');
  return (
    `INSERT INTO ${tableName(table)} (${columnNames(columns)}) ` +
    `SELECT * FROM unnest(${arrays}) ON CONFLICT DO NOTHING`
  );
}

function tableName(table: string): string {
  return `enterprise.${escapeIdentifier(table)}`;
}

function columnNames(columns: Section['columns']): string {
  return columns.map(([name]) => escapeIdentifier(name)).join(', ');
}

function rejections(table: string, error: unknown, rows: number): Rejection[] {
  return Array.from({ length: rows }, () => ({ table, error }));
}

function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
