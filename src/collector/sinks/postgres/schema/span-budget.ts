import type { ClientBase } from 'pg';
import { describeError } from '../../../../core/errors.ts';
import { span } from '../../../../core/signals/span.ts';
import { MINUTE_MS, type Milliseconds } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import { failureKind } from '../connect/failure.ts';
import { noteGone } from './gone-rows.ts';
import { emptyPartition, evictPartition, readPartitions, slicePartition } from './partitions.ts';
import { beyondBudget, type Partition, sliceEnd } from './retention-policy.ts';

const INTERVAL_MS = MINUTE_MS;
/** Without a drop for so many turns spans fit again. */
const QUIET_TURNS = 60;

/** What had to go for spans to fit their room. */
export interface SpansEvicted {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Keeps the spans within their bytes: whole partitions go, the oldest first, and the one that rows arrive in is ended when it
 * takes an eighth of the room. Rows that no such partition is for (from the future, or late for one that is gone) go last.
 *
 * @throws DatabaseError 42501 when the role does not own the tables.
 */
export async function boundSpans(
  client: ClientBase,
  maxBytes: number,
  nowMs: Milliseconds,
): Promise<SpansEvicted> {
  const partitions = await readPartitions(client, [span.table]);
  const slice = sliceEnd(partitions, maxBytes, nowMs);
  if (slice !== null) await slicePartition(client, slice.partition, slice.endMs);
  const total = await spanBytes(client);
  let evicted: SpansEvicted = { rows: 0, bytes: 0 };
  const beyond = beyondBudget(partitions, total, maxBytes, nowMs);
  await noteGone(client, beyond);
  for (const { name, bytes } of beyond)
    evicted = added(evicted, (await evictPartition(client, name)) ?? 0, bytes);
  for (const { name, bytes } of await strays(client, partitions, nowMs)) {
    if (total - evicted.bytes <= maxBytes) break;
    evicted = added(evicted, await emptyPartition(client, name), bytes);
  }
  return evicted;
}

const added = (sum: SpansEvicted, rows: number, bytes: number): SpansEvicted => ({
  rows: sum.rows + rows,
  bytes: sum.bytes + bytes,
});

/** All partitions, the default one among them. */
async function spanBytes(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ bytes: number }>(
    `SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)::float8 AS bytes
     FROM pg_inherits WHERE inhparent = 'enterprise.${span.table}'::regclass`,
  );
  return rows[0]?.bytes ?? 0;
}

/** What holds rows and cannot be dropped: the default partition, and the days ahead. */
async function strays(
  client: ClientBase,
  partitions: readonly Partition[],
  nowMs: Milliseconds,
): Promise<Pick<Partition, 'name' | 'bytes'>[]> {
  const ahead = partitions.filter(({ fromMs }) => fromMs > nowMs).map(({ name }) => name);
  const { rows } = await client.query<{ name: string; bytes: number }>(
    `SELECT relname AS name, pg_total_relation_size(oid)::float8 AS bytes FROM pg_class
     WHERE relnamespace = 'enterprise'::regnamespace AND relname = ANY ($1) AND pg_relation_size(oid) > 0`,
    [[`${span.table}_default`, ...ahead]],
  );
  return rows.sort((a, b) => b.bytes - a.bytes);
}

export interface SpanBudgetOptions {
  readonly lend: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;
  readonly maxBytes: number;
  readonly now: () => Milliseconds;
  readonly log: Log;
  /** Between two looks. @default a minute: what comes in meanwhile is what spans may be over their room by */
  readonly intervalMs?: number;
}

/** Does so again and again until the returned function is called. That one is idempotent. */
export function keepSpansBounded(options: SpanBudgetOptions): () => void {
  const { lend, maxBytes, now, log, intervalMs = INTERVAL_MS } = options;
  const full = new Condition(log, 'storage');
  const failing = new Condition(log, 'storage');
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let rows = 0;
  let quietTurns = 0;
  const turn = async () => {
    try {
      const evicted = await lend((client) => boundSpans(client, maxBytes, now()));
      failing.end('Spans are kept within their room again.');
      quietTurns = evicted.bytes > 0 ? 0 : quietTurns + 1;
      rows += evicted.rows;
      if (evicted.bytes > 0)
        full.begin('Spans take all the room of NERVECENTER_SPANS_MAX_BYTES: the oldest are dropped.');
      else if (full.holds && quietTurns >= QUIET_TURNS) {
        full.end(`Spans fit their room again; ${rows} were dropped.`);
        rows = 0;
      }
    } catch (error) {
      // That there is no server, or that the role may not, is said elsewhere.
      if (!stopped && failureKind(error) !== 'unreachable' && !isDenied(error))
        failing.begin(`Spans cannot be kept within their room: ${describeError(error)}`);
    }
    next();
  };
  const next = () => {
    if (!stopped) timer = setTimeout(() => void turn(), intervalMs).unref();
  };
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42501';
}
