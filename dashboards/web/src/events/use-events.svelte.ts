import { untrack } from 'svelte';
import type { EventsAnswer } from '../../../../src/core/history/query.ts';
import { type Dashboard, useDashboard } from '../dashboard.svelte.ts';
import { HistoryFailure } from '../history/client.ts';
import { Pauses } from '../history/pauses.ts';
import type { HistoryStatus } from '../history/use-history.svelte.ts';
import { askedOf } from '../view/sender.ts';
import { type EventsRequest, eventsPath, isEventsAnswer } from './question.ts';

export interface EventsOptions {
  /** Whether it asks again with every snapshot. @default never */
  readonly follows?: () => boolean;
}

/** Questions about events and the answers to them, as long as their component lives. */
export class EventsResource {
  /** One per request, in their order; `null` until all are there. */
  answers: readonly EventsAnswer[] | null;
  error: HistoryFailure | null;
  fetching: boolean;
  readonly #dashboard: Dashboard;
  readonly #requests: () => readonly EventsRequest[];
  /** The questions as text. */
  readonly #paths: readonly string[] = $derived.by(() => {
    const { sender } = this.#dashboard.navigation.view;
    return this.#requests().map((request) => eventsPath(askedOf(request, sender)));
  });
  readonly #key: string = $derived.by(() => this.#paths.join(' '));
  readonly status: HistoryStatus = $derived.by(() => {
    if (this.#key === '') return 'idle';
    if (this.answers === null) return this.error === null ? 'loading' : 'error';
    if (this.error !== null) return 'stale';
    return this.answers.every(({ events }) => events.length === 0) ? 'empty' : 'ready';
  });
  #abort: AbortController | null = null;
  #signals = '';
  readonly #pauses = new Pauses();

  constructor(dashboard: Dashboard, requests: () => readonly EventsRequest[]) {
    this.#dashboard = dashboard;
    this.#requests = requests;
    this.answers = $state.raw(null);
    this.error = $state.raw(null);
    this.fetching = $state(false);
  }

  /** Asks again now. */
  retry(): void {
    if (this.#paths.length > 0) void this.#load(this.#paths);
  }

  /** Begins to follow the requests, and the snapshots where it is asked to. The function it returns lets go of everything. */
  follow(follows: () => boolean): () => void {
    $effect(() => {
      this.#key;
      untrack(() => this.#begin());
    });
    $effect(() => {
      const { snapshot } = this.#dashboard.live.state;
      if (snapshot !== null) untrack(() => this.#tick(follows()));
    });
    return () => this.#abort?.abort();
  }

  /** Where nothing newer is looked for, only what failed is asked again, less and less often. */
  #tick(follows: boolean): void {
    if (this.fetching) return;
    if (follows || (this.error !== null && this.#pauses.areOver(Date.now()))) this.retry();
  }

  #begin(): void {
    this.#abort?.abort();
    this.error = null;
    this.#pauses.reset();
    const signals = this.#requests()
      .map(({ signal }) => signal)
      .join(' ');
    // Rows of the same kind stay until the next ones are there; others would stand in the wrong columns.
    if (signals !== this.#signals) this.answers = null;
    this.#signals = signals;
    if (this.#paths.length > 0) void this.#load(this.#paths);
  }

  async #load(paths: readonly string[]): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.fetching = true;
    try {
      const answers = await Promise.all(paths.map((path) => askEvents(this.#dashboard, path, abort.signal)));
      if (this.#abort !== abort) return;
      this.answers = answers;
      this.error = null;
      this.#pauses.reset();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error =
        error instanceof HistoryFailure ? error : new HistoryFailure('The request failed.', { cause: error });
      this.#pauses.failed(Date.now());
    } finally {
      if (this.#abort === abort) this.fetching = false;
    }
  }
}

/** @throws HistoryFailure when there is no answer; whatever `signal` was aborted with when it was. */
export async function askEvents(
  { history }: Pick<Dashboard, 'history'>,
  path: string,
  signal: AbortSignal,
): Promise<EventsAnswer> {
  const answer = await history.getJson(path, signal);
  if (!isEventsAnswer(answer)) throw new HistoryFailure('The answer is not one of the events API.');
  return answer;
}

/**
 * Rows as runes: asks when the requests change, cancels what nobody waits for any more. To be called while a component is set
 * up; no request asks for nothing.
 */
export function useEvents(
  requests: () => readonly EventsRequest[],
  { follows = () => false }: EventsOptions = {},
): EventsResource {
  const resource = new EventsResource(useDashboard(), requests);
  $effect(() => resource.follow(follows));
  return resource;
}
