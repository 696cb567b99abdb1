import { untrack } from 'svelte';
import type { AlertEvent } from '../../../../src/core/alerts/stored-alerts.ts';
import { type Dashboard, useDashboard } from '../dashboard.svelte.ts';
import { HistoryFailure } from '../history/client.ts';
import { type AlertsAnswer, isAlertsAnswer, isEvents } from './alerts.ts';

const PATH = '/api/metrics/alerts';

/** Rules, their states and history; asked again as snapshots arrive and after every change. */
export class Alerts {
  answer: AlertsAnswer | null = $state.raw(null);
  events: readonly AlertEvent[] = $state.raw([]);
  /** Why there is no answer, in a sentence; empty when there is one. */
  problem = $state('');
  readonly #dashboard: Dashboard;
  #abort = new AbortController();
  #asking = false;

  constructor(dashboard: Dashboard) {
    this.#dashboard = dashboard;
  }

  /** For an effect. */
  follow(): () => void {
    this.#abort = new AbortController();
    $effect(() => {
      void [this.#dashboard.live.state.snapshot, this.#dashboard.time.range];
      untrack(() => void this.load());
    });
    return () => this.#abort.abort();
  }

  async load(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { history, time } = this.#dashboard;
    const { signal } = this.#abort;
    const { fromMs, toMs } = time.stretch;
    // A range that moves is redrawn in steps: what has just happened is later than its end.
    const to = time.endsNow ? 'now' : new Date(toMs).toISOString();
    const range = new URLSearchParams({ from: new Date(fromMs).toISOString(), to });
    try {
      const [answer, events] = await Promise.all([
        history.getJson(PATH, signal),
        history.getJson(`${PATH}/events?${range}`, signal).catch(() => null), // Without storage there is no history.
      ]);
      if (!isAlertsAnswer(answer)) throw new HistoryFailure('The answer is not one of the alerts API.');
      this.answer = answer;
      if (isEvents(events)) this.events = events.events;
      this.problem = '';
    } catch (error) {
      if (!signal.aborted) this.problem = wordsOf(error);
    } finally {
      this.#asking = false;
    }
  }

  /** Does one of `save`, `remove`, `silence`, `test`. @returns what went wrong in a sentence, or the answer. */
  async act(
    what: string,
    body: object,
  ): Promise<{ readonly problem: string } | { readonly answer: unknown }> {
    try {
      const path = what === 'save' ? PATH : `${PATH}/${what}`;
      const answer = await this.#dashboard.history.postJson(path, body, this.#abort.signal);
      await this.load();
      return { answer };
    } catch (error) {
      return { problem: wordsOf(error) };
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof HistoryFailure ? error.message : 'The request failed.';
}

/** To be called while a component is set up. */
export function useAlerts(): Alerts {
  const alerts = new Alerts(useDashboard());
  $effect(() => alerts.follow());
  return alerts;
}
