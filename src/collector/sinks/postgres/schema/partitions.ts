import type { ClientBase } from 'pg';
import { DAY_MS, type Milliseconds, milliseconds, SECOND_MS } from '../../../../core/units.ts';
import { dayOf, missingDays, type Partition } from './retention-policy.ts';

/** "nerp" in ASCII: whoever makes or drops a partition asks for this advisory lock first. */
const LOCK_KEY = 0x6e_65_72_70;
/**
 * Writers queue behind us while we wait for a table, so we do not wait long: the next run tries again. Rows find their way
 * into the default partition meanwhile.
 */
const LOCK_TIMEOUT_MS = 5 * SECOND_MS;

/** Every partition of these tables with a range; what has none (the default partition) is not among them. */
export async function readPartitions(client: ClientBase, tables: readonly string[]): Promise<Partition[]> {
  // The bound is read back in the session that wrote it out, so neither its time zone nor its date style matters.
  const { rows } = await client.query<{
    table: string;
    name: string;
    from: number;
    to: number;
    bytes: number;
  }>(
    `SELECT "table", name, bytes, extract(epoch FROM range[1]::timestamptz)::float8 * 1000 AS from,
            extract(epoch FROM range[2]::timestamptz)::float8 * 1000 AS to
     FROM (
       SELECT parent.relname AS table, child.relname AS name,
              coalesce(pg_total_relation_size(child.oid), 0)::float8 AS bytes,
              regexp_match(pg_get_expr(child.relpartbound, child.oid), 'FROM \\(''([^'']+)''\\) TO \\(''([^'']+)''\\)') AS range
       FROM pg_inherits
       JOIN pg_class AS parent ON parent.oid = inhparent
       JOIN pg_class AS child ON child.oid = inhrelid
       WHERE parent.relnamespace = 'enterprise'::regnamespace AND parent.relkind = 'p' AND parent.relname = ANY ($1)
     ) AS partitions
     WHERE range IS NOT NULL
     ORDER BY range[1]::timestamptz, "table"`,
    [tables],
  );
  return rows.map(({ table, name, from, to, bytes }) => ({
    table,
    name,
    fromMs: milliseconds(from),
    toMs: milliseconds(to),
    bytes,
  }));
}

/**
 * Makes the partitions that a table lacks: for today, the days ahead, and the days of the rows in its default partition,
 * which move into them. Any number of collectors may do this at once.
 *
 * @param keptFromMs older rows in the default partition stay there for retention to take.
 * @returns the names of those made by this call.
 */
export async function ensurePartitions(
  client: ClientBase,
  table: string,
  keptFromMs: Milliseconds,
  nowMs: Milliseconds,
): Promise<string[]> {
  const partitions = await readPartitions(client, [table]);
  const days = missingDays(partitions, await strayDays(client, table, keptFromMs, nowMs), nowMs);
  const made: string[] = [];
  for (const day of days) {
    const name = `${table}_p${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`;
    if (await makePartition(client, { table, name, day })) made.push(name);
  }
  return made;
}

/** Drops a partition with its rows. False when another process did. */
export function dropPartition(client: ClientBase, name: string): Promise<boolean> {
  return exclusively(client, async () => {
    if ((await ownerOf(client, name)) === null) return false;
    await client.query(`DROP TABLE enterprise."${name}"`);
    return true;
  });
}

/** The same, of rows that have to make room. @returns how many went; `null` when another process dropped them. */
export function evictPartition(client: ClientBase, name: string): Promise<number | null> {
  return exclusively(client, async () => {
    if ((await ownerOf(client, name)) === null) return null;
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM enterprise."${name}"`,
    );
    await client.query(`DROP TABLE enterprise."${name}"`);
    return rows[0]?.count ?? 0;
  });
}

/** Empties a partition that has to stay. @returns how many rows went. */
export function emptyPartition(client: ClientBase, name: string): Promise<number> {
  return exclusively(client, async () => {
    await client.query(`LOCK TABLE enterprise."${name}" IN ACCESS EXCLUSIVE MODE`);
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM enterprise."${name}"`,
    );
    await client.query(`TRUNCATE enterprise."${name}"`);
    return rows[0]?.count ?? 0;
  });
}

/**
 * Ends a partition before its day is over and goes on in a new one. Writers and readers of the table wait while its rows are
 * looked through once, about a second for a gigabyte.
 *
 * @returns false when another process did.
 */
export function slicePartition(
  client: ClientBase,
  { table, name, fromMs, toMs }: Partition,
  endMs: Milliseconds,
): Promise<boolean> {
  const next = `${table}_p${new Date(endMs).toISOString().slice(0, 16).replaceAll(/\D/g, '')}`;
  const [from, end, to] = [literal(fromMs), literal(endMs), literal(toMs)];
  return exclusively(client, async () => {
    const found = (await readPartitions(client, [table])).find((one) => one.name === name);
    if (found?.toMs !== toMs || (await ownerOf(client, next)) !== null) return false;
    const owner = await ownerOf(client, table);
    await client.query(`
      LOCK TABLE ONLY enterprise."${table}" IN ACCESS EXCLUSIVE MODE;
      ALTER TABLE enterprise."${table}" DETACH PARTITION enterprise."${name}";
      CREATE TABLE enterprise."${next}" (LIKE enterprise."${table}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
      ALTER TABLE enterprise."${next}" OWNER TO ${owner};
      WITH moved AS (DELETE FROM enterprise."${name}" WHERE timestamp >= ${end} RETURNING *)
        INSERT INTO enterprise."${next}" SELECT * FROM moved;
      ALTER TABLE enterprise."${table}" ATTACH PARTITION enterprise."${name}" FOR VALUES FROM (${from}) TO (${end});
      ALTER TABLE enterprise."${table}" ATTACH PARTITION enterprise."${next}" FOR VALUES FROM (${end}) TO (${to})`);
    return true;
  });
}

/**
 * Rids a default partition of rows older than what is kept, which have no partition of their own to be dropped with: the
 * others are set aside, it is truncated (which gives its space back, as a DELETE would not), and they are put back.
 *
 * @returns how many rows went.
 */
export async function clearDefaultPartition(
  client: ClientBase,
  table: string,
  keptFromMs: Milliseconds,
): Promise<number> {
  const from = literal(keptFromMs);
  const old = `FROM enterprise."${table}_default" WHERE timestamp < ${from}`;
  if ((await client.query(`SELECT ${old} LIMIT 1`)).rowCount === 0) return 0;
  return exclusively(client, async () => {
    await lockWriters(client, table);
    await client.query(`LOCK TABLE enterprise."${table}_default" IN ACCESS EXCLUSIVE MODE`);
    const { rows } = await client.query<{ count: number }>(`SELECT count(*)::int AS count ${old}`);
    await client.query(`
      CREATE TEMPORARY TABLE nervecenter_kept ON COMMIT DROP AS
        SELECT * FROM enterprise."${table}_default" WHERE timestamp >= ${from};
      TRUNCATE enterprise."${table}_default";
      INSERT INTO enterprise."${table}_default" SELECT * FROM nervecenter_kept`);
    return rows[0]?.count ?? 0;
  });
}

/** Days with rows in the default partition, as far as they are to get a partition now. */
async function strayDays(
  client: ClientBase,
  table: string,
  keptFromMs: Milliseconds,
  nowMs: Milliseconds,
): Promise<Milliseconds[]> {
  // Rows from the far future wait until their day comes: a partition each would be as many as there are days.
  const until = literal(milliseconds(dayOf(nowMs) + DAY_MS));
  const { rows } = await client.query<{ day: number }>(
    `SELECT DISTINCT extract(epoch FROM date_trunc('day', timestamp, 'UTC'))::float8 * 1000 AS day
     FROM enterprise."${table}_default" WHERE timestamp >= ${literal(keptFromMs)} AND timestamp < ${until}`,
  );
  return rows.map(({ day }) => milliseconds(day));
}

/** Made beside the table and attached: that locks the table for less than making it in place, and can bring rows along. */
function makePartition(
  client: ClientBase,
  { table, name, day }: { readonly table: string; readonly name: string; readonly day: Milliseconds },
): Promise<boolean> {
  const [from, to] = [literal(day), literal(milliseconds(day + DAY_MS))];
  return exclusively(client, async () => {
    if ((await ownerOf(client, name)) !== null) return false;
    await lockWriters(client, table);
    const owner = await ownerOf(client, table);
    await client.query(`
      CREATE TABLE enterprise."${name}" (LIKE enterprise."${table}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
      ALTER TABLE enterprise."${name}" OWNER TO ${owner};
      WITH moved AS (DELETE FROM enterprise."${table}_default" WHERE timestamp >= ${from} AND timestamp < ${to} RETURNING *)
        INSERT INTO enterprise."${name}" SELECT * FROM moved;
      ALTER TABLE enterprise."${table}" ATTACH PARTITION enterprise."${name}" FOR VALUES FROM (${from}) TO (${to})`);
    return true;
  });
}

/**
 * Holds up writers of one table. One that had already chosen the default partition for its row when the row's own
 * partition appears would be refused, as if the row were wrong.
 */
async function lockWriters(client: ClientBase, table: string): Promise<void> {
  await client.query(`LOCK TABLE ONLY enterprise."${table}" IN SHARE ROW EXCLUSIVE MODE`);
}

/** Who owns a table, ready to be put into SQL; `null` when there is no such table. */
async function ownerOf(client: ClientBase, table: string): Promise<string | null> {
  const { rows } = await client.query<{ owner: string }>(
    `SELECT quote_ident(pg_get_userbyid(relowner)) AS owner FROM pg_class
     WHERE relnamespace = 'enterprise'::regnamespace AND relname = $1`,
    [table],
  );
  return rows[0]?.owner ?? null;
}

/** One step in a transaction of its own, so that no table is locked for longer than its own step takes. */
async function exclusively<T>(client: ClientBase, step: () => Promise<T>): Promise<T> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; SET LOCAL statement_timeout = 0`);
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    const result = await step();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more than a broken connection's second.
    throw error;
  }
}

/** A point in time as SQL that means the same in every session. */
function literal(timeMs: Milliseconds): string {
  return `TIMESTAMPTZ '${new Date(timeMs).toISOString()}'`;
}
