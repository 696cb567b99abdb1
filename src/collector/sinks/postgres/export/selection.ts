import { type ClientBase, escapeIdentifier } from 'pg';
import { SIGNALS } from '../../../../core/signals/index.ts';

/** Tables with a row per event. */
export const ROW_TABLES: readonly string[] = Object.values(SIGNALS).map(({ table }) => table);
/**
 * What a collector needs besides them to go on elsewhere: history and totals that outlive their rows, what is still to be
 * added to history, the batches that are stored, so that neither a spool nor an agent sends one of them twice, the last hour's
 * window, the key by which users are hidden, tokens and ended sessions, and alerts.
 */
export const STATE_TABLES: readonly string[] = [
  'rollup_kind',
  'rollup_sum',
  'rollup_value',
  'rollup_by_minute',
  'rollup_by_hour',
  'rollup_by_day',
  'nervecenter_rollup_state',
  'nervecenter_rollup_pending',
  'totals',
  'nervecenter_batches',
  'nervecenter_senders',
  'nervecenter_window',
  'nervecenter_user_key',
  'nervecenter_access_tokens',
  'nervecenter_ended_sessions',
  'nervecenter_alert_rules',
  'nervecenter_alert_silences',
  'nervecenter_alert_states',
  'nervecenter_alert_events',
  'nervecenter_alert_deliveries',
  'nervecenter_alert_seat',
];

/** What to export. */
export interface Selection {
  /** Of `ROW_TABLES`; `null`: all of them. */
  readonly tables: readonly string[] | null;
  /** First moment, in milliseconds since 1970; `null`: from the beginning. */
  readonly fromMs: number | null;
  /** The moment behind the last one; `null`: to the end. */
  readonly toMs: number | null;
}

/** Everything there is, and not only some rows. */
export function isComplete({ tables, fromMs, toMs }: Selection): boolean {
  return tables === null && fromMs === null && toMs === null;
}

/** One table as it is copied. */
export interface TableCopy {
  readonly table: string;
  readonly columns: readonly string[];
  /** The query of its rows. */
  readonly select: string;
}

/** The table's rows in the selected time, in no order. State has no time of its own. */
export async function tableCopy(
  client: ClientBase,
  table: string,
  selection: Pick<Selection, 'fromMs' | 'toMs'>,
): Promise<TableCopy> {
  const columns = await columnsOf(client, table);
  const list = columns.map(escapeIdentifier).join(', ');
  const where = ROW_TABLES.includes(table) ? timeCondition(selection) : '';
  return { table, columns, select: `SELECT ${list} FROM ${qualified(table)}${where}` };
}

export function qualified(table: string): string {
  return `enterprise.${escapeIdentifier(table)}`;
}

/** ` WHERE …`, or nothing. */
export function timeCondition({ fromMs, toMs }: Pick<Selection, 'fromMs' | 'toMs'>): string {
  const conditions = [
    ...(fromMs === null ? [] : [`timestamp >= '${new Date(fromMs).toISOString()}'`]),
    ...(toMs === null ? [] : [`timestamp < '${new Date(toMs).toISOString()}'`]),
  ];
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

async function columnsOf(client: ClientBase, table: string): Promise<string[]> {
  const { rows } = await client.query<{ attname: string }>(
    `SELECT attname FROM pg_attribute
     WHERE attrelid = '${qualified(table)}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
  );
  return rows.map(({ attname }) => attname);
}
