import { untrack } from 'svelte';
import type { AlertEvent } from '../../../../src/core/alerts/stored-alerts.ts';
import type { ChartBand, DrawnFigure } from '../chart/spec.ts';
import type { HistoryClient } from '../history/client.ts';
import type { Live } from '../live/live.svelte.ts';
import type { Navigation } from '../view/navigation.svelte.ts';
import { presetOf, type Stretch } from '../view/range.ts';
import type { TimeRange } from '../view/time.svelte.ts';
import { isAlertsAnswer, isEvents, type ShownRule } from './alerts.ts';
import { bandsOn } from './watched.ts';

const PATH = '/api/metrics/alerts';
/** A firing is a matter of minutes: asked for less often than snapshots come. */
const FRESH_MS = 15_000;

/** The rules and what fired in the range that is shown, for all charts of the dashboard at once. */
export class Firings {
  #rules: readonly ShownRule[] = $state.raw([]);
  #events: readonly AlertEvent[] = $state.raw([]);
  readonly #live: Live;
  readonly #navigation: Navigation;
  readonly #time: TimeRange;
  readonly #client: HistoryClient;
  #abort: AbortController | null = null;
  #askedFor = '';
  #askedAtMs = 0;

  constructor(options: {
    readonly live: Live;
    readonly navigation: Navigation;
    readonly time: TimeRange;
    readonly client: HistoryClient;
  }) {
    this.#live = options.live;
    this.#navigation = options.navigation;
    this.#time = options.time;
    this.#client = options.client;
  }

  /** For an effect of the shell: asks again as the range changes and the snapshots go on. */
  follow(): () => void {
    $effect(() => {
      const { snapshot } = this.#live.state;
      const asked = JSON.stringify([this.#navigation.page?.id, this.#time.range]);
      if (snapshot !== null) untrack(() => this.#ask(asked));
    });
    return () => this.#abort?.abort();
  }

  /** Of the rules that watch any of these figures: when they fired. */
  bandsOn(figures: readonly DrawnFigure[], nowMs: number): ChartBand[] {
    return bandsOn(figures, { rules: this.#rules, events: this.#events }, nowMs);
  }

  #ask(asked: string): void {
    if (asked === this.#askedFor && Date.now() - this.#askedAtMs < FRESH_MS) return;
    this.#askedFor = asked;
    this.#askedAtMs = Date.now();
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    // Without them charts have no bands, and are charts.
    this.#load(abort.signal).catch(() => {});
  }

  async #load(signal: AbortSignal): Promise<void> {
    const answer = await this.#client.getJson(PATH, signal);
    if (!isAlertsAnswer(answer)) return;
    this.#rules = answer.rules;
    if (answer.rules.length === 0) return;
    const { fromMs, toMs } = this.#stretch();
    const range = new URLSearchParams({ from: iso(fromMs), to: this.#time.endsNow ? 'now' : iso(toMs) });
    const events = await this.#client.getJson(`${PATH}/events?${range}`, signal);
    if (isEvents(events)) this.#events = events.events;
  }

  /** A page without ranges shows the last minutes, whatever range the others are at. */
  #stretch(): Stretch {
    if (this.#navigation.page?.hasRange ?? true) return this.#time.stretch;
    const toMs = Date.now();
    return { fromMs: toMs - presetOf('live').spanMs, toMs };
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
