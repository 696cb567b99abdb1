import type { Writable } from 'node:stream';
import type { ClientBase } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';
import { forSchema, schemaOf } from '../connect/schema.ts';
import { refuseNewerSchema, schemaStatus } from '../schema/migrate.ts';
import { readPartitions } from '../schema/partitions.ts';
import { copyOut } from './copy-out.ts';
import { copyStatement, END_OF_ROWS, scriptHead, scriptTail } from './script.ts';
import { isComplete, qualified, ROW_TABLES, type Selection, STATE_TABLES, tableCopy } from './selection.ts';

/** Told while a table is copied, and once more when it is done. */
export interface Progress {
  readonly bytes: (table: string, bytes: number) => void;
  readonly table: (table: string, rows: number) => void;
}

export interface ExportOptions {
  readonly selection: Selection;
  readonly version: string;
  readonly progress: Progress;
}

/**
 * Writes a script for psql that puts the selected rows into another database with our tables; a complete one brings
 * rollups, totals and ledger along. All tables are of one moment, and memory stays bounded.
 *
 * @throws NervecenterError `NC_STORAGE_REFUSED` when migrations are pending here, `NC_SCHEMA_NEWER`; the server's or the
 * sink's error.
 */
export async function exportSql(client: ClientBase, sink: Writable, options: ExportOptions): Promise<void> {
  const { selection, version, progress } = options;
  const complete = isComplete(selection);
  const tables = [...(selection.tables ?? ROW_TABLES), ...(complete ? STATE_TABLES : [])];
  await inSnapshot(client, tables, async (migration) => {
    const partitions = complete ? await readPartitions(client, ROW_TABLES) : [];
    const named = (text: string) => forSchema(text, schemaOf(client));
    sink.write(named(scriptHead({ version, migration, partitions, complete })));
    for (const table of tables) {
      const copy = await tableCopy(client, table, selection);
      sink.write(named(copyStatement(copy)));
      const count = (bytes: number) => progress.bytes(table, bytes);
      progress.table(table, await copyOut(client, `COPY (${copy.select}) TO STDOUT`, sink, count));
      sink.write(END_OF_ROWS);
    }
    sink.write(named(scriptTail(selection, complete)));
  });
}

/**
 * Writes the selected rows as CSV as RFC 4180 has it: a header, `NULL` as nothing, an empty text as `""`, values exactly as
 * they are. All tables are of one moment.
 *
 * @param open gives the stream for a table; it stays open.
 * @throws as `exportSql` does.
 */
export async function exportCsv(
  client: ClientBase,
  open: (table: string) => Promise<Writable>,
  { selection, progress }: ExportOptions,
): Promise<void> {
  const tables = selection.tables ?? ROW_TABLES;
  await inSnapshot(client, tables, async () => {
    for (const table of tables) {
      const { select } = await tableCopy(client, table, selection);
      const count = (bytes: number) => progress.bytes(table, bytes);
      const text = `COPY (${select}) TO STDOUT (FORMAT csv, HEADER)`;
      progress.table(table, await copyOut(client, text, await open(table), count));
    }
  });
}

/** Locked first: a partition that retention drops meanwhile would be missing although the snapshot is older. */
async function inSnapshot(
  client: ClientBase,
  tables: readonly string[],
  work: (migration: number) => Promise<void>,
): Promise<void> {
  const migration = await lastMigration(client);
  await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL client_encoding = 'UTF8'; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC';
    SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = 'hex';
    LOCK TABLE ${tables.map(qualified).join(', ')} IN ACCESS SHARE MODE`);
  await work(migration);
  await client.query('COMMIT');
}

async function lastMigration(client: ClientBase): Promise<number> {
  const { applied, pending } = await schemaStatus(client);
  refuseNewerSchema(applied);
  if (pending.length > 0) {
    throw new NervecenterError(
      'NC_STORAGE_REFUSED',
      `The database lacks ${pending.length} migrations. Run \`nervecenter migrate\` first.`,
    );
  }
  return Math.max(...applied.map(({ number }) => number));
}
