import { setTimeout as delay } from 'node:timers/promises';
import { NervecenterError } from '../../../../core/errors.ts';
import type { Point } from '../../../../core/frame.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import { LockedError } from '../data-dir/lock.ts';
import type { SentBatch } from '../spool/batch.ts';
import { Spools } from '../spool/spools.ts';
import { sentIn } from '../totals/earlier.ts';
import { HeldBatch } from './held-batch.ts';
import type { IntakeOptions } from './intake.ts';
import { type DropReason, RowCounts } from './row-counts.ts';

/** What a process sent at its end, or measured itself. */
export interface LastLot {
  readonly events: readonly NervecenterEvent[];
  readonly points: readonly Point[];
  readonly sent: readonly SentBatch[];
  /** It may be on disk already, or stored. */
  readonly again: boolean;
}

/** Scripts that end together take turns: each has its spool for some milliseconds. */
const TURN_MS = 2 * SECOND_MS;
const TURN_INTERVAL_MS = 20;

/**
 * Leaves rows in a spool for the next collector, and what they measure with them. What waits there is not read, unless a
 * lot may be among it.
 *
 * @returns what had to go for it, as a sentence with the remedy; empty when nothing had to.
 * @throws NervecenterError when they cannot be kept.
 */
export async function leaveRows(options: IntakeOptions, lots: readonly LastLot[]): Promise<string> {
  try {
    return await leave(options, lots);
  } catch (error) {
    if (error instanceof NervecenterError) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const problem = `${options.spoolDirectory} cannot be written (${code}). Correct that, or set NERVECENTER_DATA_DIR to another directory.`;
    throw new NervecenterError('NC_DATA_DIR', problem, { cause: error });
  }
}

async function leave(
  { spoolDirectory, spoolMaxBytes, measuring, ...spooled }: IntakeOptions,
  lots: readonly LastLot[],
): Promise<string> {
  if (spoolMaxBytes === 0)
    throw new NervecenterError(
      'NC_UNAVAILABLE',
      'NERVECENTER_SPOOL_MAX_BYTES is 0, so rows have no place where no collector runs. Set it to more, or have a collector run.',
    );
  const counts = new RowCounts(() => {});
  const again = lots.some((lot) => lot.again);
  const options = {
    ...spooled,
    directory: spoolDirectory,
    maxBytes: spoolMaxBytes,
    appendOnly: !again,
    onFound: () => {},
    onLost: (reason: DropReason, rows: number) => counts.drop(reason, rows),
  };
  const spools = await inTurn(() => Spools.open(options));
  try {
    const sentBefore = new Map(again ? await sentIn(spools.allFacts()) : []);
    const isNew = ({ sent }: LastLot) => sent.every(([id, batch]) => batch > (sentBefore.get(id) ?? 0));
    const held = new HeldBatch(measuring, counts);
    for (const { events, points, sent, again: doubtful } of lots.filter(isNew)) {
      held.make({ events: [[], events], points: [[], points], sent, doubtful });
      const batch = held.lendTo('intake');
      if (batch !== null) await spools.append(batch, () => held.drop());
    }
    await spools.sync();
  } finally {
    await spools.close();
  }
  const { spool_full: full = 0 } = counts.dropped;
  return full === 0 ? '' : fullLine(spoolDirectory, full);
}

function fullLine(directory: string, rows: number): string {
  return `The spool ${directory} is full; ${rows} rows were dropped, the oldest first. Start a collector that stores what waits there, or raise NERVECENTER_SPOOL_MAX_BYTES.`;
}

async function inTurn<T>(open: () => Promise<T>): Promise<T> {
  for (const endsAt = performance.now() + TURN_MS; ; ) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof LockedError) || performance.now() >= endsAt) throw error;
      await delay(TURN_INTERVAL_MS);
    }
  }
}
