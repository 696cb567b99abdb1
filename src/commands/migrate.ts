import { forSchema, schemaOf } from '../collector/sinks/postgres/connect/schema.ts';
import { label, migrate, rollBack, schemaStatus } from '../collector/sinks/postgres/schema/migrate.ts';
import { NervecenterError } from '../core/errors.ts';
import { type OpenDatabase, withDatabase } from './with-database.ts';

export interface MigrateOptions {
  /** Print the SQL of what is pending, and run nothing. */
  readonly dryRun: boolean;
  /** Undo every migration above this number instead. */
  readonly down: string | null;
}

/** Brings the configured database, embedded or not, to this version's schema or back, and says what was done. */
export async function migrateCommand({ dryRun, down }: MigrateOptions): Promise<number> {
  if (down !== null && (dryRun || !/^\d+$/.test(down))) {
    throw new NervecenterError(
      'NC_CONFIG_INVALID',
      `--down: expected the number of the last migration to keep, and no --dry-run, got "${down}". For example --down=9, or --down=0 to undo all.`,
    );
  }
  return withDatabase((database) => {
    if (dryRun) return printPending(database);
    return down === null ? apply(database) : undo(database, Number(down));
  });
}

async function apply({ client, description }: OpenDatabase): Promise<void> {
  const applied = await migrate(client);
  const status = await schemaStatus(client);
  for (const migration of applied) process.stdout.write(`applied ${label(migration)}\n`);
  process.stdout.write(`${description}: ${status.applied.length} migrations, none pending\n`);
}

async function undo({ client, description }: OpenDatabase, to: number): Promise<void> {
  const undone = await rollBack(client, to);
  const status = await schemaStatus(client);
  for (const migration of undone) process.stdout.write(`undone ${label(migration)}\n`);
  process.stdout.write(`${description}: ${status.applied.length} migrations left\n`);
}

/** For review: what is printed is what would be run, each file in one transaction. */
async function printPending({ client, description }: OpenDatabase): Promise<void> {
  const { applied, pending } = await schemaStatus(client);
  for (const migration of pending)
    process.stdout.write(`-- ${label(migration)}\n${forSchema(migration.sql, schemaOf(client))}\n`);
  process.stdout.write(
    `-- ${description}: ${applied.length} migrations applied, ${pending.length} pending\n`,
  );
}
