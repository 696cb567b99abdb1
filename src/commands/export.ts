import { resolve } from 'node:path';
import type { ClientBase } from 'pg';
import { logToStderr } from '../collector/log.ts';
import { configuredServer, shownPath } from '../collector/sinks/postgres/configured-server.ts';
import type { PostgresServer } from '../collector/sinks/postgres/connect/postgres-server.ts';
import { refuseWithoutCluster } from '../collector/sinks/postgres/embedded/running.ts';
import { SinkError } from '../collector/sinks/postgres/export/copy-out.ts';
import {
  type Destination,
  directoryDestination,
  fileDestination,
  outputError,
  streamDestination,
} from '../collector/sinks/postgres/export/destination.ts';
import { type ExportOptions, exportCsv, exportSql } from '../collector/sinks/postgres/export/export.ts';
import { ROW_TABLES, type Selection } from '../collector/sinks/postgres/export/selection.ts';
import type { Config } from '../config/config.ts';
import { NervecenterError } from '../core/errors.ts';
import { parseInstant } from '../core/history/time.ts';
import { MIB, SECOND_MS } from '../core/units.ts';
import { writeToStderr } from '../platform/stderr.ts';
import { packageVersion } from '../platform/version.ts';
import { type OpenDatabase, withDatabase } from './with-database.ts';

/** As written on the command line; `null`: not given. */
export interface ExportCommandOptions {
  readonly format: string | null;
  readonly table: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly output: string | null;
}

interface Request extends ExportOptions {
  /** Rejects when a signal asks the process to end. */
  readonly interruption: Promise<never>;
}

/** A table that takes longer says how far it is this often. */
const PROGRESS_INTERVAL_MS = 5 * SECOND_MS;
const SIGNALS_TO_END = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Writes what is stored as a script for psql or as CSV files: to stdout or `--output`. Says what it does on stderr.
 *
 * @throws NervecenterError `NC_CONFIG_INVALID` for an option, `NC_OUTPUT`, or why the database could not be read.
 */
export async function exportCommand(options: ExportCommandOptions): Promise<number> {
  const { format, selection, output } = parse(options);
  const interruption = interrupted();
  const work = async ({ client, description }: OpenDatabase) => {
    writeToStderr(`exporting from ${description}\n`);
    const request: Request = {
      selection,
      version: packageVersion(),
      progress: progressOnStderr(),
      interruption: interruption.happens,
    };
    await (format === 'csv' ? writeCsv(client, output ?? '', request) : writeSql(client, output, request));
    if (output !== null) writeToStderr(`written to ${output}\n`);
  };
  try {
    return await withDatabase(work, { server: exportedServer });
  } finally {
    interruption.ignore();
  }
}

function exportedServer(config: Config): PostgresServer {
  const { postgres, dataDir } = config;
  if (postgres === null) refuseWithoutCluster(dataDir, shownPath(dataDir));
  return configuredServer(config, logToStderr);
}

async function writeSql(client: ClientBase, output: string | null, request: Request): Promise<void> {
  const destination = output === null ? streamDestination(process.stdout) : await fileDestination(output);
  await deliver(destination, output ?? 'stdout', [
    exportSql(client, destination.target, request),
    request.interruption,
  ]);
}

async function writeCsv(client: ClientBase, output: string, request: Request): Promise<void> {
  const destination = directoryDestination(output);
  const open = (table: string) => destination.target(`${table}.csv`);
  await deliver(destination, output, [exportCsv(client, open, request), request.interruption]);
}

interface Parsed {
  readonly format: 'sql' | 'csv';
  readonly selection: Selection;
  readonly output: string | null;
}

function parse(options: ExportCommandOptions): Parsed {
  const { output } = options;
  const format = options.format ?? 'sql';
  if (format !== 'sql' && format !== 'csv') throw invalid('--format', 'sql or csv', format);
  if (format === 'csv' && output === null) {
    throw invalid('--output', 'a directory for the CSV files', 'nothing');
  }
  const nowMs = Date.now();
  const fromMs = instant('--from', options.from, nowMs);
  const toMs = instant('--to', options.to, nowMs);
  if (fromMs !== null && toMs !== null && fromMs >= toMs) {
    throw invalid('--from', 'a time before --to', String(options.from));
  }
  const selection = { tables: tables(options.table), fromMs, toMs };
  return { format, selection, output: output === null ? null : resolve(output) };
}

function tables(text: string | null): readonly string[] | null {
  if (text === null) return null;
  const names = [...new Set(text.split(',').map((name) => name.trim().replace(/^enterprise\./, '')))];
  const unknown = names.find((name) => !ROW_TABLES.includes(name));
  if (unknown === undefined) return names;
  throw invalid('--table', `tables among ${ROW_TABLES.join(', ')}, separated by commas`, unknown);
}

function instant(option: string, text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const ms = parseInstant(text, nowMs, 'UTC');
  if (ms === null) throw invalid(option, 'now, a time before now such as -24h, or ISO 8601', text);
  return ms;
}

function invalid(option: string, expected: string, got: string): NervecenterError {
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `${option}: expected ${expected}, got "${got}". Correct it; \`nervecenter --help\` lists the options.`,
  );
}

/** Makes what was written visible once the first of the outcomes is there, or leaves nothing of it. */
async function deliver(
  destination: Pick<Destination<unknown>, 'commit' | 'abandon'>,
  shownAs: string,
  outcomes: readonly Promise<void>[],
): Promise<void> {
  try {
    await Promise.race(outcomes);
    await destination.commit().catch((error: unknown) => {
      throw new SinkError(error);
    });
  } catch (error) {
    destination.abandon();
    throw error instanceof SinkError ? outputError(shownAs, error.cause) : error;
  }
}

/** A signal ends the export as a failure does, so that no half of a file is left. */
function interrupted() {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (signal: string) =>
    reject(new NervecenterError('NC_OUTPUT', `Ended by ${signal} before the end. Export again.`));
  promise.catch(() => {}); // It may come when nobody waits any more.
  for (const signal of SIGNALS_TO_END) process.once(signal, stop);
  return {
    happens: promise,
    ignore() {
      for (const signal of SIGNALS_TO_END) process.off(signal, stop);
    },
  };
}

function progressOnStderr(): ExportOptions['progress'] {
  let copied = 0;
  let saidMs = performance.now();
  return {
    bytes(table, bytes) {
      copied += bytes;
      if (performance.now() - saidMs < PROGRESS_INTERVAL_MS) return;
      saidMs = performance.now();
      writeToStderr(`  ${table}: ${(copied / MIB).toFixed(1)} MiB so far\n`);
    },
    table(table, rows) {
      writeToStderr(`  ${table}: ${rows} rows, ${(copied / MIB).toFixed(1)} MiB\n`);
      copied = 0;
      saidMs = performance.now();
    },
  };
}
