import type { ClientBase } from 'pg';
import { SIGNALS } from '../../../../core/signals/index.ts';
import { ROLLUP_LOCK } from '../rollup/rollup.ts';
import { type ForgottenAlerts, forgetInAlerts } from './forget-alerts.ts';
import { changed, FORGOTTEN, type ForgetOptions, quotedIn, type Statement } from './forget-statement.ts';
import { withoutUser } from './forgotten-attributes.ts';

/** Rows of spans that are looked at, and changed, at once: memory is bounded by it. */
const SPANS_AT_ONCE = 500;
export interface Forgotten extends Pick<ForgottenAlerts, 'rules' | 'settled'> {
  /** How much of what had the user in it, by table; what had nothing is left out. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Takes a user out of all tables: rows, spans, rollups, totals and alerts stay without the name, so that what they add up to is
 * what it was. To be called with a connection that is in no transaction; each table is a transaction of its own, and doing it
 * again goes on where it ended.
 */
export async function forgetUser(client: ClientBase, options: ForgetOptions): Promise<Forgotten> {
  const counts: Record<string, number> = {};
  for (const statement of rowStatements()) {
    const { table } = statement;
    counts[table] = (counts[table] ?? 0) + (await changed(client, statement, options));
  }
  counts['spans'] = await forgetInSpans(client, options);
  counts['totals'] = await forgetInTotals(client, options);
  counts['rollup_value'] = await forgetInRollups(client, options);
  // Last: what alerts are judged by has no such user any more.
  const { counts: inAlerts, ...alerts } = await forgetInAlerts(client, options);
  const found = Object.entries({ ...counts, ...inAlerts }).filter(([, count]) => count > 0);
  return { counts: Object.fromEntries(found), ...alerts };
}

/** Every table whose rows say whom they are for; messages of providers may quote an address, too. */
function rowStatements(): Statement[] {
  const tables = Object.values(SIGNALS);
  const having = (column: string) =>
    tables.filter(({ columns }) => columns.some(({ name }) => name === column)).map(({ table }) => table);
  return [
    ...having('user_email').map((table) => ({
      table,
      where: 'user_email = ANY ($1)',
      change: `UPDATE enterprise.${table} SET user_email = NULL`,
    })),
    ...having('error_message').map((table) => ({
      table,
      where: quotedIn('error_message'),
      change: `UPDATE enterprise.${table} SET error_message = '${FORGOTTEN}'`,
    })),
  ];
}

/** How names may stand in JSON: an id may be a number there. */
function asWritten(names: readonly string[]): string[] {
  return names.map((name) => (/^-?\d+(?:\.\d+)?$/.test(name) ? name : JSON.stringify(name)));
}

interface SpanRow {
  readonly id: string;
  /** To the microsecond. */
  readonly timestamp: string;
  readonly attributes: unknown;
  readonly events: unknown;
}

/** Attributes are looked at one by one: in which of them a user is, SQL does not know. */
async function forgetInSpans(client: ClientBase, options: ForgetOptions): Promise<number> {
  const { names, dryRun } = options;
  const written = asWritten(names);
  let count = 0;
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await client.query<SpanRow>(
      `SELECT id, timestamp::text AS timestamp, attributes, events FROM enterprise.spans WHERE id > $2 AND EXISTS (
         SELECT FROM unnest($1::text[]) AS named(who)
         WHERE position(named.who IN attributes::text) > 0 OR position(named.who IN events::text) > 0)
       ORDER BY id LIMIT ${SPANS_AT_ONCE}`,
      [written, after],
    );
    for (const row of rows) {
      const attributes = withoutUser(row.attributes, options);
      const events = withoutUser(row.events, options);
      if (attributes === row.attributes && events === row.events) continue;
      count++;
      if (dryRun) continue;
      await client.query(
        'UPDATE enterprise.spans SET attributes = $3, events = $4 WHERE id = $1 AND timestamp = $2::timestamptz',
        [row.id, row.timestamp, JSON.stringify(attributes), JSON.stringify(events)],
      );
    }
    if (rows.length < SPANS_AT_ONCE) return count;
    after = rows.at(-1)?.id ?? after;
  }
}

interface TotalRow {
  readonly metric: string;
  readonly series: string;
  readonly attributes: unknown;
}

/** The labels of metrics are never ours to have a user in, but an app's own metrics may. */
async function forgetInTotals(client: ClientBase, options: ForgetOptions): Promise<number> {
  const { rows } = await client.query<TotalRow>(
    `SELECT metric, series, attributes FROM enterprise.totals WHERE EXISTS (
       SELECT FROM unnest($1::text[]) AS named(who) WHERE position(named.who IN attributes::text) > 0)`,
    [asWritten(options.names)],
  );
  let count = 0;
  for (const { metric, series, attributes } of rows) {
    const without = withoutUser(attributes, { ...options, instead: options.inRollups });
    if (without === attributes) continue;
    count++;
    if (options.dryRun) continue;
    await client.query('UPDATE enterprise.totals SET attributes = $3 WHERE metric = $1 AND series = $2', [
      metric,
      series,
      JSON.stringify(without),
    ]);
  }
  return count;
}

const ROLLUPS = ['rollup_by_minute', 'rollup_by_hour', 'rollup_by_day'] as const;

/** Rollups of a user are somebody's from then on: figures by user add up as before. A name that means something else stays. */
async function forgetInRollups(
  client: ClientBase,
  { names, inRollups, dryRun }: ForgetOptions,
): Promise<number> {
  const ofUser = `kind = ANY (ARRAY(SELECT id FROM enterprise.rollup_kind WHERE dimension = 'user'))
    AND value_id = ANY (ARRAY(SELECT id FROM enterprise.rollup_value WHERE value = ANY ($1) AND second = ''))`;
  if (dryRun) {
    const counted = ROLLUPS.map((table) => `(SELECT count(*) FROM enterprise.${table} WHERE ${ofUser})`);
    const { rows } = await client.query<{ count: number }>(`SELECT (${counted.join(' + ')})::int AS count`, [
      names,
    ]);
    return rows[0]?.count ?? 0;
  }
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [ROLLUP_LOCK]);
    let count = 0;
    // Of several names each has its own in its place: both may have a row of the same hour.
    for (const [at, name] of names.entries())
      count += await renameInRollups(client, ofUser, [name, `${inRollups}-${at}`]);
    await client.query('COMMIT');
    return count;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function renameInRollups(
  client: ClientBase,
  ofUser: string,
  [name, instead]: readonly [string, string],
): Promise<number> {
  let count = 0;
  const { rows } = await client.query<{ id: number }>(
    `INSERT INTO enterprise.rollup_value (id, value, second, seen)
     SELECT (SELECT max(id) FROM enterprise.rollup_value) + 1, $2, '', seen
     FROM enterprise.rollup_value WHERE value = $1 AND second = '' RETURNING id`,
    [name, instead],
  );
  const id = rows[0]?.id;
  if (id === undefined) return 0;
  for (const table of ROLLUPS) {
    const { rowCount } = await client.query(`UPDATE enterprise.${table} SET value_id = $2 WHERE ${ofUser}`, [
      [name],
      id,
    ]);
    count += rowCount ?? 0;
  }
  const used = ROLLUPS.map((table) => `EXISTS (SELECT FROM enterprise.${table} WHERE value_id = named.id)`);
  await client.query(
    `DELETE FROM enterprise.rollup_value AS named WHERE value = ANY ($1) AND second = '' AND NOT (${used.join(' OR ')})`,
    [[name, ...(count === 0 ? [instead] : [])]],
  );
  return count;
}
