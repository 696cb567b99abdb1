import assert from 'node:assert/strict';
import { until } from '../../support/poll.ts';
import type { Answer, Load } from './load.ts';
import type { Stored } from './rows.ts';
import { falls, type Watcher } from './watcher.ts';

/** A process that was ended. */
export interface End {
  readonly pid: number;
  readonly signal: NodeJS.Signals;
  readonly atMs: number;
  /** Of what it answered from then on it may not have handed over everything, if it had no time to. */
  readonly mayMissFromMs: number;
}

interface Parts {
  readonly load: Load;
  readonly watcher: Watcher;
  readonly ends: readonly End[];
  readonly stored: () => Promise<Stored>;
  /** Whether a process ended without having handed over what it had. */
  readonly cutShort: (end: End) => boolean;
}

/** Events are on the disk within some 50 ms; the rest is for a busy machine. */
export const NOT_HANDED_OVER_MS = 5000;
const PATIENCE_MS = 60_000;

/**
 * Ends the load, waits until everything is stored, and checks that no total ever fell, that shown and stored are the same,
 * each request once, and that of what was answered nothing is missing but what a killed process had not handed over.
 */
export async function assertAccounted({ load, watcher, ends, stored, cutShort }: Parts): Promise<void> {
  await load.stop();
  const due = dueOf(load, ends.filter(cutShort));
  let missing = due;
  const rows = await until(
    async () => {
      const { pipeline } = await watcher.when(({ pipeline }) => pipeline.totals === 'known', 'known totals');
      if (pipeline.events_queued + pipeline.events_in_flight > 0) return null;
      const { requests } = await stored();
      const names = new Set(requests);
      missing = due.filter((name) => !names.has(name));
      return missing.length === 0 ? requests : null;
    },
    { timeoutMs: PATIENCE_MS },
  ).catch(() => assert.fail(`not stored: ${JSON.stringify(missing.map((name) => load.answers.get(name)))}`));
  const { api, llm, pipeline } = await watcher.when(() => true, 'a last look');
  const { requests, calls } = await stored();
  assert.equal(requests.length, rows.length, 'nothing comes any more');
  assert.deepEqual(falls(watcher.sights), [], 'no total fell');
  assert.equal(new Set(requests).size, requests.length, 'a request has one row');
  assert.deepEqual([api.requests_total, llm.total_requests], [requests.length, calls], 'shown and stored');
  const unheardOf = requests.filter((name) => !load.answers.has(name) && !load.unanswered.has(name));
  assert.deepEqual(unheardOf, []);
  assert.deepEqual(pipeline.events_dropped, {});
}

/** The requests whose rows must come: all that were answered, but by a process that was cut short, shortly before. */
function dueOf({ answers }: Load, cutShort: readonly End[]): string[] {
  const mayMiss = new Map(cutShort.map(({ pid, mayMissFromMs }) => [pid, mayMissFromMs]));
  const isDue = ({ pid, atMs }: Answer) => atMs < (mayMiss.get(pid) ?? Number.POSITIVE_INFINITY);
  return [...answers].filter(([, answer]) => isDue(answer)).map(([name]) => name);
}
