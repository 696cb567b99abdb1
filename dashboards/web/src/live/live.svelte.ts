import {
  type MetricsState,
  type MetricsStore,
  type Verdict,
  verdictOf,
  verdictReasons,
} from '../../../../src/client/index.ts';
import { totalsOf } from '../../../../src/client/totals.ts';
import type { SenderFilter } from '../../../../src/core/history/sender-filter.ts';
import type { HistoryClient } from '../history/client.ts';
import { Pauses } from '../history/pauses.ts';
import { askPast, type LiveHistory, liveHistory, NO_PAST, type Past } from './past.ts';

const CLOCK_TICK_MS = 1000;

/** What the page is drawn from: the live store, or a fixture. */
export type Source = Pick<MetricsStore, 'subscribe' | 'connect' | 'disconnect'>;

/** The source of somebody's figures. */
export type SourceOf = (sender: SenderFilter) => Source;

function currentOf(source: Source): MetricsState {
  const seen: MetricsState[] = [];
  source.subscribe((state) => seen.push(state))();
  const [state] = seen;
  if (state === undefined) throw new Error('A store calls its subscriber at once');
  return state;
}

/** The store as runes: the page's only state that comes from outside. */
export class Live {
  readonly #sourceOf: SourceOf;
  #sender: SenderFilter;
  #source: Source;
  /** Ends following the source; `null` while it is not followed. */
  #unfollow: (() => void) | null = null;
  state: MetricsState;
  /** Milliseconds since 1970, moving once a second, for ages and countdowns. */
  now: number;
  readonly verdict: Verdict = $derived.by(() => verdictOf(this.state.snapshot));
  readonly reasons: readonly string[] = $derived.by(() => verdictReasons(this.state.snapshot));

  /** The last minutes: snapshots, and from history what was before the first of them or missed. */
  readonly history: LiveHistory = $derived.by(() =>
    liveHistory(this.#past, this.state.history, this.state.intervalMs),
  );
  readonly #client: HistoryClient;
  #past: Past;
  #abort: AbortController | null = null;
  /** The snapshots missed when the past was last asked for; -1: never asked. */
  #filledMissed = -1;
  readonly #pauses = new Pauses();

  constructor(sourceOf: SourceOf, client: HistoryClient, sender: SenderFilter) {
    const source = sourceOf(sender);
    this.#sourceOf = sourceOf;
    this.#sender = sender;
    this.#source = source;
    this.#client = client;
    this.#past = $state.raw(NO_PAST);
    this.state = $state.raw(currentOf(source));
    this.now = $state(Date.now());
  }

  /** Connects; the function it returns disconnects. */
  start(): () => void {
    this.#follow();
    const clock = setInterval(() => {
      this.now = Date.now();
    }, CLOCK_TICK_MS);
    return () => {
      clearInterval(clock);
      this.#unfollow?.();
      this.#unfollow = null;
    };
  }

  /** Shows somebody else's figures, from the beginning. */
  show(sender: SenderFilter): void {
    if (sender.service === this.#sender.service && sender.instance === this.#sender.instance) return;
    const isFollowed = this.#unfollow !== null;
    this.#unfollow?.();
    this.#sender = sender;
    this.#source = this.#sourceOf(sender);
    this.#past = NO_PAST;
    this.#filledMissed = -1;
    this.#pauses.reset();
    if (isFollowed) this.#follow();
  }

  #follow(): void {
    const source = this.#source;
    const unsubscribe = source.subscribe((state) => {
      this.state = state;
      this.now = Date.now();
      this.#fill(state);
    });
    source.connect();
    this.#unfollow = () => {
      this.#abort?.abort();
      source.disconnect();
      unsubscribe();
    };
  }

  /**
   * Asks history for the minutes before the first snapshot, and again when snapshots were missed or the collector restarted;
   * until it answers, and less and less often.
   */
  #fill({ snapshot, intervalMs, missed, restarts }: MetricsState): void {
    const seen = missed + restarts;
    if (snapshot === null || snapshot.pipeline.storage !== 'ok' || seen <= this.#filledMissed) return;
    // What counters stood at before is told from what they stand at now.
    if (!totalsOf(snapshot).known || !this.#pauses.areOver(Date.now())) return;
    const filledBefore = this.#filledMissed;
    this.#filledMissed = seen;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    askPast((search) => this.#client.ask(search, abort.signal), {
      snapshot,
      intervalMs,
      sender: this.#sender,
    }).then(
      (past) => {
        this.#past = past;
        this.#pauses.reset();
      },
      // Until then the charts begin with the first snapshot.
      () => {
        if (abort.signal.aborted) return;
        this.#filledMissed = filledBefore;
        this.#pauses.failed(Date.now());
      },
    );
  }

  /** Tries to connect now instead of at the end of the countdown. */
  retry(): void {
    this.#source.connect();
  }
}
