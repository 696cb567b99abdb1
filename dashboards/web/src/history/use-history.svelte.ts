import { untrack } from 'svelte';
import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import { type Dashboard, useDashboard } from '../dashboard.svelte.ts';
import { askedOf } from '../view/sender.ts';
import { HistoryFailure, type KeptAnswer } from './client.ts';
import { Pauses } from './pauses.ts';
import { freshForMs, type HistoryRequest, historySearch } from './question.ts';

/**
 * - `idle`: nothing was asked for
 * - `loading`: nothing to show yet
 * - `ready`: the answer is as fresh as it gets
 * - `empty`: answered, and there is nothing in it
 * - `stale`: there is an answer, but a newer one could not be had
 * - `error`: no answer, and why
 */
export type HistoryStatus = 'idle' | 'loading' | 'ready' | 'empty' | 'stale' | 'error';

/** A question to history and the answer to it, as long as its component lives. */
export class HistoryResource {
  answer: HistoryAnswer | null;
  error: HistoryFailure | null;
  /** When the answer came, in milliseconds since 1970. */
  answeredAtMs: number;
  /** A question is under way. */
  fetching: boolean;
  readonly #dashboard: Dashboard;
  readonly #request: () => HistoryRequest | null;
  /** The question as text; `null`: none. */
  readonly search: string | null = $derived.by(() => {
    const request = this.#request();
    const { range, sinceMs, stretch, zone } = this.#dashboard.time;
    if (request === null) return null;
    const { sender } = this.#dashboard.navigation.view;
    const young = sinceMs === null ? null : { fromMs: sinceMs, toMs: stretch.toMs };
    return historySearch(askedOf(request, sender), { range, young, timeZone: zone.name });
  });
  readonly status: HistoryStatus = $derived.by(() => {
    if (this.search === null) return 'idle';
    if (this.answer === null) return this.error === null ? 'loading' : 'error';
    if (this.error !== null) return 'stale';
    return isEmpty(this.answer) ? 'empty' : 'ready';
  });
  #abort: AbortController | null = null;
  readonly #pauses = new Pauses();

  constructor(dashboard: Dashboard, request: () => HistoryRequest | null) {
    this.#dashboard = dashboard;
    this.#request = request;
    this.answer = $state.raw(null);
    this.error = $state.raw(null);
    this.answeredAtMs = $state(0);
    this.fetching = $state(false);
  }

  /** Asks again now. */
  retry(): void {
    if (this.search !== null) void this.#load(this.search);
  }

  /** Begins to follow the request and the clock. The function it returns lets go of everything. */
  follow(): () => void {
    $effect(() => {
      const { search } = this;
      untrack(() => this.#begin(search));
    });
    $effect(() => {
      // Every snapshot is a tick; the one after a reconnect brings what was missed.
      const { snapshot } = this.#dashboard.live.state;
      if (snapshot !== null) untrack(() => this.#tick());
    });
    return () => this.#abort?.abort();
  }

  #begin(search: string | null): void {
    this.#abort?.abort();
    this.error = null;
    this.#pauses.reset();
    const kept = search === null ? null : this.#dashboard.history.kept(search);
    // Only the range moved: the old line stays until the new one is there.
    const isSameFigure = search !== null && figureOf(search) === this.#figure;
    if (kept !== null) this.#take(kept);
    else if (!isSameFigure) this.answer = null;
    this.#figure = search === null ? '' : figureOf(search);
    if (search !== null && (kept === null || this.#isOld())) void this.#load(search);
  }

  #figure = '';

  /** What ends at now is asked for as it grows old; of the past only what failed, as while a collector begins, less and less often. */
  #tick(): void {
    if (this.search === null || this.fetching) return;
    const isDue = this.#dashboard.time.endsNow
      ? this.#isOld()
      : this.error !== null && this.#pauses.areOver(Date.now());
    if (isDue) void this.#load(this.search);
  }

  #isOld(): boolean {
    if (this.answer === null) return true;
    // A stretch in the past can still be written to by a late row, but not so that anybody waits for it.
    if (!this.#dashboard.time.endsNow) return false;
    const { intervalMs } = this.#dashboard.live.state;
    return Date.now() - this.answeredAtMs >= freshForMs(this.answer, intervalMs) - intervalMs / 2;
  }

  async #load(search: string): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.fetching = true;
    try {
      this.#take(await this.#dashboard.history.ask(search, abort.signal));
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error =
        error instanceof HistoryFailure ? error : new HistoryFailure('The request failed.', { cause: error });
      this.#pauses.failed(Date.now());
    } finally {
      if (this.#abort === abort) this.fetching = false;
    }
  }

  #take({ answer, atMs }: KeptAnswer): void {
    this.#dashboard.time.sawFirstRow(answer);
    this.answer = answer;
    this.answeredAtMs = atMs;
    this.error = null;
    this.#pauses.reset();
  }
}

/**
 * History as runes: `const p95 = useHistory(() => ({ signal: 'rag-query', measure: 'p95' }))`, then `p95.status` and
 * `p95.answer`. Asks again when the request, the range or the zone changes and, while the range ends at now, as its steps
 * pass; cancels what nobody waits for any more. To be called while a component is set up.
 */
export function useHistory(request: () => HistoryRequest | null): HistoryResource {
  const resource = new HistoryResource(useDashboard(), request);
  $effect(() => resource.follow());
  return resource;
}

/** Without when and in which steps: what the figure is about. */
function figureOf(search: string): string {
  const figure = new URLSearchParams(search);
  const isInSteps = figure.get('step') !== 'all';
  for (const name of ['from', 'to', 'tz', ...(isInSteps ? ['step'] : [])]) figure.delete(name);
  return figure.toString();
}

/** Measures that are 0 where nothing happened say so by being 0 throughout. */
function isEmpty({ measure, series }: HistoryAnswer): boolean {
  const isCount = measure === 'count' || measure === 'rate';
  return series.every(({ points }) =>
    points.every(([, value]) => value === null || (isCount && value === 0)),
  );
}
