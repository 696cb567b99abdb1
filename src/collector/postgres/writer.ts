import type { Pool, PoolClient, QueryConfig } from 'pg';
import type { NervecenterEvent } from '../../core/event.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type FailureKind, failureKind } from './failure.ts';
import { type Insert, insertsOf } from './insert.ts';

/** The server gives up a statement after this; a batch takes some 20 ms. */
const STATEMENT_TIMEOUT_MS = 30 * SECOND_MS;
/** We give up a server that does not answer at all a little later than it would give up itself. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 10 * SECOND_MS;

/** Told of every part of a batch as soon as its fate is known, so that the counts are right at every moment. */
export interface BatchProgress {
  /** Committed now, or found already there. */
  stored(events: number): void;
  /** The table cannot hold this one. */
  rejected(event: NervecenterEvent, error: unknown): void;
}

export interface BatchOutcome {
  /** Events whose outcome is unknown, to be sent again; empty when all are settled. */
  readonly unsettled: readonly NervecenterEvent[];
  /** Why there are some. */
  readonly error: unknown;
}

interface Failure {
  readonly kind: FailureKind;
  readonly error: unknown;
}

/**
 * Stores a batch: all its tables in one transaction. A batch with a value Postgres cannot take is split in halves until
 * the one event is found, so that the rest is stored. Never throws.
 */
export async function storeBatch(
  pool: Pool,
  batch: readonly NervecenterEvent[],
  progress: BatchProgress,
): Promise<BatchOutcome> {
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    return { unsettled: batch, error };
  }
  const outcome = await storeParts(client, batch, progress);
  client.release(outcome.unsettled.length > 0);
  return outcome;
}

async function storeParts(
  client: PoolClient,
  batch: readonly NervecenterEvent[],
  progress: BatchProgress,
): Promise<BatchOutcome> {
  const parts: (readonly NervecenterEvent[])[] = [batch];
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const failure = await storeTogether(client, part);
    const [first] = part;
    if (failure === null) progress.stored(part.length);
    else if (failure.kind !== 'row') return { unsettled: [...part, ...parts.flat()], error: failure.error };
    else if (part.length === 1 && first !== undefined) progress.rejected(first, failure.error);
    else parts.unshift(...halves(part));
  }
  return { unsettled: [], error: null };
}

function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

/** `null` when all of it is committed. */
async function storeTogether(
  client: PoolClient,
  events: readonly NervecenterEvent[],
): Promise<Failure | null> {
  let inserts: Insert[];
  try {
    inserts = insertsOf(events);
  } catch (error) {
    return { kind: 'row', error };
  }
  try {
    // In the transaction rather than in the connection's options, which a pooling proxy refuses.
    await client.query(answered({ text: `BEGIN; SET LOCAL statement_timeout = ${STATEMENT_TIMEOUT_MS}` }));
    for (const { text, values } of inserts) {
      // Not named: planning costs 0.2 ms of a batch, and a pooling proxy may lose a named statement.
      await client.query(answered({ text, values: [...values] }));
    }
    await client.query(answered({ text: 'COMMIT' }));
    return null;
  } catch (error) {
    const kind = failureKind(error);
    if (kind === 'row') await client.query(answered({ text: 'ROLLBACK' })).catch(() => {}); // The next part will tell.
    return { kind, error };
  }
}

/** The driver knows an answer timeout per query; its types do not. */
function answered(query: QueryConfig): QueryConfig {
  return Object.assign(query, { query_timeout: ANSWER_TIMEOUT_MS });
}
