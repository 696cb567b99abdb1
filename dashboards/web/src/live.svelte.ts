import {
  type MetricsState,
  type MetricsStore,
  type Verdict,
  verdictOf,
  verdictReasons,
} from '../../../src/client/index.ts';

const CLOCK_TICK_MS = 1000;

/** What the page is drawn from: the live store, or a fixture. */
export type Source = Pick<MetricsStore, 'subscribe' | 'connect' | 'disconnect'>;

function currentOf(source: Source): MetricsState {
  const seen: MetricsState[] = [];
  source.subscribe((state) => seen.push(state))();
  const [state] = seen;
  if (state === undefined) throw new Error('A store calls its subscriber at once');
  return state;
}

/** The store as runes: the page's only state that comes from outside. */
export class Live {
  readonly #source: Source;
  state: MetricsState;
  /** Milliseconds since 1970, moving once a second, for ages and countdowns. */
  now: number;
  readonly verdict: Verdict = $derived.by(() => verdictOf(this.state.snapshot));
  readonly reasons: readonly string[] = $derived.by(() => verdictReasons(this.state.snapshot));

  constructor(source: Source) {
    this.#source = source;
    this.state = $state.raw(currentOf(source));
    this.now = $state(Date.now());
  }

  /** Connects; the function it returns disconnects. */
  start(): () => void {
    const unsubscribe = this.#source.subscribe((state) => {
      this.state = state;
      this.now = Date.now();
    });
    const clock = setInterval(() => {
      this.now = Date.now();
    }, CLOCK_TICK_MS);
    this.#source.connect();
    return () => {
      clearInterval(clock);
      this.#source.disconnect();
      unsubscribe();
    };
  }

  /** Tries to connect now instead of at the end of the countdown. */
  retry(): void {
    this.#source.connect();
  }
}
