import { NervecenterError } from '../../../../core/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import { readSpan } from '../dialects/index.ts';
import { eventIdOf, isUsableTime } from '../event-id.ts';
import type { OtlpSpan } from '../model.ts';
import { signalAtOnce } from './trace.ts';

/** The requests and sessions that are stored. */
export interface StoredRequests {
  /** Whether all that earlier processes left is stored, and can be read. */
  settled(): Promise<boolean>;
  /** When the last of them ended that ended before a moment, both in milliseconds since the epoch; `null`: there is none. */
  lastRequestBefore(timeMs: number): Promise<number | null>;
  /** The ids of those that have rows. */
  requestsAmong(ended: readonly EndedRequest[]): Promise<ReadonlySet<string>>;
}

export interface EndedRequest {
  readonly id: string;
  /** In milliseconds since the epoch. */
  readonly endMs: number;
}

export interface EarlierRequestsOptions {
  readonly stored: StoredRequests;
  /** When this process began to take spans, in milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly now: () => number;
}

/** A sender that was restarted as well sends what it had soon after it is back. */
const LOOKED_UP_FOR_MS = 15 * MINUTE_MS;
/** Clocks of senders go before ours by no more than that. */
const CLOCKS_DIFFER_MS = MINUTE_MS;
/** Storage that cannot be read for longer is down: what is sent waits for it no longer. */
const PATIENCE_MS = 10 * SECOND_MS;
/** Times of rows are rounded. */
const ROUNDED_MS = 2;
const NONE: ReadonlySet<string> = new Set();

/**
 * Which requests a collector before has accepted. What is sent again by a sender that lives is known by its bytes; one that was
 * killed together with that collector sends the same spans in other requests.
 */
export class EarlierRequests {
  readonly #options: EarlierRequestsOptions;
  /** What ended after both this start and the last that is stored is new. `null`: it is not known yet. */
  #newAfterMs: number | null = null;
  /** Until then storage is not asked again, because it did not answer. */
  #silentUntilMs = 0;

  constructor(options: EarlierRequestsOptions) {
    this.#options = options;
  }

  /**
   * The ids of the rows that are there of what these spans tell at once; no promise of them where nothing has to be looked up.
   *
   * @throws NervecenterError `NC_UNAVAILABLE` when that is not known yet.
   */
  among(spans: readonly OtlpSpan[]): ReadonlySet<string> | Promise<ReadonlySet<string>> {
    const { sinceMs, now } = this.#options;
    const nowMs = now();
    if (nowMs > sinceMs + LOOKED_UP_FOR_MS || nowMs < this.#silentUntilMs) return NONE;
    const told = spans.filter((span) => this.#mayBeEarlier(span) && isToldAtOnce(span));
    return told.length === 0 ? NONE : this.#lookedUp(told);
  }

  async #lookedUp(told: readonly OtlpSpan[]): Promise<ReadonlySet<string>> {
    const found = await this.#found(told).catch(() => 'no answer' as const);
    if (found !== null && found !== 'no answer') return found;
    const none = this.#unknown();
    // It may take ten seconds to find that out: once for all that comes meanwhile.
    if (found === 'no answer') this.#silentUntilMs = this.#options.now() + PATIENCE_MS;
    return none;
  }

  /** `null`: not all that earlier processes left can be read yet. */
  async #found(told: readonly OtlpSpan[]): Promise<ReadonlySet<string> | null> {
    if (!(await this.#isKnown())) return null;
    const ended = told
      .filter((span) => this.#mayBeEarlier(span))
      .map(({ traceId, spanId, endMs }) => ({ id: eventIdOf(traceId, spanId, endMs), endMs }));
    return ended.length === 0 ? NONE : this.#options.stored.requestsAmong(ended);
  }

  #mayBeEarlier({ endMs }: OtlpSpan): boolean {
    return endMs < (this.#newAfterMs ?? this.#options.sinceMs + CLOCKS_DIFFER_MS);
  }

  /** Whether all that earlier processes left can be read; then it is known as well how far it goes. */
  async #isKnown(): Promise<boolean> {
    if (this.#newAfterMs !== null) return true;
    const { stored, sinceMs } = this.#options;
    if (!(await stored.settled())) return false;
    const lastMs = await stored.lastRequestBefore(sinceMs + CLOCKS_DIFFER_MS);
    this.#newAfterMs = Math.max(sinceMs, (lastMs ?? 0) + ROUNDED_MS);
    return true;
  }

  #unknown(): ReadonlySet<string> {
    const { sinceMs, now } = this.#options;
    if (now() - sinceMs > PATIENCE_MS) return NONE;
    throw notYet();
  }
}

function isToldAtOnce(span: OtlpSpan): boolean {
  return signalAtOnce(readSpan(span)?.role) !== null && isUsableTime(span.endMs);
}

function notYet(): NervecenterError {
  return new NervecenterError(
    'NC_UNAVAILABLE',
    'It is not known yet which requests are stored from before this collector started. Send it again in a few seconds.',
  );
}
