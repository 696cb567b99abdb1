import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../../../core/errors.ts';
import type { StoredTrace } from '../../../core/signals/span.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { Log } from '../../log.ts';
import { HOLD_MAX_MS } from './spans/assembler.ts';

/** The traces whose spans are stored. */
export interface StoredTraces {
  /** Whether all that earlier processes left is stored, and can be read. */
  settled(): Promise<boolean>;
  /** Ids of the traces with spans that ended last before a moment, in milliseconds since the epoch; bounded. */
  endedBefore(timeMs: number): Promise<readonly string[]>;
  /** A few at a time; none that has more spans than are decided together. */
  read(ids: readonly string[]): AsyncIterable<StoredTrace>;
}

export interface RecoveryOptions {
  readonly stored: StoredTraces;
  /** Decides a trace; `null` while spans of it are held. */
  readonly recover: (trace: StoredTrace) => Promise<number | null>;
  readonly log: Log;
  /** When this process began to take spans, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** @default `AFTER_MS` */
  readonly afterMs?: number;
}

/** A collector that lives, on the same database, has decided by then what ended before this one began and was sent 5 s later. */
const AFTER_MS = HOLD_MAX_MS + 10 * SECOND_MS;
/** How often it is asked whether storage is there. */
const RETRY_MS = 5 * SECOND_MS;
/** Spans that are looked at, of all traces together: twice as many as a collector holds undecided. */
const SPANS_MAX = 100_000;
/** What is given on waits for the disk, which takes no longer for many. */
const TRACES_AT_ONCE = 200;

/**
 * Once after a start, decides the traces that a collector before had taken spans of and was killed before it had decided them:
 * their senders were told that they are accepted. A failure costs these figures and nothing else.
 *
 * @returns ends it.
 */
export function recoverTraces(options: RecoveryOptions): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  void recoverAll(options, signal).catch((error: unknown) => {
    if (signal.aborted) return;
    options.log(
      'otlp',
      `calls in spans that were taken before this start may be uncounted: ${describeError(error)}`,
    );
  });
  return () => ended.abort();
}

async function recoverAll(options: RecoveryOptions, signal: AbortSignal): Promise<void> {
  const { stored, log, sinceMs, afterMs = AFTER_MS } = options;
  const pause = (ms: number) => delay(ms, undefined, { signal, ref: false });
  await pause(afterMs);
  while (!(await stored.settled())) await pause(RETRY_MS);
  signal.throwIfAborted();
  const first = await recoverThese(options, await stored.endedBefore(sinceMs), signal);
  let { found } = first;
  if (first.held.length > 0) {
    // More of them came here. That is decided by then, unless it goes on; then nobody knows what is counted.
    await pause(afterMs);
    found += (await recoverThese(options, first.held, signal)).found;
  }
  if (found > 0)
    log('otlp', `counted ${found} calls and queries in spans that were taken before this start.`);
}

/** How many events were found, and which traces have to wait. */
async function recoverThese(
  { stored, recover }: RecoveryOptions,
  ids: readonly string[],
  signal: AbortSignal,
) {
  const held: string[] = [];
  let [found, spans] = [0, 0];
  let recovering: Promise<void>[] = [];
  for await (const trace of stored.read(ids)) {
    signal.throwIfAborted();
    spans += trace.spans.length;
    if (spans > SPANS_MAX) break;
    const recovered = recover(trace).then((events) => {
      if (events === null) held.push(trace.id);
      else found += events;
    });
    if (recovering.push(recovered) < TRACES_AT_ONCE) continue;
    await Promise.all(recovering);
    recovering = [];
  }
  await Promise.all(recovering);
  return { found, held };
}
