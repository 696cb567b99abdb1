import type { ClientBase } from 'pg';
import type { Config } from '../../../../config/config.ts';
import { SIGNALS } from '../../../../core/signals/index.ts';
import { DAY_MS, HOUR_MS, type Milliseconds } from '../../../../core/units.ts';
import { noteGone } from './gone-rows.ts';
import { clearDefaultPartition, dropPartition, ensurePartitions, readPartitions } from './partitions.ts';
import { beyondBudget, expired, keptFrom, type Partition } from './retention-policy.ts';
import { boundSpans, type SpansEvicted } from './span-budget.ts';

/** How long rows are kept, and how much room all of them may take. */
export type RetentionPolicy = Pick<Config, 'retentionMs' | 'storageMaxBytes' | 'spansMaxBytes'>;

/** What one run did. */
export interface RetentionReport {
  /** Names of the partitions made. */
  readonly made: readonly string[];
  /** Dropped because all their rows were past their retention. */
  readonly expired: readonly Partition[];
  /** Dropped because everything together took more than it may. */
  readonly evicted: readonly Partition[];
  /** Dropped because spans took more than they may. */
  readonly spans: SpansEvicted;
  /** Rows past their retention that had no partition of their own. */
  readonly strayRows: number;
  /** What all our tables take now, indexes included. */
  readonly bytes: number;
}

/** How long what was measured is kept for the window of the next start. */
export const WINDOW_KEPT_MS = HOUR_MS;
/** A batch whose outcome its writer does not know is sent again within seconds; this covers a long outage, too. */
const LEDGER_KEPT_MS = 7 * DAY_MS;
/** A process that has sent nothing for so long is gone. */
const SENDERS_KEPT_MS = 7 * DAY_MS;
/**
 * Each request by OTLP is a sender as well, named by its digest, and is sent again within minutes. Counted back from the last
 * batch there: after an outage that is what was taken before it.
 */
const DIGESTS_KEPT = '1 hour';
/** RFC 9562's version of UUIDs that are digests; processes name themselves at random. */
const DIGEST_VERSION = '8';
/** Of the senders' table, looked at by one statement: a quarter of a million rows at most. */
const PAGES_AT_ONCE = 2000;
/** Whatever their age, a writer's last batches stay: a spool may lie unread for longer than a week. */
const LEDGER_KEPT_BATCHES = 100;

/**
 * Applies the policy once: makes the partitions that are missing, then drops whole days, never single rows. A day goes when
 * its last moment is past the retention of its table, so rows live up to one day longer than it says.
 *
 * @throws DatabaseError 42501 when the role does not own the tables.
 */
export async function applyRetention(
  client: ClientBase,
  policy: RetentionPolicy,
  nowMs: Milliseconds,
): Promise<RetentionReport> {
  const made: string[] = [];
  const gone: Partition[] = [];
  let strayRows = 0;
  for (const { table, retentionMs } of retainedTables(policy)) {
    const keptFromMs = keptFrom(nowMs, retentionMs);
    made.push(...(await ensurePartitions(client, table, keptFromMs, nowMs)));
    const old = expired(await readPartitions(client, [table]), keptFromMs);
    gone.push(...(await dropAll(client, old)));
    strayRows += await clearDefaultPartition(client, table, keptFromMs);
  }
  const spans = await boundSpans(client, policy.spansMaxBytes, nowMs);
  const evicted = await enforceBudget(client, policy, nowMs);
  return { made, expired: gone, evicted, spans, strayRows, bytes: await bytesUsed(client) };
}

/** Forgets the batches that nobody can send again, and what was measured before any window. @returns how many batches. */
export async function pruneLedger(client: ClientBase, nowMs: Milliseconds): Promise<number> {
  await pruneSenders(client, nowMs);
  await client.query('DELETE FROM enterprise.nervecenter_window WHERE at < $1', [
    new Date(nowMs - WINDOW_KEPT_MS),
  ]);
  const { rowCount } = await client.query(
    `DELETE FROM enterprise.nervecenter_batches AS batch
     USING (SELECT writer, max(seq) AS last FROM enterprise.nervecenter_batches GROUP BY writer) AS newest
     WHERE batch.writer = newest.writer AND batch.seq <= newest.last - $1 AND batch.stored_at < $2`,
    [LEDGER_KEPT_BATCHES, new Date(nowMs - LEDGER_KEPT_MS)],
  );
  return rowCount ?? 0;
}

/** Page by page: there may be millions, more than one statement has time for. */
async function pruneSenders(client: ClientBase, nowMs: Milliseconds): Promise<void> {
  const { rows } = await client.query<{ pages: number; digests_until: Date | null }>(
    `SELECT (pg_relation_size('enterprise.nervecenter_senders') / current_setting('block_size')::int)::float8 AS pages,
            max(seen_at) - interval '${DIGESTS_KEPT}' AS digests_until
     FROM enterprise.nervecenter_senders`,
  );
  const { pages = 0, digests_until: digestsUntil = null } = rows[0] ?? {};
  for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
    await client.query(
      `DELETE FROM enterprise.nervecenter_senders
       WHERE ctid >= $1::tid AND ctid < $2::tid
         AND (seen_at < $3 OR seen_at < $4 AND substr(instance_id::text, 15, 1) = '${DIGEST_VERSION}')`,
      [`(${page},0)`, `(${page + PAGES_AT_ONCE},0)`, new Date(nowMs - SENDERS_KEPT_MS), digestsUntil],
    );
  }
}

function retainedTables({ retentionMs }: RetentionPolicy): { table: string; retentionMs: Milliseconds }[] {
  return Object.values(SIGNALS).map(({ table, retention }) => ({
    table,
    retentionMs: retentionMs[retention.key],
  }));
}

async function enforceBudget(
  client: ClientBase,
  policy: RetentionPolicy,
  nowMs: Milliseconds,
): Promise<Partition[]> {
  const { storageMaxBytes } = policy;
  if (storageMaxBytes === null) return [];
  const partitions = await readPartitions(
    client,
    retainedTables(policy).map(({ table }) => table),
  );
  return dropAll(client, beyondBudget(partitions, await bytesUsed(client), storageMaxBytes, nowMs));
}

async function dropAll(client: ClientBase, partitions: readonly Partition[]): Promise<Partition[]> {
  await noteGone(client, partitions);
  const dropped: Partition[] = [];
  for (const partition of partitions) {
    if (await dropPartition(client, partition.name)) dropped.push(partition);
  }
  return dropped;
}

/** Partitions of our tables, and the tables beside them: ledger, migrations, rollups, totals. Others' tables do not count. */
async function bytesUsed(client: ClientBase): Promise<number> {
  const tables = Object.values(SIGNALS).map(({ table }) => table);
  const { rows } = await client.query<{ bytes: number }>(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 AS bytes
     FROM pg_class AS c LEFT JOIN pg_inherits ON inhrelid = c.oid LEFT JOIN pg_class AS parent ON parent.oid = inhparent
     WHERE c.relnamespace = 'enterprise'::regnamespace AND c.relkind = 'r'
       AND (parent.relname = ANY ($1) OR coalesce(parent.relname, c.relname) ~ '^((nervecenter|rollup)_|totals$)')`,
    [tables],
  );
  return rows[0]?.bytes ?? 0;
}

/** What a run dropped, for people; `null` when it dropped nothing. */
export function describeDrops({ expired: old, evicted, spans, strayRows }: RetentionReport): string | null {
  const parts = [
    ...(old.length > 0 ? [`${old.length} daily partitions past their retention (${sizeOf(old)})`] : []),
    ...(evicted.length > 0
      ? [`${evicted.length} daily partitions over NERVECENTER_STORAGE_MAX_BYTES (${sizeOf(evicted)})`]
      : []),
    ...(spans.bytes > 0
      ? [`${spans.rows} spans over NERVECENTER_SPANS_MAX_BYTES (${formatMib(spans.bytes)})`]
      : []),
    ...(strayRows > 0 ? [`${strayRows} rows past their retention from default partitions`] : []),
  ];
  return parts.length === 0 ? null : `Dropped ${parts.join(', ')}.`;
}

const sizeOf = (partitions: readonly Partition[]) =>
  formatMib(partitions.reduce((sum, { bytes }) => sum + bytes, 0));

export function formatMib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
