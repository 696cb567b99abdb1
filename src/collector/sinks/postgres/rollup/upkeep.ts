import { describeError, NervecenterError } from '../../../../core/errors.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import { Rollup, type RollupOptions, type RollupStep } from './rollup.ts';

const INTERVAL_MS = 10 * SECOND_MS;
/** Between two steps while behind: questions take their turn meanwhile. */
const BEHIND_INTERVAL_MS = SECOND_MS / 20;

/** Keeps the rollups, beginning in a second, until the returned function is called. That one is idempotent. */
export function keepRollups(options: RollupOptions, log: Log): () => void {
  const rollup = new Rollup(options);
  const failing = new Condition(log, 'history');
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = (delayMs: number) => {
    if (!stopped) timer = setTimeout(() => void turn(), delayMs).unref();
  };
  const turn = async () => {
    let step: RollupStep = 'done';
    try {
      step = await rollup.step();
      failing.end('rollups are kept again');
    } catch (error) {
      // Storage that is down says so itself.
      const known = error instanceof NervecenterError && error.code === 'NC_UNAVAILABLE';
      if (!known && !stopped) {
        failing.begin(`rollups cannot be kept, history is read from rows meanwhile: ${describeError(error)}`);
      }
    }
    next(step === 'behind' ? BEHIND_INTERVAL_MS : INTERVAL_MS);
  };
  next(SECOND_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
