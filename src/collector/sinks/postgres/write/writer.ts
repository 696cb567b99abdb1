import { escapeIdentifier, type Pool, type PoolClient, type QueryConfig, type QueryResult } from 'pg';
import type { Point } from '../../../../core/frame.ts';
import { fromMeasured } from '../../../../core/measured.ts';
import { SIGNALS } from '../../../../core/signals/index.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { failureKind } from '../connect/failure.ts';
import { markStatement } from '../rollup/pending.ts';
import { type Batch, type BatchFacts, factsOf, type Section, sectionsOf } from '../spool/batch.ts';
import { COPY_HEADER, COPY_TRAILER } from '../spool/copy-encoder.ts';
import { addStatements } from '../totals/add.ts';
import type { DoubtfulBatch } from '../totals/recall.ts';
import { type Copy, copyIn } from './copy-in.ts';
import { columnArray, type Tuple, tuplesOf } from './tuples.ts';

/** Stored in one transaction. */
const BATCHES_MAX = 16;
/** Twice as much would still be far from the server's statement timeout. */
const SHORT_MS = SECOND_MS / 2;
const LONG_MS = 2 * SECOND_MS;

/** The server gives up a statement after this; a batch takes some 20 ms. */
const STATEMENT_TIMEOUT_MS = 30 * SECOND_MS;
/** We give up a server that does not answer at all a little later than it would give up itself. */
const ANSWER_GRACE_MS = 10 * SECOND_MS;

const TABLES = Object.values(SIGNALS).map(({ table }) => table as string);

/** A row its table cannot hold. */
export interface Rejection {
  readonly table: string;
  readonly error: unknown;
}

export interface WriterOptions {
  /** @default 30 s */
  readonly statementTimeoutMs?: number;
  /**
   * No batch was sent to a server before, so the ledger is not asked first which it knows: an answer less to wait for. It is
   * where one is doubtful. @default false
   */
  readonly areNew?: boolean;
  /** What is known of doubtful batches. @default nothing */
  readonly doubts?: Doubts;
}

/** What doubtful batches depend on, and what becomes of them. */
export interface Doubts {
  /** Whether what waits to be stored has it as well, and counts. */
  countsAlready(batch: DoubtfulBatch): boolean;
  /** Called before a transaction is committed; after it the batch counts this, whether or not the answer comes. */
  decided(batch: Batch, counts: readonly Point[]): void;
}

const NO_DOUBTS: Doubts = { countsAlready: () => false, decided: () => {} };

/**
 * Stores batches in one transaction: their lines in the ledger, their rows by one COPY per table, and what they add to the
 * totals. Those that the ledger knows are left out, or where all are said to be new nothing is stored. One by itself is stored
 * without the rows that their tables refuse.
 *
 * @param batches of one writer, in order.
 * @returns the rows that were left out; `null` when the batches are to be stored one by one, because one of several has a
 * row that its table refuses, or is known and was said to be new. Nothing of them is stored then.
 * @throws whatever went wrong; it is then unknown whether they are stored, and they have to be sent again.
 */
export async function storeBatches(
  pool: Pool,
  batches: readonly Batch[],
  options: WriterOptions = {},
): Promise<Rejection[] | null> {
  const [only] = batches;
  return withWriter(pool, options, async (writer) => {
    if (only !== undefined && batches.length === 1) return writer.storeOne(only);
    return (await writer.storeAll(batches)) ? [] : null;
  });
}

async function withWriter<T>(
  pool: Pool,
  options: WriterOptions,
  work: (writer: BatchWriter) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    const result = await work(new BatchWriter(client, options));
    broken = false;
    return result;
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
  readonly #statementTimeoutMs: number;
  readonly #doubts: Doubts;
  readonly #areNew: boolean;

  constructor(
    client: PoolClient,
    { statementTimeoutMs = STATEMENT_TIMEOUT_MS, doubts = NO_DOUBTS, areNew = false }: WriterOptions,
  ) {
    this.#client = client;
    this.#statementTimeoutMs = statementTimeoutMs;
    this.#doubts = doubts;
    this.#areNew = areNew;
  }

  async storeOne(batch: Batch): Promise<Rejection[]> {
    let sections: Section[];
    try {
      sections = sectionsOf(batch.payload);
    } catch (error) {
      return rejections('', error, batch.rows); // Sending what nobody can read again would help nobody.
    }
    if (await this.#copied([batch], () => sections)) return [];
    const rejected: Rejection[] = [];
    await this.#transaction(
      [batch],
      () => sections,
      async (own, closing) => {
        await this.#insertAll(own, rejected);
        await this.#run(closing);
      },
    );
    return rejected;
  }

  /** False when some row or batch is refused; nothing is stored then. */
  async storeAll(batches: readonly Batch[]): Promise<boolean> {
    const sections = new Map<Batch, Section[]>();
    try {
      for (const batch of batches) sections.set(batch, sectionsOf(batch.payload));
    } catch {
      return false;
    }
    return this.#copied(batches, (batch) => sections.get(batch) ?? []);
  }

  /** False when the server refuses a row, or knows a batch that is said to be new; nothing is stored then, and the connection is as before. */
  async #copied(batches: readonly Batch[], sectionsIn: (batch: Batch) => Section[]): Promise<boolean> {
    try {
      if (!(this.#areNew && (await this.#copiedUnasked(batches, sectionsIn))))
        await this.#transaction(batches, sectionsIn, (own, closing) => this.#copyAll(own, closing));
      return true;
    } catch (error) {
      if (failureKind(error) !== 'row') throw error;
      await this.#run('ROLLBACK');
      return false;
    }
  }

  /** In one message. False where a batch is doubtful: nothing was tried then. @throws also where the ledger knows one. */
  async #copiedUnasked(batches: readonly Batch[], sectionsIn: (batch: Batch) => Section[]): Promise<boolean> {
    const facts = batches.map(({ payload }) => factsOf(payload));
    if (facts.some(({ doubtful }) => doubtful === true)) return false;
    const sections = batches.flatMap(sectionsIn);
    await this.#copyAll(sections, closingOf(sections, facts), this.#opening(batches));
    return true;
  }

  /** Does the work with the sections of those batches that the ledger does not know, and with what is to be run after it. */
  async #transaction(
    batches: readonly Batch[],
    sectionsIn: (batch: Batch) => Section[],
    work: (sections: readonly Section[], closing: string) => Promise<void>,
  ): Promise<void> {
    const opening = `${this.#opening(batches)} ON CONFLICT DO NOTHING RETURNING seq`;
    const results = (await this.#run(opening)) as unknown as QueryResult<{ seq: string }>[];
    const unknown = new Set(results.at(-1)?.rows.map(({ seq }) => Number(seq)));
    // Each once: a disk that failed while it was written to may have left a batch in the spool twice.
    const missing = batches.filter(({ seq }) => unknown.delete(seq));
    const sections = missing.flatMap(sectionsIn);
    const facts = await this.#counting(missing, sectionsIn);
    await work(sections, closingOf(sections, facts));
  }

  /** Begins a transaction and writes the batches into the ledger, which has each once. */
  #opening(batches: readonly Batch[]): string {
    const lines = batches.map(({ writer, seq }) => `('${writer}', ${seq})`);
    // One message; the timeout in the transaction rather than in the connection's options, which a pooling proxy refuses.
    return (
      `BEGIN; SET LOCAL statement_timeout = ${this.#statementTimeoutMs}; ` +
      `INSERT INTO enterprise.nervecenter_batches (writer, seq) VALUES ${lines.join(', ')}`
    );
  }

  /** What batches say of themselves; a doubtful one measured nothing, if its rows were stored before or wait for that. */
  async #counting(
    batches: readonly Batch[],
    sectionsIn: (batch: Batch) => Section[],
  ): Promise<readonly BatchFacts[]> {
    const { countsAlready, decided } = this.#doubts;
    const all: BatchFacts[] = [];
    for (const batch of batches) {
      const facts = factsOf(batch.payload);
      if (facts.doubtful !== true) {
        all.push(facts);
        continue;
      }
      const { writer } = batch;
      const counts = countsAlready({ ...facts, writer }) || (await this.#hasRowsOf(sectionsIn(batch)));
      const decision = counts ? { ...facts, measured: [], retracted: [] } : facts;
      const points = fromMeasured(decision.measured).map((point) => ({ ...point, countedMs: facts.atMs }));
      decided(batch, points);
      all.push(decision);
    }
    return all;
  }

  /** Whether rows of a batch are there: it was stored whole then, but for those that are refused. */
  async #hasRowsOf(sections: readonly Section[]): Promise<boolean> {
    for (const section of sections) {
      const values = keysOf(section);
      const { rows } = await this.#run({ text: hasRowsStatement(section), values });
      if ((rows[0] as { exists?: boolean } | undefined)?.exists === true) return true;
    }
    return false;
  }

  /** @param opening what is to be run before them, asked for in the same message. */
  async #copyAll(sections: readonly Section[], closing: string, opening = ''): Promise<void> {
    const runs = runsOf(sections);
    for (const [at, run] of runs.entries()) {
      const [first] = run;
      if (first !== undefined) await this.#retract(first);
      const copies = copiesOf(run);
      const before = at === 0 ? opening : '';
      const after = at === runs.length - 1 ? closing : '';
      if (copies.length > 0 || before !== '' || after !== '')
        await copyIn(this.#client, copies, this.#answerTimeoutMs, { before, after });
    }
  }

  async #retract({ table, retracted = [] }: Section): Promise<void> {
    if (retracted.length === 0) return;
    const times = retracted.map(([, timeMs]) => timeMs);
    await this.#run({
      text: `DELETE FROM ${tableName(table)} WHERE id = ANY ($1::uuid[]) AND timestamp BETWEEN $2 AND $3`,
      // Times are rounded to the microsecond there, and to the millisecond here.
      values: [
        retracted.map(([id]) => id),
        new Date(Math.floor(Math.min(...times)) - 1),
        new Date(Math.ceil(Math.max(...times)) + 1),
      ],
    });
  }

  /** The slow way, for a batch that COPY did not take: rows already there are left alone, bad ones are found. */
  async #insertAll(sections: readonly Section[], rejected: Rejection[]): Promise<void> {
    for (const section of sections) {
      await this.#retract(section);
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

/** Looks the rows up one by one: of a table filled since its last ANALYZE, all would be read. */
function hasRowsStatement({ table }: Section): string {
  return (
    'SELECT EXISTS (SELECT FROM unnest($1::uuid[], $2::timestamptz[]) AS own (id, at), ' +
    `LATERAL (SELECT FROM ${tableName(table)} WHERE id = own.id AND timestamp = own.at LIMIT 1) AS stored)`
  );
}

/** The ids and times of its rows, its first two columns; of none where they cannot be read, and so are not stored. */
function keysOf({ tuples }: Section): Buffer[] {
  let own: Tuple[] = [];
  try {
    own = tuplesOf(tuples);
  } catch {}
  return [columnArray('uuid', own, 0), columnArray('timestamptz', own, 1)];
}

/** What is run after the rows of a transaction. */
function closingOf(sections: readonly Section[], facts: readonly BatchFacts[]): string {
  return `${markStatement(sections)}${addStatements(facts, Date.now())}COMMIT`;
}

/**
 * In order, such that of each only the first has rows that are to go, and of the first run none: what they took the place of
 * may be in the one before.
 */
function runsOf(sections: readonly Section[]): Section[][] {
  const runs: Section[][] = [[]];
  for (const section of sections) {
    if (section.retracted !== undefined) runs.push([]);
    runs.at(-1)?.push(section);
  }
  return runs;
}

/** The rows of some batches by the statement that takes them, the tables always in the same order. */
function copiesOf(sections: readonly Section[]): Copy[] {
  const filled = sections.filter(({ rows }) => rows > 0);
  const ordered = filled.toSorted((a, b) => TABLES.indexOf(a.table) - TABLES.indexOf(b.table));
  return [...Map.groupBy(ordered, copyStatement)].map(([statement, own]) => ({
    statement,
    chunks: [COPY_HEADER, ...own.map(({ tuples }) => tuples), COPY_TRAILER],
  }));
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

/**
 * How many batches are stored in one transaction. A backlog has it doubled while a transaction is short, and halved when one
 * is long. After anything but success each batch is alone again, so that it is known which one it was.
 */
export class GroupSize {
  #batchesMax = 1;

  get batchesMax(): number {
    return this.#batchesMax;
  }

  /** @param batches how many there were; fewer than asked for, and nothing more waits. */
  stored(batches: number, elapsedMs: number): void {
    if (elapsedMs > LONG_MS) this.#batchesMax = Math.ceil(this.#batchesMax / 2);
    else if (elapsedMs <= SHORT_MS && batches === this.#batchesMax)
      this.#batchesMax = Math.min(BATCHES_MAX, this.#batchesMax * 2);
  }

  failed(): void {
    this.#batchesMax = 1;
  }
}
