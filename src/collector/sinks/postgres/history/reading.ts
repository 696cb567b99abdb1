import { DatabaseError, type PoolClient } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';

const TIMED_OUT = '57014';

/**
 * Runs work in a read-only transaction with a time limit of the server's, so that a question that is too large ends there
 * and not only here; all its statements see one moment. Without JIT, which costs more than it brings to statements of some
 * milliseconds, and with an index' pages no dearer than others: Postgres' default is that of spinning disks, by which a month
 * of one dimension is looked for in a whole table of rollups.
 *
 * @throws NervecenterError `NC_UNAVAILABLE` past the limit.
 */
export async function reading<T>(client: PoolClient, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  await client.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${timeoutMs};
     SET LOCAL jit = off; SET LOCAL random_page_cost = 1.1`,
  );
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // The first error says more.
    if (!(error instanceof DatabaseError) || error.code !== TIMED_OUT) throw error;
    throw new NervecenterError(
      'NC_UNAVAILABLE',
      `The answer would have taken the database more than ${timeoutMs / 1000} s. Ask for a shorter range or fewer filters.`,
      { cause: error },
    );
  }
}
