import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';
import { packageRoot } from '../../../../platform/paths.ts';
import { forSchema, schemaOf } from '../connect/schema.ts';

/** One numbered SQL file of `migrations/`. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** A migration that a database has already been through. */
export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
}

export interface SchemaStatus {
  readonly applied: readonly AppliedMigration[];
  readonly pending: readonly Migration[];
}

const FILE_NAME = /^(\d+)_(\w+)\.sql$/;
/** "nerv" in ASCII: every nervecenter that migrates a database asks for this advisory lock first. */
const LOCK_KEY = 0x6e_65_72_76;

/** The migrations this version brings, in order. */
export function readMigrations(directory: string = join(packageRoot(), 'migrations')): Migration[] {
  return readdirSync(directory)
    .flatMap((file) => {
      const match = FILE_NAME.exec(file);
      if (match === null) return [];
      const [, number = '', name = ''] = match;
      return [{ number: Number(number), name, sql: readFileSync(join(directory, file), 'utf8') }];
    })
    .sort((a, b) => a.number - b.number);
}

/** What undoes the migration of the same number: its file in `migrations/down/`. */
export function readRollbacks(): Migration[] {
  return readMigrations(join(packageRoot(), 'migrations', 'down'));
}

/** Which migrations the database has and which it lacks. Reads only. */
export async function schemaStatus(
  client: ClientBase,
  migrations: readonly Migration[] = readMigrations(),
): Promise<SchemaStatus> {
  const applied = await readApplied(client);
  const numbers = new Set(applied.map(({ number }) => number));
  return { applied, pending: migrations.filter(({ number }) => !numbers.has(number)) };
}

/**
 * Brings the database to this version's schema: each pending file in one transaction, under an advisory lock that ends
 * with the transaction (a session's lock would not survive a transaction-pooling proxy). Any number of processes may do
 * this at once, and a database with nothing pending is only read, so a role that may write rows and no more can start.
 *
 * @param migrations @default the files of this package's `migrations/`
 * @returns the migrations applied by this call.
 * @throws NervecenterError `NC_SCHEMA_NEWER` when a newer version has been here.
 */
export async function migrate(
  client: ClientBase,
  migrations: readonly Migration[] = readMigrations(),
): Promise<Migration[]> {
  const status = await schemaStatus(client, migrations);
  refuseNewerSchema(status.applied, migrations);
  const applied: Migration[] = [];
  for (const migration of status.pending) {
    if (await applyOnce(client, migration)) {
      applied.push(migration);
    }
  }
  return applied;
}

/**
 * Undoes every migration above a number, newest first, each in one transaction under the same lock as `migrate`. Where none
 * is left, the list of migrations goes, too.
 *
 * @param to the number of the last migration to keep; 0 undoes all.
 * @returns the migrations undone by this call.
 * @throws NervecenterError `NC_SCHEMA_NEWER` when a newer version has been here: only that version can undo its own.
 */
export async function rollBack(
  client: ClientBase,
  to: number,
  rollbacks: readonly Migration[] = readRollbacks(),
): Promise<Migration[]> {
  const applied = await readApplied(client);
  refuseNewerSchema(applied, rollbacks);
  const undone: Migration[] = [];
  for (const { number } of applied.filter((one) => one.number > to).reverse()) {
    const rollback = rollbacks.find((one) => one.number === number);
    if (rollback !== undefined && (await undoOnce(client, rollback))) undone.push(rollback);
  }
  return undone;
}

/** Number and name as the file bears them. */
export function label({ number, name }: Pick<Migration, 'number' | 'name'>): string {
  return `${String(number).padStart(3, '0')}_${name}`;
}

/** @throws NervecenterError `NC_SCHEMA_NEWER` when a newer version has been here. */
export function refuseNewerSchema(
  applied: readonly AppliedMigration[],
  known: readonly Migration[] = readMigrations(),
): void {
  const newest = applied.reduce((max, { number }) => Math.max(max, number), 0);
  const newestKnown = known.reduce((max, { number }) => Math.max(max, number), 0);
  if (newest <= newestKnown) return;
  throw new NervecenterError(
    'NC_SCHEMA_NEWER',
    `The database's schema is at migration ${newest}, this version of nervecenter knows up to ${newestKnown}. ` +
      'Upgrade nervecenter, or name another database or schema.',
  );
}

async function readApplied(client: ClientBase): Promise<AppliedMigration[]> {
  // A look into the catalogue's table. to_regclass() answers from this session's cache, which does not yet know what
  // another session committed while we waited for the advisory lock.
  const found = await client.query(
    "SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'nervecenter_migrations'",
    [schemaOf(client)],
  );
  if (found.rowCount === 0) return [];
  const { rows } = await client.query<AppliedMigration>(
    'SELECT number, name FROM enterprise.nervecenter_migrations ORDER BY number',
  );
  return rows;
}

/** False when another process applied it while we waited for the lock. */
function applyOnce(client: ClientBase, migration: Migration): Promise<boolean> {
  return underLock(client, async () => {
    if ((await readApplied(client)).some(({ number }) => number === migration.number)) return false;
    await client.query(forSchema(migration.sql, schemaOf(client)));
    await record(client, migration);
    return true;
  });
}

/** False when another process undid it while we waited for the lock. */
function undoOnce(client: ClientBase, rollback: Migration): Promise<boolean> {
  return underLock(client, async () => {
    const applied = await readApplied(client);
    if (applied.every(({ number }) => number !== rollback.number)) return false;
    await client.query(forSchema(rollback.sql, schemaOf(client)));
    await client.query('DELETE FROM enterprise.nervecenter_migrations WHERE number = $1', [rollback.number]);
    if (applied.length === 1) await client.query('DROP TABLE enterprise.nervecenter_migrations');
    return true;
  });
}

async function underLock<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  // A server's default statement timeout is meant for queries; converting a large table may take longer.
  await client.query('BEGIN; SET LOCAL statement_timeout = 0');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more than a broken connection's second.
    throw error;
  }
}

async function record(client: ClientBase, { number, name }: Migration): Promise<void> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS enterprise.nervecenter_migrations (
      number INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
    )`);
  await client.query('INSERT INTO enterprise.nervecenter_migrations (number, name) VALUES ($1, $2)', [
    number,
    name,
  ]);
}
