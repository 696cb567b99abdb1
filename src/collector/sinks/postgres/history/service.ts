import { describeError, NervecenterError } from '../../../../core/errors.ts';
import type { SignalName } from '../../../../core/event.ts';
import type {
  EventsAnswer,
  EventsQuery,
  HistoryAnswer,
  HistoryQuery,
} from '../../../../core/history/query.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import { oneAtATime, type Read } from '../connect/lend.ts';
import { Rollup, type RollupStep } from '../rollup/rollup.ts';
import { createEvents } from './events.ts';
import { createHistory } from './history.ts';

const INTERVAL_MS = 10 * SECOND_MS;
/** Between two steps while behind: questions take their turn meanwhile. */
const BEHIND_INTERVAL_MS = SECOND_MS / 20;

export interface HistoryService {
  readonly sources: {
    history(query: HistoryQuery): Promise<HistoryAnswer>;
    events(query: EventsQuery): Promise<EventsAnswer>;
  };
  /** Ends the upkeep of the rollups. Idempotent. */
  stop(): void;
}

export interface HistoryServiceOptions {
  readonly read: Read;
  readonly retentionMs: (signal: SignalName) => number;
  readonly log: Log;
}

/** What is stored, as answers; and the upkeep of the rollups they come from, which begins at once. */
export function startHistory({ read, retentionMs, log }: HistoryServiceOptions): HistoryService {
  const lane = oneAtATime(read);
  const rollup = new Rollup({ read: lane, now: () => Date.now(), retentionMs });
  return {
    sources: { history: createHistory(lane), events: createEvents(lane) },
    stop: keepRolling(rollup, log),
  };
}

/** Steps for ever. */
function keepRolling(rollup: Rollup, log: Log): () => void {
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
