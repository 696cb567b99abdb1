import type { PoolClient } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';

/** Lends a connection for some work. @throws NervecenterError `NC_UNAVAILABLE` when there is none. */
export type Lend = <T>(work: (client: PoolClient) => Promise<T>) => Promise<T>;

/** Questions that may wait for the one in progress. */
const WAITING_MAX = 32;

/**
 * Everything that reads takes turns on one connection: of the two there are, one is always left to the writer, however many
 * dashboards ask at once.
 */
export function oneAtATime(lend: Lend): Lend {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return (work) => {
    if (waiting >= WAITING_MAX) {
      const message = 'Too many questions to history at once. Try again in a moment.';
      return Promise.reject(new NervecenterError('NC_UNAVAILABLE', message));
    }
    waiting++;
    const turn = last.then(() => lend(work)).finally(() => waiting--);
    last = turn.catch(() => {});
    return turn;
  };
}
