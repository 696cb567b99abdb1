import { escapeIdentifier } from 'pg';
import { SIGNALS } from '../../../../core/signals/index.ts';
import { DAY_MS } from '../../../../core/units.ts';
import type { Partition } from '../schema/retention-policy.ts';
import { qualified, ROW_TABLES, type Selection, type TableCopy, timeCondition } from './selection.ts';

export interface ScriptHead {
  readonly version: string;
  /** Number of the last migration of the database that is exported. */
  readonly migration: number;
  /** Partitions to make before rows arrive; none for a script that adds rows to others. */
  readonly partitions: readonly Partition[];
  readonly complete: boolean;
}

/**
 * The beginning of a script for psql: refuses a database that cannot take what follows. The first failure ends it, so that
 * no row is ever read as a command, and all of it is one transaction.
 */
export function scriptHead({ version, migration, partitions, complete }: ScriptHead): string {
  return `-- Made by nervecenter ${version}. Load it into a database on which \`nervecenter migrate\` was run, as the same role:
--   psql -f this-file "$DATABASE_URL"
\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL client_min_messages = warning;
DO $nervecenter$
BEGIN
  IF to_regclass('enterprise.nervecenter_migrations') IS NULL THEN
    RAISE EXCEPTION 'The tables of nervecenter are missing. Run "nervecenter migrate" on this database first.';
  END IF;
  IF (SELECT coalesce(max(number), 0) FROM enterprise.nervecenter_migrations) < ${migration} THEN
    RAISE EXCEPTION 'The tables are older than this script, which needs migration ${migration}. Run "nervecenter migrate" of nervecenter ${version} or later on this database first.';
  END IF;
${complete ? emptinessCheck() : ''}END $nervecenter$;
${complete ? 'DELETE FROM enterprise.nervecenter_rollup_state;\nDELETE FROM enterprise.nervecenter_rollup_pending;\nDELETE FROM enterprise.rollup_kind;\nDELETE FROM enterprise.rollup_sum;\nDELETE FROM enterprise.rollup_value;\nDELETE FROM enterprise.nervecenter_alert_seat;\n' : ''}${partitions.map(makePartition).join('')}`;
}

/** What precedes the rows of a table, which end with `END_OF_ROWS`. */
export function copyStatement({ table, columns }: TableCopy): string {
  return `COPY ${qualified(table)} (${columns.map(escapeIdentifier).join(', ')}) FROM stdin;\n`;
}

export const END_OF_ROWS = '\\.\n';

/** The end of the script. Minutes that got rows are marked, so that history counts them, unless it came along complete. */
export function scriptTail(selection: Selection, complete: boolean): string {
  const marks = complete
    ? []
    : (selection.tables ?? ROW_TABLES).map((table) => markMinutes(table, selection));
  return `${marks.join('')}COMMIT;\n`;
}

function emptinessCheck(): string {
  const filled = [
    ...ROW_TABLES,
    'rollup_by_minute',
    'rollup_by_hour',
    'rollup_by_day',
    'totals',
    'nervecenter_alert_rules',
  ].map((table) => `EXISTS (SELECT FROM ${qualified(table)})`);
  return `  IF ${filled.join('\n    OR ')} THEN
    RAISE EXCEPTION 'There are rows of nervecenter in this database already, and a complete export needs a new one. To add rows to them, export with --table, --from or --to.';
  END IF;
`;
}

/** Only days: another range could overlap those that the migrated database has. Rows outside wait in the default one. */
function makePartition({ name, table, fromMs, toMs }: Partition): string {
  if (toMs - fromMs !== DAY_MS) return '';
  const [from, to] = [fromMs, toMs].map((ms) => `'${new Date(ms).toISOString()}'`);
  return `CREATE TABLE IF NOT EXISTS ${qualified(name)} PARTITION OF ${qualified(table)} FOR VALUES FROM (${from}) TO (${to});\n`;
}

/** A mark per hour, as the writer leaves one per batch. */
function markMinutes(table: string, selection: Selection): string {
  const signal = Object.values(SIGNALS).find((one) => one.table === table)?.name ?? '';
  return `INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes)
  SELECT '${signal}', array_agg(DISTINCT date_trunc('minute', timestamp))
  FROM ${qualified(table)}${timeCondition(selection)} GROUP BY date_trunc('hour', timestamp);
`;
}
