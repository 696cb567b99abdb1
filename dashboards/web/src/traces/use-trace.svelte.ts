import { untrack } from 'svelte';
import type { TraceAnswer } from '../../../../src/core/history/trace.ts';
import { type Dashboard, useDashboard } from '../dashboard.svelte.ts';
import { HistoryFailure } from '../history/client.ts';
import { Pauses } from '../history/pauses.ts';
import type { HistoryStatus } from '../history/use-history.svelte.ts';
import { isTraceAnswer, tracePath } from './answer.ts';

const NOT_FOUND = 404;

/** One trace, as long as its component lives. It is asked for until there is an answer: what is late is there when somebody looks again. */
export class TraceResource {
  answer: TraceAnswer | null;
  error: HistoryFailure | null;
  readonly status: HistoryStatus = $derived.by(() => {
    if (this.error !== null) return this.error.status === NOT_FOUND ? 'empty' : 'error';
    return this.answer === null ? 'loading' : 'ready';
  });
  readonly #dashboard: Dashboard;
  readonly #traceId: () => string;
  /** Of the question that is under way. */
  #abort: AbortController | null = null;
  readonly #pauses = new Pauses();

  constructor(dashboard: Dashboard, traceId: () => string) {
    this.#dashboard = dashboard;
    this.#traceId = traceId;
    this.answer = $state.raw(null);
    this.error = $state.raw(null);
  }

  /** Asks again now. */
  retry(): void {
    void this.#load(this.#traceId());
  }

  /** Begins to follow the id. The function it returns lets go of everything. */
  follow(): () => void {
    $effect(() => {
      const traceId = this.#traceId();
      untrack(() => {
        this.answer = null;
        this.error = null;
        this.#pauses.reset();
        void this.#load(traceId);
      });
    });
    $effect(() => {
      const { snapshot } = this.#dashboard.live.state;
      if (snapshot !== null) untrack(() => this.#tick());
    });
    return () => this.#abort?.abort();
  }

  #tick(): void {
    if (this.#abort === null && this.status === 'error' && this.#pauses.areOver(Date.now())) this.retry();
  }

  async #load(traceId: string): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const answer = await this.#dashboard.history.getJson(tracePath(traceId), abort.signal);
      if (!isTraceAnswer(answer)) throw new HistoryFailure('The answer is not one of the traces API.');
      if (this.#abort !== abort) return;
      this.answer = answer;
      this.error = null;
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error =
        error instanceof HistoryFailure ? error : new HistoryFailure('The request failed.', { cause: error });
      this.#pauses.failed(Date.now());
    } finally {
      if (this.#abort === abort) this.#abort = null;
    }
  }
}

/** To be called while a component is set up. */
export function useTrace(traceId: () => string): TraceResource {
  const resource = new TraceResource(useDashboard(), traceId);
  $effect(() => resource.follow());
  return resource;
}
