import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Client } from 'pg';
import { ROW_TABLES, STATE_TABLES } from '../../src/collector/sinks/postgres/export/selection.ts';
import { migrate } from '../../src/collector/sinks/postgres/schema/migrate.ts';
import type { PostgresConfig } from '../../src/config/config.ts';
import { MIB } from '../../src/core/units.ts';
import { packageRoot } from '../../src/platform/paths.ts';
import type { TestPostgres } from '../support/postgres.ts';

export const CLI = join(packageRoot(), 'src', 'cli.ts');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Run {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** `nervecenter export`, with no setting but the ones given. */
export function runExport({ cwd, env, args = [] }: Run): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, 'export', ...args],
      { cwd, env: { PATH: process.env['PATH'], ...env }, maxBuffer: 64 * MIB },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

/** Every row of every table, as text that is the same for the same rows. */
export async function contents(client: Client): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  await client.query(`SET timezone = 'UTC'; SET extra_float_digits = 3`);
  for (const table of [...ROW_TABLES, ...STATE_TABLES]) {
    const { rows } = await client.query(`SELECT t::text AS row FROM enterprise.${table} AS t ORDER BY 1`);
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

/** A new database with our tables. */
export async function migratedDatabase(server: TestPostgres): Promise<PostgresConfig> {
  const database = await server.createDatabase();
  await server.using(database, (client) => migrate(client));
  return database;
}
