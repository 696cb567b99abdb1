import type { PoolClient } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';

/** Lends a connection for some work. @throws NervecenterError `NC_UNAVAILABLE` when there is none. */
export type Lend = <T>(work: (client: PoolClient) => Promise<T>) => Promise<T>;

/**
 * How much may wait for what is in progress, in the order in which it goes on: who may look here, which nobody who looks may
 * hold up; work of our own; what others ask.
 */
const WAITING_MAX = { access: 256, own: 64, questions: 32 } as const;

type Rank = keyof typeof WAITING_MAX;

/**
 * Everything that reads takes turns on one connection: of the two there are, one is always left to the writer, however many
 * dashboards ask at once. A place of one rank is never taken by another.
 */
export function takingTurns(lend: Lend): Readonly<Record<Rank, Lend>> {
  const waiting: Readonly<Record<Rank, (() => Promise<void>)[]>> = { access: [], own: [], questions: [] };
  let busy = false;
  const next = () => {
    if (busy) return;
    const run = (waiting.access.shift() ?? waiting.own.shift() ?? waiting.questions.shift())?.();
    if (run === undefined) return;
    busy = true;
    void run.finally(() => {
      busy = false;
      next();
    });
  };
  const rank = (name: Rank): Lend => {
    return (work) => {
      if (waiting[name].length >= WAITING_MAX[name]) return Promise.reject(tooMany());
      return new Promise((resolve, reject) => {
        waiting[name].push(() => lend(work).then(resolve, reject));
        next();
      });
    };
  };
  return { access: rank('access'), own: rank('own'), questions: rank('questions') };
}

function tooMany(): NervecenterError {
  return new NervecenterError(
    'NC_UNAVAILABLE',
    'Too many questions to history at once. Try again in a moment.',
  );
}
